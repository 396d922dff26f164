//! The HTTP client: connections that are kept, names that are looked up with care.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, IF_NONE_MATCH,
};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Response, Url};
use tokio::sync::OnceCell;
use tokio_rustls::rustls;
use tokio_rustls::rustls::crypto::ring;

use super::life::life;
use super::{ANSWER_BOUND, Answer, AnswerBody, Ask, FetchError, FetchTrouble, Whole, too_large};
use crate::config::is_link_local;

/// Redirects that are followed, on the same host.
const REDIRECTS: usize = 5;
/// The longest entity tag that is sent back, in bytes.
const ETAG_AT_MOST: usize = 256;
/// What is understood, the likeliest first.
const ACCEPTED: &str = "application/json, application/yaml;q=0.8, text/csv;q=0.8, text/*;q=0.5";

/// A client with its connections. Clones are the same; made when it is used first, since the
/// system's certificates take long to read.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpClient {
    made: Arc<OnceCell<Result<reqwest::Client, FetchError>>>,
}

impl HttpClient {
    async fn client(&self) -> Result<reqwest::Client, FetchError> {
        let make = || async {
            let unmade = |words: String| FetchError::new(FetchTrouble::Away, words);
            let made = tokio::task::spawn_blocking(make).await;
            made.unwrap_or_else(|why| Err(why.to_string())).map_err(unmade)
        };
        self.made.get_or_init(make).await.clone()
    }

    /// Asks for an address, and reads all of the answer; with `etag` only where it is another.
    pub(super) async fn ask(
        &self,
        address: &str,
        ask: &Ask,
        etag: Option<&str>,
    ) -> Result<Answer, FetchError> {
        let url = Url::parse(address).map_err(|why| {
            FetchError::new(FetchTrouble::Name, format!("it is no address: {why}"))
        })?;
        if is_of_link(&url) {
            return Err(of_link());
        }
        let client = self.client().await?;
        let request = if ask.is_post { client.post(url) } else { client.get(url) };
        let mut request = request.headers(headers(ask, etag));
        if let Some((body, _)) = &ask.body {
            request = request.body(body.to_string());
        }
        let response = request.send().await.map_err(|why| failed(&why))?;
        let (life, etag_of) = (life_of(&response), line(&response, &ETAG));
        let etag_of = etag_of.filter(|etag| etag.len() <= ETAG_AT_MOST);
        let status = response.status().as_u16();
        let body = match status {
            _ if ask.accept_status.contains(&status) => AnswerBody::Whole(whole(response).await?),
            304 if etag.is_some() => AnswerBody::Same,
            404 | 410 if ask.may_be_absent => AnswerBody::Nothing,
            _ => {
                let words = format!("it answered {status}");
                return Err(FetchError::new(FetchTrouble::Status, words));
            }
        };
        Ok(Answer { body, life, etag: etag_of })
    }
}

/// The header lines of a request.
fn headers(ask: &Ask, etag: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("br, gzip"));
    if let Some((_, content_type)) = &ask.body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Some(Ok(etag)) = etag.map(HeaderValue::from_str) {
        headers.insert(IF_NONE_MATCH, etag);
    }
    for header in &ask.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_str(&header.value);
        // The config was checked.
        if let (Ok(name), Ok(mut value)) = (name, value) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    headers
}

/// The first line of a name in an answer.
fn line(response: &Response, name: &HeaderName) -> Option<String> {
    let value = response.headers().get(name);
    value.map(|it| String::from_utf8_lossy(it.as_bytes()).trim().to_owned())
}

fn life_of(response: &Response) -> Option<Duration> {
    let lines = response.headers().get_all(CACHE_CONTROL).into_iter();
    life(lines.filter_map(|line| line.to_str().ok()))
}

fn make() -> Result<reqwest::Client, String> {
    let mut roots = rustls::RootCertStore::empty();
    // Without any the servers of `http://` can be asked all the same.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?;
    let mut tls = tls.with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .referer(false)
        .redirect(Policy::custom(follow))
        .dns_resolver(Arc::new(Careful))
        .user_agent(concat!("larder/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|why| why.to_string())
}

/// All of an answer, counted while it comes: what it says of its length is no promise.
async fn whole(mut response: Response) -> Result<Whole, FetchError> {
    let (content_type, coding) =
        (line(&response, &CONTENT_TYPE), line(&response, &CONTENT_ENCODING));
    let coding = coding.map(|coding| coding.to_ascii_lowercase());
    let bound = ANSWER_BOUND as u64;
    if response.content_length().is_some_and(|length| length > bound) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|why| failed(&why))? {
        if body.len() + chunk.len() > ANSWER_BOUND {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Whole { content_type, coding, body })
}

/// Whether a redirect is followed: on the same host, be it from HTTP to HTTPS.
fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let (to, before) = (attempt.url(), attempt.previous());
    let Some(first) = before.first() else { return attempt.follow() };
    let is_secured = (first.scheme(), to.scheme()) == ("http", "https");
    let ports = (first.port_or_known_default(), to.port_or_known_default());
    let is_near = to.host() == first.host()
        && (to.scheme() == first.scheme() && ports.0 == ports.1
            || is_secured && ports == (Some(80), Some(443)));
    if !is_near {
        return attempt.error("it redirects to another host");
    }
    if before.len() > REDIRECTS {
        return attempt.error("it redirects again and again");
    }
    attempt.follow()
}

fn is_of_link(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse().is_ok_and(is_link_local)
}

fn of_link() -> FetchError {
    FetchError::new(FetchTrouble::Name, "its address is one of the link itself, which is not asked")
}

/// Looks names up by the system, and leaves out addresses of the link itself.
struct Careful;

/// Why a name has no address.
#[derive(Debug, thiserror::Error)]
enum Unresolved {
    #[error("its host is not found: {0}")]
    Unknown(std::io::Error),
    #[error("its host has no address but of the link itself, which is not asked")]
    OfLink,
}

impl Resolve for Careful {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<SocketAddr> = found.map_err(Unresolved::Unknown)?.collect();
            let usable = found.into_iter().filter(|address| !is_link_local(address.ip()));
            let usable: Vec<SocketAddr> = usable.collect();
            if usable.is_empty() {
                return Err(Unresolved::OfLink.into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

/// What failed, by its innermost cause; the address is left out, since it may hold a secret.
fn failed(why: &reqwest::Error) -> FetchError {
    let causes = || std::iter::successors(why.source(), |cause| cause_of(*cause));
    let last = || causes().last().map(ToString::to_string).unwrap_or_default();
    if let Some(unresolved) = causes().find_map(|cause| cause.downcast_ref::<Unresolved>()) {
        return FetchError::new(FetchTrouble::Name, unresolved.to_string());
    }
    if let Some(tls) = causes().find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return FetchError::new(FetchTrouble::Tls, format!("TLS failed: {tls}"));
    }
    if why.is_redirect() {
        return FetchError::new(FetchTrouble::Redirect, last());
    }
    let what = if why.is_connect() { "no connection" } else { "the connection broke" };
    FetchError::new(FetchTrouble::Away, format!("{what}: {}", last()))
}

/// What an error came from; what an I/O error wraps is no source of it.
fn cause_of<'e>(why: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let wrapped = why.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    wrapped.map(|it| it as &(dyn Error + 'static)).or_else(|| why.source())
}
