//! What a request's head must be before anything else looks at it: RFC 9112 §3.2 (target, Host), §6
//! (framing), and our own bounds.
//!
//! hyper parses; what it lets through is refused here. Where it hides something, the connection has
//! to look at the raw head ([`hidden`]).

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version};

/// The longest request target, in bytes.
pub(crate) const MAX_TARGET: usize = 8 * 1024;

/// The largest head, in bytes: request line and header fields. hyper answers 431 beyond.
pub(crate) const MAX_HEAD: usize = 32 * 1024;

/// Why a request is refused before any route sees it. The connection is closed after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// HTTP/1.1 without a Host field, or with an empty one.
    NoHost,
    /// More than one Host field.
    ManyHosts,
    /// A Host field that is no host with an optional port.
    BadHost,
    /// A target that is no path, no `http` address, and no `*` of OPTIONS.
    BadTarget,
    /// A target over [`MAX_TARGET`].
    LongTarget,
    /// Content-Length beside Transfer-Encoding.
    TwoLengths,
    /// CONNECT: this is no proxy.
    Tunnel,
    /// A body over the limit.
    LargeBody,
    /// A body that took too long.
    SlowBody,
    /// A body that broke off or was framed wrongly.
    BrokenBody,
}

impl Refusal {
    /// The status of the answer.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::LongTarget => StatusCode::URI_TOO_LONG,
            Self::Tunnel => StatusCode::NOT_IMPLEMENTED,
            Self::LargeBody => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// A sentence for whoever sent the request.
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::NoHost => "The request has no Host header.",
            Self::ManyHosts => "The request has more than one Host header.",
            Self::BadHost => "The Host header is not a host name with an optional port.",
            Self::BadTarget => "The address in the request is not a path of this site.",
            Self::LongTarget => "The address is longer than 8 KiB.",
            Self::TwoLengths => "The request has both Content-Length and Transfer-Encoding.",
            Self::Tunnel => "This server does not open tunnels.",
            Self::LargeBody => "The request's body is larger than this server takes.",
            Self::SlowBody => "The request's body took too long to arrive.",
            Self::BrokenBody => "The request's body could not be read.",
        }
    }
}

/// Checks a head and makes it uniform: afterwards there is exactly one Host field, and where the
/// target or HTTP/2 named an authority it says the same; the target is a path with its query, or
/// `*`.
///
/// # Errors
/// The first rule that is broken.
pub(crate) fn check<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    if *request.method() == Method::CONNECT {
        return Err(Refusal::Tunnel);
    }
    let uri = request.uri();
    // Nearly every request: a path and one Host field.
    if uri.authority().is_none() && uri.scheme().is_none() {
        check_path(request.method(), uri)?;
        return one_host(request.headers(), request.version()).map(|_| ());
    }
    if !matches!(uri.scheme_str(), None | Some("http" | "https")) {
        return Err(Refusal::BadTarget);
    }
    let authority = uri.authority().filter(|authority| sound_host(authority.as_str().as_bytes()));
    let authority = authority.ok_or(Refusal::BadTarget)?.clone();
    check_path(request.method(), uri)?;
    let sent = one_host(request.headers(), request.version())?;
    let differs =
        sent.is_some_and(|host| !host.eq_ignore_ascii_case(authority.as_str().as_bytes()));
    if differs && request.version() == Version::HTTP_2 {
        return Err(Refusal::BadHost); // RFC 9113 §8.3.1
    }
    target_wins(request, &authority)
}

fn check_path(method: &Method, uri: &Uri) -> Result<(), Refusal> {
    let target = uri.path_and_query().map_or("", PathAndQuery::as_str);
    if target.len() > MAX_TARGET {
        return Err(Refusal::LongTarget);
    }
    match target.as_bytes() {
        [b'/', ..] => Ok(()),
        b"*" if *method == Method::OPTIONS => Ok(()),
        _ => Err(Refusal::BadTarget),
    }
}

/// The Host field, which only HTTP/1.0 and HTTP/2 (with an `:authority`) may leave out.
fn one_host(headers: &HeaderMap, version: Version) -> Result<Option<&[u8]>, Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else {
        let may_lack = version != Version::HTTP_11;
        return if may_lack { Ok(None) } else { Err(Refusal::NoHost) };
    };
    if hosts.next().is_some() {
        return Err(Refusal::ManyHosts);
    }
    match host.as_bytes() {
        b"" => Err(Refusal::NoHost),
        host if sound_host(host) => Ok(Some(host)),
        _ => Err(Refusal::BadHost),
    }
}

