//! The bytes of a connection → the head of a plain request.
//!
//! Plain is a GET or HEAD of HTTP/1.1 without a body: nearly every request. It is taken here only
//! where it is beyond doubt (RFC 9112 §3 and §6): one sound Host, a path of nothing but the
//! characters of RFC 3986 §3.3, no length, no coding, no expectation, no upgrade. Whatever else
//! comes goes to hyper with all its bytes, which answers it or refuses it.

use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::net::SocketAddr;

use http::{Method, Version};
use httparse::{Header, Status};

use super::super::head::{MAX_TARGET, plain_target, sound_host};
use super::super::request::RequestView;
use crate::site::key::Headers;

/// Header lines of a plain request; more go to hyper.
pub(super) const MAX_LINES: usize = 64;

/// Room for the lines of a head.
pub(super) type Slots<'b> = [MaybeUninit<Header<'b>>; MAX_LINES];

/// What the bytes begin with.
pub(super) enum Head<'h, 'b> {
    /// The beginning of a head.
    Partial,
    /// A plain request, and how many bytes its head takes.
    Plain(Plain<'h, 'b>, usize),
    /// Something for hyper.
    Other,
}

/// The head of a plain request.
pub(super) struct Plain<'h, 'b> {
    pub(super) method: Method,
    target: &'b str,
    pub(super) lines: Lines<'h, 'b>,
    /// What the client wants of the connection.
    pub(super) after: After,
}

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// The next request may come.
    Stay,
    /// It is closed.
    Close,
}

/// Header lines where they were read.
#[derive(Clone, Copy)]
pub(super) struct Lines<'h, 'b> {
    all: &'h [Header<'b>],
    /// A bit for each length that a name has. An answer asks for some ten fields, of which most
    /// requests have one or two: nobody looks for the others.
    lengths: u64,
}

/// Reads a head from the beginning of `bytes`.
pub(super) fn read<'h, 'b>(bytes: &'b [u8], slots: &'h mut Slots<'b>) -> Head<'h, 'b> {
    let mut request = httparse::Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(bytes, slots) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Head::Partial,
        Err(_hyper_says_why) => return Head::Other,
    };
    let method = match request.method {
        Some("GET") => Method::GET,
        Some("HEAD") => Method::HEAD,
        _ => return Head::Other,
    };
    let target = request.path.filter(|path| path.len() <= MAX_TARGET && plain_target(path));
    let (Some(target), Some(1)) = (target, request.version) else { return Head::Other };
    let lines = Lines::new(request.headers);
    match after(&lines) {
        Some(after) => Head::Plain(Plain { method, target, lines, after }, length),
        None => Head::Other,
    }
}

/// What the client wants of the connection; nothing where the request is not plain.
fn after(lines: &Lines<'_, '_>) -> Option<After> {
    let (mut hosts, mut after) = (0, After::Stay);
    for Header { name, value } in lines.all {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            4 if is("host") => {
                hosts += 1;
                if !sound_host(value) {
                    return None;
                }
            }
            10 if is("connection") => match value {
                value if value.eq_ignore_ascii_case(b"keep-alive") => {}
                value if value.eq_ignore_ascii_case(b"close") => after = After::Close,
                _ => return None,
            },
            6 if is("expect") => return None,
            7 if is("upgrade") => return None,
            14 if is("content-length") => return None,
            17 if is("transfer-encoding") => return None,
            _ => {}
        }
    }
    (hosts == 1).then_some(after)
}

impl Plain<'_, '_> {
    /// The request as it is answered.
    pub(super) fn view(&self, peer: SocketAddr) -> RequestView<'_> {
        let query = self.target.bytes().position(|byte| byte == b'?');
        let (path, query) = match query.and_then(|at| self.target.split_at_checked(at)) {
            Some((path, query)) => (path, query.get(1..)),
            None => (self.target, None),
        };
        let (method, headers, version) = (&self.method, &self.lines, Version::HTTP_11);
        RequestView { method, path, query, version, headers, peer }
    }
}

impl<'h, 'b> Lines<'h, 'b> {
    fn new(all: &'h [Header<'b>]) -> Self {
        let lengths = all.iter().fold(0, |lengths, line| lengths | bit_of(line.name));
        Self { all, lengths }
    }
}

