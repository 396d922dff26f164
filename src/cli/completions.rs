//! `larder completions SHELL`: a shell's completions, from the commands' own definition.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::{Arguments, OK, say};

/// Writes the completions of `shell` to standard output.
pub(super) fn run(shell: Shell) -> u8 {
    let mut text = Vec::new();
    generate(shell, &mut Arguments::command(), "larder", &mut text);
    say(&String::from_utf8_lossy(&text));
    OK
}
