//! The body of a request → names and values, decoded: what `body` is in templates.

use serde_json::Value;

use super::multipart;
use super::query::RawQuery;
use crate::site::media;
use crate::source::value::json_of_client;

/// Values, mappings and lists that a body in JSON holds, at most: in memory each takes many times
/// what it takes in the body.
const MAX_VALUES: usize = 10_000;

/// How a body is written, by its `Content-Type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyForm {
    /// `application/json`, or `+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Urlencoded,
    /// `multipart/form-data`, and what its parts are separated by.
    Multipart(String),
}

/// A body as sent, decoded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RawBody<'b> {
    /// Names and texts.
    Form(RawQuery<'b>),
    /// A value.
    Json(Value),
}

impl BodyForm {
    /// The types that are read, for people.
    pub(crate) const TYPES: [&'static str; 3] =
        ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"];

    /// The form that a `Content-Type` means; nothing where it is none that is read.
    pub(crate) fn of(content_type: &str) -> Option<Self> {
        match media::essence(content_type).as_str() {
            "application/json" => Some(Self::Json),
            "application/x-www-form-urlencoded" => Some(Self::Urlencoded),
            "multipart/form-data" => {
                let (_, boundary) =
                    multipart::parameters(content_type).find(|(name, _)| name == "boundary")?;
                let is_sound = (1..=70).contains(&boundary.len()); // RFC 2046 §5.1.1
                is_sound.then_some(Self::Multipart(boundary))
            }
            other => other.ends_with("+json").then_some(Self::Json),
        }
    }
}

impl Default for RawBody<'_> {
    /// That of a request without one: no field is there.
    fn default() -> Self {
        Self::Form(RawQuery::default())
    }
}

impl<'b> RawBody<'b> {
    /// Decodes a body.
    ///
    /// # Errors
    /// What it is not, in words for its sender.
    pub(crate) fn parse(form: &BodyForm, body: &'b [u8]) -> Result<Self, &'static str> {
        match form {
            BodyForm::Json if count_values(body) > MAX_VALUES => {
                Err("the body holds more than 10,000 values")
            }
            BodyForm::Json => {
                let value = json_of_client(body).ok_or("the body is not JSON, or names twice")?;
                Ok(Self::Json(value))
            }
            BodyForm::Urlencoded => {
                let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8")?;
                let raw = RawQuery::parse(text);
                raw.map(Self::Form).map_err(|_| "the body is not UTF-8, or has too many fields")
            }
            BodyForm::Multipart(boundary) => {
                let fields = multipart::text_fields(body, boundary);
                let pairs = fields.ok_or("the body is no multipart form in UTF-8")?;
                Ok(Self::Form(RawQuery { pairs }))
            }
        }
    }
}

/// How many values a text in JSON may hold: one for each sign that stands before one.
fn count_values(json: &[u8]) -> usize {
    let (mut count, mut in_string, mut is_escaped) = (1, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}
