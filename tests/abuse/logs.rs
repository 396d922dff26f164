//! Logs whose reader stands still: nobody waits for it, and what is lost is counted.

use std::time::{Duration, Instant};

use crate::admin::Admin;
use crate::harness::{Larder, PATIENCE, Site, eventually, raw};

/// More lines than fit: each is longer than its path.
const REQUESTS: usize = 4_000;
const PATH_BYTES: usize = 1_000;
const DROPPED: &str = "larder_log_lines_dropped_total";
/// Clients that ask at once.
const CLIENTS: usize = 8;

/// A way to make larder write a line a request.
struct Case {
    start: fn(&Site, &[&str]) -> Larder,
    access_log: &'static str,
    /// What the log says once lines flow again.
    said: &'static str,
}

const CASES: &[Case] = &[
    Case { start: Larder::spawn, access_log: "text", said: "lines of the access log were dropped" },
    Case { start: Larder::spawn, access_log: "json", said: "lines of the access log were dropped" },
    Case { start: Larder::dev, access_log: "off", said: "lines of this log were dropped" },
];

impl Case {
    fn serve(&self) -> Admin {
        let server = format!("server: {{ access_log: {} }}\n", self.access_log);
        let site = Site::with(&format!("{server}routes:\n  /{{page}}: {{ body: hello }}\n"));
        Admin::of((self.start)(&site, &["--store", "memory", "--admin", "127.0.0.1:0"]))
    }
}

/// Asks for more than the logs hold; each client sends all its requests before it reads.
fn flood(larder: &Larder) {
    let request = |end: &str| {
        let path = "x".repeat(PATH_BYTES);
        format!("GET /{path} HTTP/1.1\r\nHost: a\r\n{end}\r\n")
    };
    let requests = request("").repeat(REQUESTS / CLIENTS - 1) + &request("Connection: close\r\n");
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let answers = raw(&larder.address, &requests);
                assert_eq!(answers.matches("hello").count(), REQUESTS / CLIENTS);
            });
        }
    });
}

#[tokio::test]
async fn a_log_that_nobody_reads_holds_no_request_up_and_what_is_lost_is_counted() {
    for case in CASES {
        let admin = case.serve();
        admin.larder.hold_logs(true);
        flood(&admin.larder);
        let lost = admin.metric(DROPPED);
        assert!(lost > 0, "nothing was lost");
        // Read again, it says once how many there were, and what is logged from then on is there.
        admin.larder.hold_logs(false);
        let line = admin.larder.line_with(case.said);
        assert!(line.contains(&format!("lines={lost}")), "{line}");
        admin.larder.get("/after").await;
        eventually("the line of the last request", PATIENCE, async || {
            let lines = admin.larder.requests(0).join("\n") + &admin.larder.log();
            lines.contains("/after").then_some(())
        })
        .await;
        assert_eq!(admin.larder.logged(case.said), 1, "{}", admin.larder.log());
        assert_eq!(admin.metric(DROPPED), lost);
    }
}

#[test]
fn a_log_that_nobody_reads_holds_no_stop_up() {
    for case in CASES {
        let admin = case.serve();
        admin.larder.hold_logs(true);
        flood(&admin.larder);
        let began = Instant::now();
        let (status, log) = admin.larder.stop();
        assert!(status.success(), "{status}: {log}");
        // A second is for the last lines.
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }
}
