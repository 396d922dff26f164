//! The process as the system sees it, by the names that Prometheus' own libraries use.

use std::fs;

use rustix::process::{Resource, getrlimit};

/// A second of the processor is so many ticks, on every Linux that there is (`USER_HZ`).
const TICKS: f64 = 100.0;

/// What could be learned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    /// Time on processors, of programs and of the kernel for them.
    pub(super) cpu_seconds: Option<f64>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) virtual_bytes: Option<u64>,
    pub(super) threads: Option<u64>,
    pub(super) open_fds: Option<u64>,
    pub(super) max_fds: Option<u64>,
    /// Since 1970.
    pub(super) start_seconds: Option<f64>,
}

impl Process {
    /// As it is now. A few small reads; the file descriptors are not counted one by one where the
    /// system says how many there are.
    pub(super) fn now() -> Self {
        // proc_pid_stat(5): what stands behind the name, which may hold anything.
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let field = |number: usize| fields.split_ascii_whitespace().nth(number - 3);
        let whole = |number| field(number)?.parse::<u64>().ok();
        let ticks = |number| field(number)?.parse::<f64>().ok();
        Self {
            cpu_seconds: ticks(14).zip(ticks(15)).map(|(user, system)| (user + system) / TICKS),
            threads: whole(20),
            virtual_bytes: whole(23),
            resident_bytes: whole(24).map(|pages| pages * rustix::param::page_size() as u64),
            open_fds: open_fds(),
            max_fds: getrlimit(Resource::Nofile).current,
            start_seconds: ticks(22).zip(booted()).map(|(since, at)| at + since / TICKS),
        }
    }
}

fn open_fds() -> Option<u64> {
    let dir = "/proc/self/fd";
    // Since Linux 6.2 its size is how many there are.
    let size = fs::metadata(dir).ok()?.len();
    if size > 0 { Some(size) } else { Some(fs::read_dir(dir).ok()?.count() as u64) }
}

/// When the machine was started, in seconds since 1970.
fn booted() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_knows_itself() {
        let process = Process::now();
        let now = crate::clock::Clock::system().wall();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        assert!(process.cpu_seconds.is_some_and(|seconds| seconds < now));
        assert!(process.resident_bytes.is_some_and(|bytes| bytes > 100_000));
        assert!(process.virtual_bytes >= process.resident_bytes);
        assert!(process.threads.is_some_and(|threads| threads >= 2));
        assert!(process.open_fds.is_some_and(|fds| (3..100_000).contains(&fds)));
        assert!(process.max_fds.is_none_or(|fds| Some(fds) >= process.open_fds));
        assert!(process.start_seconds.is_some_and(|at| at <= now + 1.0 && at > now - 86_400.0));
    }
}