/// RFC 9112 §3.2.2: what an absolute-form target says replaces the Host field.
fn target_wins<B>(request: &mut Request<B>, authority: &Authority) -> Result<(), Refusal> {
    let value = HeaderValue::from_str(authority.as_str()).map_err(|_invalid| Refusal::BadTarget)?;
    request.headers_mut().insert(HOST, value);
    let path = request.uri().path_and_query().cloned();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    Ok(())
}

/// `host [":" port]` of RFC 3986 §3.2.2, without user information.
pub(super) fn sound_host(text: &[u8]) -> bool {
    const NAME: Bytes = bytes_of(b"-._~%!$&'()*+,;=");
    if let [b'[', ..] = text {
        let Some(end) = text.iter().position(|byte| *byte == b']') else { return false };
        let (literal, rest) = text.split_at(end + 1);
        return sound_literal(literal) && (rest.is_empty() || sound_port(rest));
    }
    // What follows the name is a port or nothing sound.
    match text.iter().position(|byte| !holds(&NAME, *byte)) {
        Some(end) => end > 0 && text.get(end..).is_some_and(sound_port),
        None => !text.is_empty(),
    }
}

fn sound_port(text: &[u8]) -> bool {
    let Some((b':', digits)) = text.split_first() else { return false };
    let number = digits.iter().try_fold(0_u32, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        Some(number * 10 + digit).filter(|number| u16::try_from(*number).is_ok())
    });
    number.is_some()
}

/// Whether a target is a path with its query, of RFC 3986's characters alone.
pub(super) fn plain_target(target: &str) -> bool {
    const TARGET: Bytes = bytes_of(b"/-._~%!$&'()*+,;=:@?");
    target.starts_with('/') && target.bytes().all(|byte| holds(&TARGET, byte))
}

/// A set of bytes, as a table: one look a byte.
type Bytes = [bool; 256];

fn holds(bytes: &Bytes, byte: u8) -> bool {
    bytes.get(usize::from(byte)).copied().unwrap_or_default()
}

/// ASCII's letters and digits, and `more`.
const fn bytes_of(more: &[u8]) -> Bytes {
    let mut bytes = [false; 256];
    let mut letter = 0_u8;
    while letter < 128 {
        bytes[letter as usize] = letter.is_ascii_alphanumeric();
        letter += 1;
    }
    let mut at = 0;
    while at < more.len() {
        bytes[more[at] as usize] = true;
        at += 1;
    }
    bytes
}

fn sound_literal(text: &[u8]) -> bool {
    let inner = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]"));
    let inner = inner.and_then(|inner| std::str::from_utf8(inner).ok());
    inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
}

/// What the raw bytes that a connection read last say of this request and hyper does not show:
/// Content-Length beside Transfer-Encoding, of which it shows only the latter, and a fragment
/// behind the target, which it cuts off (a target has none: RFC 9112 §3.2).
///
/// Looks for the request line rather than for a position, because heads, bodies and pipelined
/// requests follow each other in one stream. A body that quotes such a head word for word is
/// refused as well: that errs on the safe side.
pub(super) fn hidden<B>(raw: &[u8], request: &Request<B>) -> Option<Refusal> {
    let method = request.method().as_str().as_bytes();
    let has_coding = request.headers().contains_key(TRANSFER_ENCODING);
    let mut rest = raw;
    loop {
        if let Some(line) = rest.strip_prefix(method) {
            if has_fragment(line) {
                return Some(Refusal::BadTarget);
            }
            if has_coding && has_both(head_lines(rest)) {
                return Some(Refusal::TwoLengths);
            }
        }
        // The next line may be the beginning of a head.
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        rest = rest.get(end + 1..).unwrap_or_default();
    }
}

/// Whether what follows a method is a target with a fragment and the protocol's name.
fn has_fragment(line: &[u8]) -> bool {
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\r' | b'\n')).skip(1);
    let (target, protocol) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    target.contains(&b'#') && protocol.starts_with(b"HTTP/1.")
}

fn head_lines(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    raw.split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .skip(1)
        .take_while(|line| !line.is_empty())
}

fn has_both<'a>(lines: impl Iterator<Item = &'a [u8]>) -> bool {
    let (mut length, mut coding) = (false, false);
    for line in lines {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        length |= name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str().as_bytes());
        coding |= name.eq_ignore_ascii_case(TRANSFER_ENCODING.as_str().as_bytes());
    }
    length && coding
}
