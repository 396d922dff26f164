//! The client of the commands that ask a running site: HTTP/1 to its admin listener, by no proxy.

use std::io;
use std::time::Duration;

use http::header::{AUTHORIZATION, HOST};
use http::uri::Uri;
use http::{HeaderValue, Request, StatusCode, request};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::task::TaskTracker;

/// How long a running site may take to answer: it may have to render a page first.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long it may take to accept a connection: it is near.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);

/// Asks one listener, of as many threads as want to.
pub(super) struct Client {
    runtime: Runtime,
    /// Its address, `http://127.0.0.1:8001`.
    base: Uri,
    /// Whom it trusts, where it speaks TLS.
    trusts: Option<TlsConnector>,
    /// Connections without a request.
    idle: Mutex<Vec<SendRequest<String>>>,
    /// What moves the bytes of all connections.
    moving: TaskTracker,
}

impl Client {
    pub(super) fn new(base: Uri, trusts: Option<TlsConnector>) -> io::Result<Self> {
        let (idle, moving) = <_>::default();
        Ok(Self { runtime: Runtime::new()?, base, trusts, idle, moving })
    }

    /// What is answered at a path, which goes behind the path of the listener's address.
    pub(super) fn ask(
        &self,
        request: request::Builder,
        target: &str,
        body: String,
    ) -> io::Result<(StatusCode, String)> {
        let target = format!("{}{target}", self.base.path().trim_end_matches('/'));
        let mut request = request.uri(target).body(body).map_err(io::Error::other)?;
        let authority = self.base.authority().map_or("", |authority| authority.as_str());
        let host = HeaderValue::from_str(authority).map_err(io::Error::other)?;
        request.headers_mut().insert(HOST, host);
        if let Some(token) = std::env::var("LARDER_ADMIN_TOKEN").ok().filter(|it| !it.is_empty()) {
            let bearer = HeaderValue::try_from(format!("Bearer {token}"));
            request.headers_mut().insert(AUTHORIZATION, bearer.map_err(io::Error::other)?);
        }
        self.runtime.block_on(async { timeout(PATIENCE, self.answer(request)).await? })
    }

    async fn answer(&self, request: Request<String>) -> io::Result<(StatusCode, String)> {
        let idle = self.idle.lock().pop().filter(SendRequest::is_ready);
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let answer = connection.send_request(request).await.map_err(io::Error::other)?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
        self.idle.lock().push(connection);
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    async fn connect(&self) -> io::Result<SendRequest<String>> {
        let host = self.base.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = self.base.port_u16().unwrap_or(if self.trusts.is_some() { 443 } else { 80 });
        let tcp = timeout(CONNECT_PATIENCE, TcpStream::connect((host, port))).await??;
        let Some(tls) = &self.trusts else { return self.over(tcp).await };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.over(tls.connect(name, tcp).await?).await
    }

    async fn over<S>(&self, stream: S) -> io::Result<SendRequest<String>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        self.moving.spawn(connection);
        Ok(sender)
    }
}
