//! The bare HTTP library with the same bytes: what larder's own work is measured against.
//!
//! `bare PORT` serves `/b28`, `/b1024` and `/b65536` on loopback with one thread, ready header
//! lines and ready bodies; HTTP/1 and, by prior knowledge, HTTP/2.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, VARY};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8000);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(1).enable_all().build()?.block_on(serve(port))
}

async fn serve(port: u16) -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let headers: &'static HeaderMap = Box::leak(Box::new(headers()));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service =
            service_fn(
                move |request| async move { Ok::<_, Infallible>(answer(&request, headers)) },
            );
        tokio::spawn(async move {
            let builder = Builder::new(TokioExecutor::new());
            let _closed = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (VARY, HeaderValue::from_static("accept-encoding")),
        (ETAG, HeaderValue::from_static("\"0oNW1mdJA0q263_zMLNz0A\"")),
        (AGE, HeaderValue::from_static("1")),
        (
            HeaderName::from_static("cache-status"),
            HeaderValue::from_static("larder; hit; ttl=3599; detail=near"),
        ),
    ])
}

fn answer(request: &Request<Incoming>, headers: &HeaderMap) -> Response<Full<Bytes>> {
    const SMALL: &[u8] = &body::<28>();
    const MIDDLE: &[u8] = &body::<1024>();
    const LARGE: &[u8] = &body::<65536>();
    let bytes = match request.uri().path() {
        "/b28" => SMALL,
        "/b1024" => MIDDLE,
        "/b65536" => LARGE,
        _ => b"",
    };
    let mut answer = Response::new(Full::new(Bytes::from_static(bytes)));
    *answer.headers_mut() = headers.clone();
    if bytes.is_empty() {
        *answer.status_mut() = StatusCode::NOT_FOUND;
    }
    answer
}

/// `{"m":"xxx…"}`, as all servers of the comparison send it.
const fn body<const N: usize>() -> [u8; N] {
    let mut bytes = [b'x'; N];
    let (head, tail) = (*b"{\"m\":\"", *b"\"}");
    let mut at = 0;
    while at < head.len() {
        bytes[at] = head[at];
        at += 1;
    }
    bytes[N - 2] = tail[0];
    bytes[N - 1] = tail[1];
    bytes
}
