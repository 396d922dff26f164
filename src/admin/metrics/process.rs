//! The process as the system sees it, by the names that Prometheus' own libraries use.

use std::fs;

use rustix::process::{Resource, getrlimit};

use super::text::{Kind, Text};

/// A second of the processor is so many ticks, on every Linux that there is (`USER_HZ`).
const TICKS: f64 = 100.0;

/// What can be learned of it now. A few small reads; the file descriptors are not counted one by
/// one where the system says how many there are.
pub(super) fn write(out: &mut Text) {
    // proc_pid_stat(5): what stands behind the name, which may hold anything.
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let field = |number: usize| fields.split_ascii_whitespace().nth(number - 3);
    let whole = |number| field(number)?.parse::<u64>().ok();
    let ticks = |number| field(number)?.parse::<f64>().ok();
    // Of programs and of the kernel for them.
    let on_processors = ticks(14).zip(ticks(15)).map(|(user, system)| (user + system) / TICKS);
    let started = ticks(22).zip(booted()).map(|(since, at)| at + since / TICKS);
    let resident = whole(24).map(|pages| pages * rustix::param::page_size() as u64);
    let max_fds = getrlimit(Resource::Nofile).current;
    out.known(Kind::Counter, "process_cpu_seconds", "Time on processors", on_processors);
    out.known(Kind::Gauge, "process_start_time_seconds", "Start, since 1970", started);
    out.known(Kind::Gauge, "process_resident_memory_bytes", "Memory in use", resident);
    out.known(Kind::Gauge, "process_virtual_memory_bytes", "Memory that is addressed", whole(23));
    out.known(Kind::Gauge, "process_threads", "Threads", whole(20));
    out.known(Kind::Gauge, "process_open_fds", "Open file descriptors", open_fds());
    out.known(Kind::Gauge, "process_max_fds", "Bound on open file descriptors", max_fds);
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
    use super::super::text::Format;
    use super::*;

    #[test]
    fn the_process_knows_itself() {
        let mut text = Text::new(Format::Prometheus);
        write(&mut text);
        let text = text.end();
        let value = |name: &str| {
            let mut lines = text.lines();
            let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            found.map(|value| value.parse::<f64>().unwrap())
        };
        let now = crate::clock::Clock::system().wall();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        assert!(value("process_cpu_seconds_total").is_some_and(|seconds| seconds < now));
        let resident = value("process_resident_memory_bytes");
        assert!(resident.is_some_and(|bytes| bytes > 100_000.0));
        assert!(value("process_virtual_memory_bytes") >= resident);
        assert!(value("process_threads").is_some_and(|threads| threads >= 2.0));
        let open = value("process_open_fds");
        assert!(open.is_some_and(|fds| (3.0..100_000.0).contains(&fds)));
        assert!(value("process_max_fds").is_none_or(|fds| Some(fds) >= open));
        let started = value("process_start_time_seconds");
        assert!(started.is_some_and(|at| at <= now + 1.0 && at > now - 86_400.0));
    }
}
