//! `larder dev` without a browser: what it adds, and what it leaves alone.

mod hosts;
mod lines;
mod missing;
mod pages;
mod socket;
mod start;
