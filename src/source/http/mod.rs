//! Values from HTTP servers: a request → a value, within bounds of time and size.
//!
//! Scheme and host are the file's, never a visitor's. Names that resolve to addresses of the link
//! itself are not asked, redirects stay on the host, and the environment's proxies mean nothing.

mod client;
mod life;

use std::fmt;
use std::io::Read;
use std::time::Duration;

use serde_json::Value;

use super::value::{self, AnswerType};
use crate::config::{RequestHeader, Secret};

pub(crate) use client::HttpClient;

/// The largest answer, in bytes, as it comes and decoded.
pub(crate) const ANSWER_BOUND: usize = 8 * 1024 * 1024;
/// How long a request may take as a whole, where nobody says.
pub(crate) const FETCH_TIME: Duration = Duration::from_secs(2);
/// Answers above so many bytes are read as values on a thread that does not serve.
const LARGE: usize = 64 * 1024;
/// How much is decoded at a time, in bytes.
const CHUNK: usize = 16 * 1024;
/// How much of what a server says is shown, in characters.
const SHOWN: usize = 60;

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ask {
    /// Its headers; what they say is a secret.
    pub(crate) headers: Vec<RequestHeader>,
    /// How long it may take as a whole.
    pub(crate) timeout: Duration,
    /// The statuses of answers that are values.
    pub(crate) accept_status: Vec<u16>,
    /// Whether an answer 404 or 410 means that there is no value, and is no failure.
    pub(crate) may_be_absent: bool,
    /// Whether it is a POST.
    pub(crate) is_post: bool,
    /// What a POST says, and its type where no header says another.
    pub(crate) body: Option<(Secret, &'static str)>,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// The value.
    pub(crate) sent: Sent,
    /// How long it may be kept, where its server says so.
    pub(crate) life: Option<Duration>,
    /// What it is known by there.
    pub(crate) etag: Option<String>,
}

/// What was sent.
#[derive(Debug)]
pub(crate) enum Sent {
    /// A value.
    Value(Value),
    /// That there is none.
    Nothing,
    /// That it is the one of before.
    Same,
}

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchTrouble {
    /// Its host has no address, or none that is asked.
    Name,
    /// No connection, or it broke.
    Away,
    /// TLS, a certificate that is not trusted.
    Tls,
    /// No whole answer in time.
    Slow,
    /// A status that is not accepted.
    Status,
    /// A redirect to elsewhere, or too many.
    Redirect,
    /// More bytes than an answer may have.
    TooLarge,
    /// A type that is no value.
    WrongType,
    /// It is not what its type says.
    Unreadable,
}

/// Why there is no value, in words, which hold nothing that the request said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FetchError {
    /// What kind of failure it is.
    pub(crate) trouble: FetchTrouble,
    /// What happened.
    pub(crate) words: String,
}

impl FetchTrouble {
    /// All kinds with their names for metrics, in the order in which they are declared.
    pub(crate) const ALL: [(Self, &str); 9] = [
        (Self::Name, "name"),
        (Self::Away, "away"),
        (Self::Tls, "tls"),
        (Self::Slow, "slow"),
        (Self::Status, "status"),
        (Self::Redirect, "redirect"),
        (Self::TooLarge, "too_large"),
        (Self::WrongType, "wrong_type"),
        (Self::Unreadable, "unreadable"),
    ];
}

impl FetchError {
    pub(crate) fn new(trouble: FetchTrouble, words: impl Into<String>) -> Self {
        Self { trouble, words: words.into() }
    }

    /// The status of a page that cannot be made for it.
    pub(crate) fn status(&self) -> u16 {
        if self.trouble == FetchTrouble::Slow { 504 } else { 502 }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.words)
    }
}

/// An answer.
pub(super) struct Answer {
    pub(super) body: AnswerBody,
    pub(super) life: Option<Duration>,
    pub(super) etag: Option<String>,
}

pub(super) enum AnswerBody {
    Whole(Whole),
    Nothing,
    Same,
}

/// All that an answer holds.
pub(super) struct Whole {
    pub(super) content_type: Option<String>,
    /// As `Content-Encoding` has it, in lower case.
    pub(super) coding: Option<String>,
    pub(super) body: Vec<u8>,
}

/// What a server sends for an address; `etag` is what the value of before is known by there.
///
/// # Errors
/// Where nothing comes in time that can be used.
pub(crate) async fn fetch(
    client: &HttpClient,
    address: &str,
    ask: &Ask,
    etag: Option<&str>,
) -> Result<Fetched, FetchError> {
    let asking = client.ask(address, ask, etag);
    let slow = |_| {
        let words = format!("no whole answer within {} ms", ask.timeout.as_millis());
        FetchError::new(FetchTrouble::Slow, words)
    };
    let Answer { body, life, etag } =
        tokio::time::timeout(ask.timeout, asking).await.map_err(slow)??;
    let sent = match body {
        AnswerBody::Nothing => Sent::Nothing,
        AnswerBody::Same => Sent::Same,
        AnswerBody::Whole(whole) => Sent::Value(read(whole).await?),
    };
    Ok(Fetched { sent, life, etag })
}

/// The value of an answer; where that may take long, read on a thread that does not serve.
async fn read(answer: Whole) -> Result<Value, FetchError> {
    if answer.body.len() <= LARGE && answer.coding.is_none() {
        return answer.read();
    }
    let read = tokio::task::spawn_blocking(move || answer.read()).await;
    let failed = || FetchError::new(FetchTrouble::Unreadable, "the answer could not be read");
    read.unwrap_or_else(|_| Err(failed()))
}

impl Whole {
    fn read(self) -> Result<Value, FetchError> {
        let Self { content_type, coding, body } = self;
        let body = match coding.as_deref() {
            None | Some("identity") => body,
            Some("gzip" | "x-gzip") => decoded(flate2::read::MultiGzDecoder::new(&*body))?,
            Some("br") => decoded(brotli::Decompressor::new(&*body, CHUNK))?,
            Some(other) => {
                let words = format!("its coding is {:?}, which was not asked for", cut(other));
                return Err(FetchError::new(FetchTrouble::Unreadable, words));
            }
        };
        let Some(kind) = AnswerType::of(content_type.as_deref()) else {
            let shown = cut(&content_type.unwrap_or_default());
            let words = format!("its type is {shown:?}, and not JSON, YAML, CSV or plain text");
            return Err(FetchError::new(FetchTrouble::WrongType, words));
        };
        value::parse_answer(kind, body)
            .map_err(|words| FetchError::new(FetchTrouble::Unreadable, words))
    }
}

/// What a coding holds, counted while it comes.
fn decoded(coded: impl Read) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    let bound = ANSWER_BOUND as u64;
    coded.take(bound + 1).read_to_end(&mut body).map_err(|why| {
        let words = format!("what it sent cannot be decoded: {why}");
        FetchError::new(FetchTrouble::Unreadable, words)
    })?;
    if body.len() > ANSWER_BOUND { Err(too_large()) } else { Ok(body) }
}

fn too_large() -> FetchError {
    let words = format!("the answer is over {} MiB", ANSWER_BOUND >> 20);
    FetchError::new(FetchTrouble::TooLarge, words)
}

/// As much of what a server says as is shown.
fn cut(said: &str) -> String {
    said.chars().take(SHOWN).collect()
}
