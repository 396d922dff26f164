//! A connection whose other end takes one byte at a time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http_body_util::StreamBody;
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::super::activity::{Activity, Protocol};
use super::super::answer::Responding;
use super::super::body::{Body, BodyError};
use super::super::edge::Handle;
use super::*;
use crate::clock::Clock;

impl Wire for tokio::io::DuplexStream {}

/// Answers with the two pieces of a body of a kind that the path names.
#[derive(Clone)]
struct Pieces;

impl Handle for Pieces {
    fn respond(&self, request: &RequestView<'_>) -> Responding {
        let pieces = ["one", "three"].map(|piece| Ok::<_, Infallible>(Frame::data(piece.into())));
        let body = StreamBody::new(futures_util::stream::iter(pieces));
        Response::new(match request.path {
            "/chunks" => Body::stream(body),
            "/whole" => Body::stream(Sized(Body::stream(body), 8)),
            "/short" => Body::stream(Sized(Body::stream(body), 9)),
            _long => Body::stream(Sized(Body::stream(body), 7)),
        })
        .into()
    }
}

/// A body that says how long it is.
struct Sized(Body, u64);

impl hyper::body::Body for Sized {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.1)
    }
}

/// What comes back for requests to these paths, one behind the other.
async fn answers(paths: &[&str]) -> String {
    let (here, there) = duplex(1);
    let edge = Edge {
        handler: Arc::new(Pieces),
        answers: None,
        peer: ([127, 0, 0, 1], 1).into(),
        limits: Arc::default(),
        activity: Activity::new(Clock::manual(), Protocol::Http1),
    };
    let serving = tokio::spawn(Connection::new(there, Bytes::new(), edge));
    let (mut read, mut write) = tokio::io::split(here);
    let get = |path: &&str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let requests = paths.iter().map(get).collect::<Vec<_>>().concat();
    let mut answer = Vec::new();
    let talk = async {
        let sending = async {
            let _closed = write.write_all(requests.as_bytes()).await;
        };
        let reading =
            async { while read.read_buf(&mut answer).await.is_ok_and(|count| count > 0) {} };
        tokio::join!(sending, reading);
    };
    // Who has all answers leaves; who is cut off notices.
    let _left_open = tokio::time::timeout(Duration::from_millis(500), talk).await;
    serving.abort();
    String::from_utf8(answer).unwrap()
}

#[tokio::test(start_paused = true)]
async fn pieces_keep_their_frames_however_little_is_taken_at_once() {
    let answer = answers(&["/chunks", "/whole", "/chunks"]).await;
    let chunks = "transfer-encoding: chunked\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n\
                  3\r\none\r\n5\r\nthree\r\n0\r\n\r\n";
    assert_eq!(answer.matches(chunks).count(), 2, "{answer}");
    assert!(answer.contains("\r\n\r\nonethreeHTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(chunks), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_body_of_another_length_than_its_head_says_ends_the_connection() {
    for (path, sent) in [("/short", "onethree"), ("/long", "one")] {
        let answer = answers(&[path, "/whole"]).await;
        assert!(answer.ends_with(&format!("\r\n\r\n{sent}")), "{path}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{path}: {answer}");
    }
}
