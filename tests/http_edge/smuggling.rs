//! Requests that two servers on the way could cut differently: each is refused as a whole, or has
//! one meaning only. What follows a refused one on its connection is never answered.

use larder::parts::http::listener::Limits;

use crate::harness::{exchange, serve, status};

/// The section of RFC 9112 (or 9110 where said), what is odd, and the bytes.
type Case = (&'static str, &'static str, &'static str);

macro_rules! get {
    ($rest:literal) => {
        concat!("GET / HTTP/1.1\r\nHost: a\r\n", $rest)
    };
}

macro_rules! post {
    ($rest:literal) => {
        concat!("POST /echo HTTP/1.1\r\nHost: a\r\n", $rest)
    };
}

macro_rules! chunked {
    ($rest:literal) => {
        concat!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", $rest)
    };
}

/// Refused by 400. Behind each comes a request that must not be seen.
const REFUSED: &[Case] = &[
    ("3.2", "a fragment, which is no part of a target", "GET /host#x HTTP/1.1\r\nHost: a\r\n\r\n"),
    (
        "3.2",
        "a fragment behind an absolute target",
        "POST http://a/host?b#x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    ),
    (
        "6.3",
        "length and coding",
        post!("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ),
    (
        "6.3",
        "length and coding, a GET",
        get!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"),
    ),
    ("6.3", "two lengths", post!("Content-Length: 0\r\nContent-Length: 40\r\n\r\n")),
    ("6.3", "two lengths in a list", post!("Content-Length: 0, 40\r\n\r\n")),
    ("6.2", "a length with a sign", post!("Content-Length: +0\r\n\r\n")),
    ("6.2", "a negative length", post!("Content-Length: -1\r\n\r\n")),
    ("6.2", "a length in hex", post!("Content-Length: 0x0\r\n\r\n")),
    ("6.2", "no length", post!("Content-Length: \r\n\r\n")),
    ("6.2", "a length over 64 bits", post!("Content-Length: 18446744073709551616\r\n\r\n")),
    ("6.1", "an unknown coding", post!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")),
    (
        "6.1",
        "a coding that is not the last",
        post!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    ),
    (
        "6.1",
        "a coding over two lines",
        post!("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
    ),
    ("6.1", "a coding in quotes", post!("Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n")),
    ("6.1", "a coding with a parameter", post!("Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n")),
    (
        "6.1",
        "a coding behind a vertical tab",
        post!("Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ),
    (
        "6.1",
        "a coding in HTTP/1.0",
        "POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("5.1", "a space before the colon", post!("Content-Length : 0\r\n\r\n")),
    ("5.1", "a tab before the colon", post!("Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n")),
    ("5.2", "a folded line", post!("Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n")),
    (
        "2.2",
        "a space before the first line",
        "POST /echo HTTP/1.1\r\n Host: a\r\nContent-Length: 0\r\n\r\n",
    ),
    ("2.2", "a bare carriage return", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"),
    ("2.2", "a carriage return in the target", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("5", "a line without a colon", get!("X\r\n\r\n")),
    ("5", "a line without a name", get!(": b\r\n\r\n")),
    ("9110 5.5", "a NUL in a value", get!("X: a\0b\r\n\r\n")),
    ("9110 5.1", "a name that is no token", get!("X(y): b\r\n\r\n")),
    ("3", "two spaces in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3", "a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3", "a word too many", "GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("2.3", "a version in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n"),
    ("2.3", "a version with two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
    ("2.3", "HTTP/2 in a request line", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    ("3.2", "no Host", "GET / HTTP/1.1\r\n\r\n"),
    ("3.2", "two Hosts, the same", get!("Host: a\r\n\r\n")),
    ("3.2", "two Hosts, one in capitals", get!("HOST: b\r\n\r\n")),
    ("3.2", "a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    ("3.2", "a Host with a user", "GET / HTTP/1.1\r\nHost: b@a\r\n\r\n"),
    ("3.2", "a Host of two", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    ("3.2.2", "a target with a user", "GET http://b@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3.2.2", "a target of another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3.2", "a target that is none", "GET index.html HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("3.2.4", "an asterisk of GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("7.1", "a chunk's length that is none", chunked!("g\r\n\r\n")),
    ("7.1", "a chunk's length with a prefix", chunked!("0x1\r\na\r\n0\r\n\r\n")),
    ("7.1", "a chunk's length with a sign", chunked!("-1\r\na\r\n0\r\n\r\n")),
    ("7.1", "a chunk's length over 64 bits", chunked!("10000000000000001\r\na\r\n0\r\n\r\n")),
    ("7.1", "a chunk longer than it says", chunked!("1\r\nab\r\n0\r\n\r\n")),
    ("7.1", "a bare line feed behind a chunk's length", chunked!("1\na\r\n0\r\n\r\n")),
    ("7.1.1", "a line feed in a chunk's extension", chunked!("1;a\nb\r\na\r\n0\r\n\r\n")),
];

/// Taken, with one meaning. Behind each comes a request that is answered too.
const TAKEN: &[Case] = &[
    ("2.2", "empty lines before the request line", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("2.2", "bare line feeds", "GET / HTTP/1.1\nHost: a\n\n"),
    ("6.3", "a body of a GET", get!("Content-Length: 26\r\n\r\nGET /no HTTP/1.1\r\nHost: a\r\n")),
    ("6.2", "a length twice the same", post!("Content-Length: 2\r\nContent-Length: 2\r\n\r\nab")),
    ("6.2", "a length with zeros in front", post!("Content-Length: 0002\r\n\r\nab")),
    ("6.1", "a coding in capitals", post!("Transfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n")),
    ("7.1", "a chunk's length with zeros in front", chunked!("0001\r\na\r\n0\r\n\r\n")),
    ("7.1.1", "a chunk's extension", chunked!("1;a=\"b\"\r\na\r\n0\r\n\r\n")),
    ("7.1.2", "trailers", chunked!("1\r\na\r\n0\r\nHost: b\r\nContent-Length: 9\r\n\r\n")),
    ("3.2.2", "an absolute target", "GET http://b/host HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("9110 5.6.3", "spaces around a value", "GET / HTTP/1.1\r\nHost: \t a \t\r\n\r\n"),
];

const NEXT: &str = "GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn what_could_be_cut_in_two_ways_is_refused_and_ends_the_connection() {
    let server = serve(Limits::default()).await;
    for (section, name, bytes) in REFUSED {
        // As the first request of a connection, and behind one that larder itself has answered.
        for before in ["", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
            let answer = exchange(server.addr, [before, bytes, NEXT].concat().as_bytes()).await;
            let rest = if before.is_empty() {
                answer.as_str()
            } else {
                assert_eq!(status(&answer), "200", "{name}: {answer}");
                answer.split_once("hit").expect("the first answer").1
            };
            assert_eq!(status(rest), "400", "{name} (RFC 9112 §{section}): {answer}");
            assert_eq!(rest.matches("HTTP/1.1 ").count(), 1, "{name}: {answer}");
        }
    }
}

#[tokio::test]
async fn what_has_one_meaning_only_is_taken_for_that() {
    let server = serve(Limits::default()).await;
    for (section, name, bytes) in TAKEN {
        let answer = exchange(server.addr, [*bytes, NEXT].concat().as_bytes()).await;
        assert_eq!(status(&answer), "200", "{name} (RFC 9112 §{section}): {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 2, "{name}: {answer}");
        assert!(answer.ends_with("127.0.0.1"), "{name}: {answer}");
    }
}
