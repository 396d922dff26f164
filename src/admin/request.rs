//! What the resources' filters are put together from: path, method, query and body of a request.

use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::Arc;

use bytes::{Buf, BufMut as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use serde::de::DeserializeOwned;
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use super::State;
use super::reply::{Refusal, refusal};

const BROKEN: Refusal =
    Refusal::fixed(StatusCode::BAD_REQUEST, "the request's body could not be read");

/// What a resource's handler comes to.
pub(super) type Answer = Result<Response, Refusal>;

/// What answers at a path: its own refusals are answers too, so that no filter after it is asked.
pub(super) fn resource<F>(path: BoxedFilter<()>, filter: F) -> BoxedFilter<(Response,)>
where
    F: Filter<Extract = (Answer,), Error = Rejection> + Clone + Send + Sync + 'static,
{
    path.and(filter.map(Reply::into_response).recover(refusal).unify()).boxed()
}

/// Answers GET and HEAD at a path, with the fields of its query.
pub(super) fn get<F>(
    state: &Arc<State>,
    path: &'static str,
    answer: fn(Arc<State>, Fields) -> F,
) -> BoxedFilter<(Response,)>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let query = raw_query().map(|query: String| Fields::parse(query.as_bytes()));
    resource(at(path), methods("GET, HEAD").and(with(state)).and(query).then(answer))
}

/// Answers a POST with a JSON document at a path; who sends another is told `help`. No form of
/// another site can send that content type.
pub(super) fn post_json<T, F>(
    state: &Arc<State>,
    path: &'static str,
    help: &'static str,
    answer: fn(Arc<State>, T) -> F,
) -> BoxedFilter<(Response,)>
where
    T: DeserializeOwned + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let parse = move |body: Bytes| {
        let refusal = |why: serde_json::Error| {
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{why}: {help}"))
        };
        checked(serde_json::from_slice(&body).map_err(refusal))
    };
    let document = posted("application/json").and(body()).and_then(parse);
    resource(at(path), with(state).and(document).then(answer))
}

/// Asks the first of these that is there; nothing is, where none is.
pub(super) fn first_of<const N: usize>(
    filters: [BoxedFilter<(Response,)>; N],
) -> BoxedFilter<(Response,)> {
    let none = warp::any().and_then(async || Err(warp::reject::not_found())).boxed();
    filters.into_iter().fold(none, |before, next| before.or(next).unify().boxed())
}

/// What a check inside a filter came to.
pub(super) fn checked<T>(result: Result<T, Refusal>) -> Ready<Result<T, Rejection>> {
    ready(result.map_err(Rejection::from))
}

/// Matches one path, whole.
pub(super) fn at(path: &'static str) -> BoxedFilter<()> {
    let matched = move |full: FullPath| {
        ready(if full.as_str() == path { Ok(()) } else { Err(warp::reject::not_found()) })
    };
    warp::path::full().and_then(matched).untuple_one().boxed()
}

/// Lets through only requests of the methods that are listed as `Allow` lists them.
pub(super) fn methods(allow: &'static str) -> BoxedFilter<()> {
    let check = move |method: Method| {
        let is_allowed = allow.split(", ").any(|it| it == method.as_str());
        checked(if is_allowed { Ok(()) } else { Err(Refusal::method(allow)) })
    };
    warp::method().and_then(check).untuple_one().boxed()
}

/// What the resources share.
pub(super) fn with(state: &Arc<State>) -> BoxedFilter<(Arc<State>,)> {
    let state = Arc::clone(state);
    warp::any().map(move || Arc::clone(&state)).boxed()
}

/// The query as it was sent; empty where there is none.
pub(super) fn raw_query() -> BoxedFilter<(String,)> {
    warp::query::raw().or(warp::any().map(String::new)).unify().boxed()
}

/// A POST with a content type; its body is still to be read.
pub(super) fn posted(content_type: &'static str) -> BoxedFilter<()> {
    let check = move |headers: HeaderMap| {
        let sent = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let sent = sent.split_once(';').map_or(sent, |(kind, _)| kind).trim();
        checked(if sent.eq_ignore_ascii_case(content_type) {
            Ok(())
        } else {
            let detail = format!("the content type has to be {content_type}");
            Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
        })
    };
    methods("POST").and(warp::header::headers_cloned()).and_then(check).untuple_one().boxed()
}

/// The whole body, which the listener keeps within its bounds of size and time.
pub(super) fn body() -> BoxedFilter<(Bytes,)> {
    let broken = |_rejection| checked(Err(BROKEN));
    warp::body::bytes().or_else(broken).boxed()
}

/// The most that is read of a body whose sender is not known, in bytes: a form with a token.
const SHORT: usize = 4096;

const TOO_LONG: Refusal =
    Refusal::fixed(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 4096 bytes");

/// The whole body, where it is a short one: of another no more is kept.
pub(super) fn short_body() -> BoxedFilter<(Bytes,)> {
    warp::body::stream().and_then(read_short).boxed()
}

async fn read_short<B: Buf>(
    body: impl Stream<Item = Result<B, warp::Error>>,
) -> Result<Bytes, Rejection> {
    let (mut body, mut whole) = (pin!(body), BytesMut::new());
    while let Some(part) = body.next().await {
        let part = part.map_err(|_broken| BROKEN)?;
        if whole.len() + part.remaining() > SHORT {
            return Err(TOO_LONG.into());
        }
        whole.put(part);
    }
    Ok(whole.freeze())
}

/// The most fields that are read of one query or form.
const MAX_FIELDS: usize = 2000;

/// A decoded query or form.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `a=b&c=d`.
    pub(super) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().take(MAX_FIELDS).collect())
    }

    /// The first value of that name, where it is not empty.
    pub(super) fn first(&self, name: &str) -> Option<String> {
        self.all(name).next().filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// All values of that name.
    pub(super) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(of, _)| of == name).map(|(_, value)| &**value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::entries::percent_encoded;

    #[test]
    fn fields_are_decoded_once() {
        let fields = Fields::parse(b"match=a%2Bb+c&key=a&key=%2525&flag&empty=");
        assert_eq!(fields.first("match").as_deref(), Some("a+b c"));
        assert_eq!(fields.all("key").collect::<Vec<_>>(), ["a", "%25"]);
        assert_eq!(fields.first("empty"), None);
        assert_eq!(fields.first("nothing"), None);
    }

    #[test]
    fn what_is_encoded_comes_back() {
        let key = "a:<script>\"'&%41\u{ff} ?/";
        let fields = Fields::parse(format!("key={}", percent_encoded(key.as_bytes())).as_bytes());
        assert_eq!(fields.all("key").next(), Some(key));
    }
}