/// A name's bit in [`Lines::lengths`]; long ones share bits.
fn bit_of(name: &str) -> u64 {
    1 << (name.len() % 64)
}

impl Headers for Lines<'_, '_> {
    fn line(&self, name: &str, nth: usize) -> Option<&[u8]> {
        if self.lengths & bit_of(name) == 0 {
            return None;
        }
        let same = |line: &&Header<'_>| line.name.eq_ignore_ascii_case(name);
        self.all.iter().filter(same).nth(nth).map(|line| line.value)
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        let mut names: Vec<String> =
            self.all.iter().map(|line| line.name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(Cow::Owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the bytes are: a plain head and what becomes of the connection, or a word.
    fn told(bytes: &str) -> String {
        let mut slots = [const { MaybeUninit::uninit() }; MAX_LINES];
        match read(bytes.as_bytes(), &mut slots) {
            Head::Partial => "partial".into(),
            Head::Other => "other".into(),
            Head::Plain(plain, length) => {
                assert_eq!(bytes.find("\r\n\r\n").map(|at| at + 4), Some(length), "{bytes:?}");
                format!("{} {} {:?}", plain.method, plain.target, plain.after)
            }
        }
    }

    #[test]
    fn only_what_is_beyond_doubt_is_plain() {
        let host = "Host: a\r\n";
        for (lines, expected) in [
            (format!("GET /a?b=c HTTP/1.1\r\n{host}\r\n"), "GET /a?b=c Stay"),
            (format!("HEAD / HTTP/1.1\r\n{host}\r\nGET /"), "HEAD / Stay"),
            (format!("GET / HTTP/1.1\r\n{host}CONNECTION: Keep-Alive\r\n\r\n"), "GET / Stay"),
            (format!("GET / HTTP/1.1\r\n{host}connection: CLOSE\r\n\r\n"), "GET / Close"),
            (format!("GET / HTTP/1.1\r\n{host}"), "partial"),
            (String::from("GE"), "partial"),
            (format!("GET / HTTP/1.1\r\n{host}Connection: upgrade\r\n\r\n"), "other"),
            (format!("GET / HTTP/1.1\r\n{host}Connection: close, te\r\n\r\n"), "other"),
            (format!("GET / HTTP/1.1\r\n{host}Upgrade: h2c\r\n\r\n"), "other"),
            (format!("GET / HTTP/1.1\r\n{host}Expect: 100-continue\r\n\r\n"), "other"),
            (format!("GET / HTTP/1.1\r\n{host}Content-LENGTH: 0\r\n\r\n"), "other"),
            (format!("GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n"), "other"),
            (format!("GET / HTTP/1.1\r\n{host}{host}\r\n"), "other"),
            (format!("GET / HTTP/1.1\r\n{host}X: a\r\n b\r\n\r\n"), "other"),
            (format!("GET / HTTP/1.1\r\n{host}X : a\r\n\r\n"), "other"),
            (format!("GET / HTTP/1.0\r\n{host}\r\n"), "other"),
            (format!("POST / HTTP/1.1\r\n{host}\r\n"), "other"),
            (format!("get / HTTP/1.1\r\n{host}\r\n"), "other"),
            (format!("GET http://a/ HTTP/1.1\r\n{host}\r\n"), "other"),
            (format!("GET /#a HTTP/1.1\r\n{host}\r\n"), "other"),
            (format!("GET /\u{e5} HTTP/1.1\r\n{host}\r\n"), "other"),
            (format!("GET /\"a\" HTTP/1.1\r\n{host}\r\n"), "other"),
            (format!("GET /{} HTTP/1.1\r\n{host}\r\n", "x".repeat(MAX_TARGET)), "other"),
            (format!("GET / HTTP/1.1\r\n{}{host}\r\n", "a: b\r\n".repeat(MAX_LINES)), "other"),
            (String::from("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), "other"),
            (String::from("GET / HTTP/1.1\r\n\r\n"), "other"),
            (String::from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "other"),
        ] {
            assert_eq!(told(&lines), expected, "{lines:?}");
        }
    }
}
