//! The limit on open files → how many connections there is room for.
//!
//! Where connections may take every descriptor, an edit cannot be read and Redis cannot be reached
//! any more. So they get what is left when the rest has its own: above that a client is told 503,
//! as above `server.max_connections`.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is kept for files, stores, the admin listener and clients that are being refused: a quarter
/// within these bounds, and never more than half.
const KEPT: (u64, u64) = (128, 1024);

/// Raises the limit as far as it goes, and says how many of `wanted` connections there is room for.
pub(super) fn room_for(wanted: usize) -> usize {
    let limits = getrlimit(Resource::Nofile);
    // The low limit of most systems is for programs that use `select`; nobody has to set it here.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits });
    let Some(files) = (if raised.is_ok() { limits.maximum } else { limits.current }) else {
        return wanted;
    };
    let room = room(files);
    if room >= wanted {
        return wanted;
    }
    tracing::warn!(
        connections = room,
        files,
        "fewer connections than server.max_connections says: the limit on open files (ulimit -n) \
         leaves no room for more"
    );
    room
}

fn room(files: u64) -> usize {
    let kept = (files / 4).clamp(KEPT.0, KEPT.1).min(files / 2);
    usize::try_from(files - kept).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_the_rest() {
        for (files, expected) in
            [(1, 1), (40, 20), (256, 128), (1024, 768), (4096, 3072), (20_000, 18_976)]
        {
            assert_eq!(room(files), expected, "{files}");
        }
    }
}
