//! larder's pages in a real browser.

mod admin;
mod harness;
mod live;
