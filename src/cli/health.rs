//! `larder health`: whether a running site answers, for container health checks.

use std::path::Path;

use super::target::{Reach, Target, Trouble};
use super::{FAILED, OK, say};

/// 0 where the site's admin listener answers, else 1.
pub(super) fn run(config: &Path, reach: &Reach) -> Result<u8, Trouble> {
    let Some(running) = Target::running(config, reach) else {
        say(&format!("{}\n", Target::nobody(config, reach)));
        return Ok(FAILED);
    };
    running.get("/readyz")?;
    say("ready\n");
    Ok(OK)
}
