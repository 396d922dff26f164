//! The admin listener, as programs, people and attackers meet it.

mod client;
mod crowds;
mod figures;
mod guards;
mod keys;
mod many;
mod page;
mod status;

pub(crate) use client::{Admin, encoded};

/// A site with a route that takes names, one that shares data with it, and one that takes its time.
pub(crate) const SITE: &str = "\
data: { site: { title: Larder }, other: { word: hi } }
routes:
  /a: { inline: '{{site.title}} a', ttl: 1h }
  /b/{name}: { inline: '{{other.word}} {{params.name}}', name: b, ttl: 1h }
  /slow: { body: slow, delay: 3s, ttl: 1h }
";
