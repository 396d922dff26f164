//! Many connections, and requests that cost much.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use super::{Admin, SITE};
use crate::harness::{MEMORY, PATIENCE, Site, until};

/// What a client sends that then says no more.
const SILENCES: [&str; 5] = [
    "",
    "GET /healthz HTTP/1.1\r\nHo",
    "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\
     Content-Type: application/x-www-form-urlencoded\r\n\r\ntoken=",
    "POST /api/purge HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\
     Content-Type: application/json\r\n\r\n{",
];

#[test]
fn who_says_nothing_keeps_nobody_out() {
    let admin = Admin::serve(&Site::with(SITE), MEMORY);
    for silence in SILENCES {
        let silent: Vec<TcpStream> = (0..300)
            .map(|_| {
                let mut stream = TcpStream::connect(&admin.address).expect("connected");
                // The first ones are asked to go while the last ones come.
                let _gone = stream.write_all(silence.as_bytes());
                stream
            })
            .collect();
        for path in ["/healthz", "/readyz", "/metrics", "/"] {
            assert_eq!(admin.get(path).status, 200, "{path} beside {silence:?}");
        }
        drop(silent);
    }
}

/// A file of routes that takes long to compile.
fn costly() -> String {
    let routes = (0..300).map(|at| {
        let pattern = format!("'({at}[a-z0-9_]{{1,200}}){{1,12}}'");
        format!("  /r{at}: {{ body: x, query: {{ q: {{ pattern: {pattern} }} }} }}\n")
    });
    format!("routes:\n{}", routes.collect::<String>())
}

/// One that takes long in one route.
fn of_many_fields() -> String {
    let fields = (0..20_000).map(|at| format!("    k{at}: '{{{{query.a{at}}}}}'\n"));
    format!("routes:\n  /:\n   json:\n{}", fields.collect::<String>())
}

/// Time that the process has had on processors, in ticks.
fn ticks(admin: &Admin) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", admin.larder.pid()));
    let stat = stat.expect("its figures");
    let (_, rest) = stat.rsplit_once(')').expect("its name");
    let fields = rest.split_whitespace().skip(11).take(2);
    fields.map(|field| field.parse::<u64>().expect("a number")).sum()
}

#[test]
fn a_plan_whose_client_left_costs_nothing_more() {
    let admin = Admin::serve(&Site::with(SITE), MEMORY);
    for (text, leave) in [(costly(), true), (costly(), false), (of_many_fields(), true)] {
        let body = serde_json::json!({ "text": text }).to_string();
        let head = format!(
            "POST /api/plan HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            admin.address,
            body.len()
        );
        let before = ticks(&admin);
        let ask = || {
            let mut stream = TcpStream::connect(&admin.address).expect("connected");
            stream.write_all(format!("{head}{body}").as_bytes()).expect("sent");
            stream
        };
        let mut stream = ask();
        until(PATIENCE, "the plan is made", || (ticks(&admin) > before + 20).then_some(()));
        if leave {
            drop(stream);
            // What was left goes on for a moment, and no other is made beside it.
            (0..4).for_each(|_| drop(ask()));
        } else {
            // A second one waits for its turn, and is told what is going on.
            let _gone = stream.shutdown(Shutdown::Write);
            let mut answer = Vec::new();
            let _reset = stream.read_to_end(&mut answer);
        }
        until(PATIENCE, "the process is idle", || {
            let before = ticks(&admin);
            std::thread::sleep(std::time::Duration::from_millis(500));
            (ticks(&admin) <= before + 2).then_some(())
        });
        assert!(ticks(&admin) < before + 500, "it went on: {} ticks", ticks(&admin) - before);
    }
    // Others are served as before.
    let good = serde_json::json!({ "text": SITE }).to_string();
    assert_eq!(admin.post("/api/plan", &good).status, 200);
}
