//! `larder warm`: renders pages before anybody asks.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use super::target::{CommandError, Reach, Target};
use super::{FAILED, OK, complain, complain_raw, say};
use crate::admin::{Addresses, Wanted, Warmed};

/// How many pages are rendered at a time.
const AT_ONCE: usize = 8;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Addresses to render, paths with their queries, besides every route without parameters; `-`
    /// reads more from standard input, one a line.
    urls: Vec<String>,
    #[command(flatten)]
    reach: Reach,
}

/// Renders every route without parameters, and the addresses given; says how many are kept.
pub(super) fn run(config: &Path, arguments: &Arguments) -> Result<u8, CommandError> {
    let target = Target::find(config, &arguments.reach, false)?;
    let mut urls = target.get::<Addresses>("/api/addresses", &[])?.urls;
    for url in &arguments.urls {
        if url != "-" {
            urls.push(url.clone());
            continue;
        }
        for line in io::stdin().lock().lines() {
            let line = line.map_err(|why| format!("standard input: {why}"))?;
            urls.extend(Some(line.trim().to_owned()).filter(|line| !line.is_empty()));
        }
    }
    let (next, done, kept) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let (failures, is_shown) = (Mutex::new(Vec::new()), io::stderr().is_terminal());
    let work = || {
        while let Some(url) = urls.get(next.fetch_add(1, Ordering::Relaxed)) {
            match warmed(&target, url) {
                Ok(()) => drop(kept.fetch_add(1, Ordering::Relaxed)),
                Err(why) => failures.lock().push(format!("{url}: {why}\n")),
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if is_shown {
                complain_raw(&format!("\r{done} of {}", urls.len()));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(urls.len()) {
            scope.spawn(work);
        }
    });
    if is_shown && !urls.is_empty() {
        complain_raw("\r\x1b[K");
    }
    failures.into_inner().iter().for_each(|line| complain(line));
    let kept = kept.into_inner();
    say(&format!("{kept} of {} pages kept\n", urls.len()));
    Ok(if kept == urls.len() { OK } else { FAILED })
}

/// Renders one page, and says why it is not kept.
fn warmed(target: &Target, url: &str) -> Result<(), String> {
    let wanted = Wanted { url: url.to_owned() };
    match target.post::<Warmed>("/api/warm", &wanted) {
        Ok(Warmed { kept: true, .. }) => Ok(()),
        Ok(Warmed { status, .. }) => Err(format!("{status}, and not kept")),
        Err(CommandError::Failed(why)) => Err(why),
        Err(CommandError::BadConfig(_)) => Err("the configuration is bad".to_owned()),
    }
}
