//! `larder serve`: runs the site until it is told to stop.

use std::path::Path;

use super::{BAD_CONFIG, FAILED, Listening, OK, check, complain};
use crate::app::{self, Mode, Options, StartError};

/// Serves the site whose main file is `config`, to visitors or to who works on it.
pub(super) fn run(config: &Path, listening: &Listening, mode: Mode) -> u8 {
    let options = Options {
        config: config.to_owned(),
        listen: listening.listen.clone(),
        admin: listening.admin.clone(),
        store: listening.store.clone(),
        mode,
    };
    match app::run(&options) {
        Ok(()) => OK,
        Err(StartError::BadConfig(report)) => {
            check::show(&report);
            BAD_CONFIG
        }
        Err(StartError::Failed(why)) => {
            complain(&format!("larder: {why}\n"));
            FAILED
        }
    }
}
