//! What the resources' filters are put together from: path, method, query and body of a request.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, TryStreamExt as _};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use super::State;
use super::fields::Fields;
use super::reply::{Refusal, refusal};

/// The longest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);

const TOO_LARGE: Refusal =
    Refusal::fixed(StatusCode::PAYLOAD_TOO_LARGE, "the request's body is larger than 1 MiB");
const SLOW: Refusal =
    Refusal::fixed(StatusCode::REQUEST_TIMEOUT, "the request's body took too long to arrive");
const BROKEN: Refusal =
    Refusal::fixed(StatusCode::BAD_REQUEST, "the request's body could not be read");

/// What answers at a path: its own refusals are answers too, so that no filter after it is asked.
pub(super) fn resource<F, R>(path: BoxedFilter<()>, filter: F) -> BoxedFilter<(Response,)>
where
    F: Filter<Extract = (R,), Error = Rejection> + Clone + Send + Sync + 'static,
    R: Reply + 'static,
{
    path.and(filter.map(Reply::into_response).recover(refusal).unify()).boxed()
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

/// What GET and HEAD ask for, which change nothing.
pub(super) fn read() -> BoxedFilter<()> {
    methods("GET, HEAD")
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

/// The query's fields.
pub(super) fn query() -> BoxedFilter<(Fields,)> {
    raw_query()
        .map(|query: Option<String>| Fields::parse(query.unwrap_or_default().as_bytes()))
        .boxed()
}

/// The query as it was sent; nothing where there is none.
pub(super) fn raw_query() -> BoxedFilter<(Option<String>,)> {
    warp::query::raw().map(Some).or_else(|_none| ready(Ok::<_, Infallible>((None,)))).boxed()
}

/// A POST with a JSON document; who sends another is told `help`. No form of another site can send
/// that content type.
pub(super) fn posted_json<T>(help: &'static str) -> BoxedFilter<(T,)>
where
    T: DeserializeOwned + Send + 'static,
{
    let parse = move |body: Bytes| {
        let refusal = |why: serde_json::Error| {
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{why}: {help}"))
        };
        checked(serde_json::from_slice(&body).map_err(refusal))
    };
    posted("application/json").and(body()).and_then(parse).boxed()
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

/// The whole body. It is counted as it comes: a chunked one says no length beforehand.
pub(super) fn body() -> BoxedFilter<(Bytes,)> {
    let read = async |parts| match timeout(BODY_TIME, whole(parts)).await {
        Ok(body) => body.map_err(Rejection::from),
        Err(_elapsed) => Err(SLOW.into()),
    };
    warp::body::stream().and_then(read).boxed()
}

async fn whole(parts: impl Stream<Item = Result<impl Buf, warp::Error>>) -> Result<Bytes, Refusal> {
    let (mut parts, mut body) = (pin!(parts), BytesMut::new());
    loop {
        match parts.try_next().await {
            Ok(Some(part)) if body.len() + part.remaining() > MAX_BODY => {
                return Err(TOO_LARGE);
            }
            Ok(Some(part)) => bytes::BufMut::put(&mut body, part),
            Ok(None) => return Ok(body.freeze()),
            Err(_broken) => {
                return Err(BROKEN);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_read_up_to_its_bound_however_it_comes() {
        for (parts, expected) in [
            (vec![MAX_BODY], Ok(MAX_BODY)),
            (vec![1, MAX_BODY - 1], Ok(MAX_BODY)),
            (vec![MAX_BODY + 1], Err(TOO_LARGE)),
            (vec![MAX_BODY, 1], Err(TOO_LARGE)),
        ] {
            let parts = parts.into_iter().map(|length| Ok(Bytes::from(vec![b'a'; length])));
            let body = whole(futures_util::stream::iter(parts)).await;
            assert_eq!(body.map(|body| body.len()), expected);
        }
    }
}
