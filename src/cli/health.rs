//! `larder health`: whether a running site answers, for container health checks.

use std::path::Path;

use super::target::{CommandError, Reach, Running};
use super::{FAILED, OK, say};

/// 0 where the site's admin listener answers, else 1.
pub(super) fn run(config: &Path, reach: &Reach) -> Result<u8, CommandError> {
    match Running::find(config, reach) {
        Ok(running) => running.check_ready()?,
        Err(why) => {
            say(&format!("{why}\n"));
            return Ok(FAILED);
        }
    }
    say("ready\n");
    Ok(OK)
}
