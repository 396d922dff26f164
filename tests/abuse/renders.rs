//! Renders that take long, asked for by many: others are served, threads and memory are bounded,
//! and who does not fit is told so.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::{Larder, MEMORY, Site, until};

/// A page that takes some hundredths of a second, and an error page that takes as long.
fn slow_site() -> Site {
    let items = vec!["a"; 50].join(", ");
    let slow = "{{#each list}}{{#each @root.list}}{{#each @root.few}}{{/each}}{{/each}}{{/each}}";
    Site::with(&format!(
        "data: {{ list: [{items}], few: [a, b, c] }}\n\
         errors: {{ 404: errors/404.html.hbs }}\n\
         routes:\n  /: {{ body: hit }}\n  \
         /slow: {{ inline: '{slow}slow', ttl: off }}\n  \
         /other: {{ inline: '{{{{#if list}}}}other{{{{/if}}}}', ttl: off }}\n"
    ))
    .file("templates/errors/404.html.hbs", &format!("{slow}<p>{{{{path}}}} is not here</p>"))
}

/// Sends a GET and does not wait for its answer.
fn ask(larder: &Larder, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&larder.address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a deadline");
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn threads(larder: &Larder) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", larder.pid())).expect("its threads");
    tasks.count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_renders_take_bounded_threads_and_what_does_not_fit_is_told_so() {
    let larder = Larder::serve(&slow_site(), MEMORY);
    larder.get("/slow").await;
    let before = threads(&larder);
    for path in ["/slow", "/nothing"] {
        let waiting: Vec<_> = (0..200).map(|_| ask(&larder, path)).collect();
        let began = Instant::now();
        assert_eq!(larder.get("/").await.text(), "hit");
        assert_eq!(larder.get("/other").await.text(), "other");
        assert!(began.elapsed() < Duration::from_secs(5), "{path}: {:?}", began.elapsed());
        // Twice as many as cores at most: one route's renders, and another's.
        let cores = std::thread::available_parallelism().expect("known").get().max(2);
        let now = threads(&larder);
        assert!(now <= before + 2 * cores, "{path}: {now} threads after {before}");
        let answers: Vec<String> = waiting.into_iter().map(answer).collect();
        let refused = answers.iter().filter(|answer| answer.starts_with("HTTP/1.1 503")).count();
        let made = answers
            .iter()
            .filter(|answer| answer.contains("slow") || answer.contains("is not here"))
            .count();
        assert_eq!(made + refused, 200, "{path}");
        assert!(made > 64 && refused > 0, "{path}: {made} made, {refused} refused");
        let told = |answer: &&String| answer.starts_with("HTTP/1.1 503");
        assert!(answers.iter().filter(told).all(|answer| answer.contains("retry-after: 1\r\n")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renders_that_nobody_waits_for_any_more_end() {
    let larder = Larder::serve(&slow_site(), MEMORY);
    larder.get("/slow").await;
    for _ in 0..60 {
        // Closed with an answer unread, a connection is reset.
        let stream = ask(&larder, "/slow");
        rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).expect("set");
        drop(stream);
    }
    // Sixty of them would take many seconds, one after the other.
    let began = Instant::now();
    assert!(larder.get("/slow").await.text().ends_with("slow"));
    let one = began.elapsed();
    assert!(one < Duration::from_secs(5), "{one:?}");
}

#[test]
fn bodies_that_nothing_reads_are_not_kept() {
    const LENGTH: usize = 1 << 20;
    let larder = Larder::serve(&slow_site(), MEMORY);
    let before = larder.resident();
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n");
    let body = vec![b'x'; LENGTH - 1];
    let clients: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(&larder.address).expect("a connection");
            stream.write_all(head.as_bytes()).expect("sent");
            stream.write_all(&body).expect("taken, but for its last byte");
            stream
        })
        .collect();
    let grown = larder.resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes for {} bodies", clients.len());
    for mut stream in clients {
        stream.write_all(b"x").expect("sent");
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("an answer");
        assert_eq!(&status, b"HTTP/1.1 405");
    }
}

#[test]
fn who_closes_half_of_a_connection_still_gets_the_answer() {
    let site = Site::with(
        "routes:\n  /: { body: hit }\n  /late: { body: late, delay: 300ms }\n  \
         POST /late: { body: posted, delay: 300ms }\n",
    );
    let larder = Larder::serve(&site, MEMORY);
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "hit"),
        ("GET /late HTTP/1.1\r\nHost: a\r\n\r\n", "late"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /late?x HTTP/1.1\r\nHost: a\r\n\r\n", "late"),
        ("POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", "posted"),
        ("GET /late HTTP/1.0\r\nHost: a\r\n\r\n", "late"),
    ] {
        let mut stream = TcpStream::connect(&larder.address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a deadline");
        stream.write_all(request.as_bytes()).expect("sent");
        stream.shutdown(Shutdown::Write).expect("half closed");
        let answer = answer(stream);
        assert!(answer.ends_with(expected), "{request}: {answer}");
    }
    until(Duration::from_secs(10), "all connections are closed", || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", larder.pid())).expect("its files");
        let sockets = open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        (sockets.filter(|link| link.to_string_lossy().starts_with("socket")).count() < 8)
            .then_some(())
    });
}
