//! HTTP/1.1 over one kept connection: every header line as it was sent, nothing decoded.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than any answer may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// What is asked of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In the order in which they were sent, the names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A client of one address.
pub(crate) struct Client {
    address: String,
    /// What is sent as `Host`.
    host: String,
    connection: Option<BufReader<TcpStream>>,
}

impl Request {
    /// A GET.
    pub(crate) fn get(target: &str) -> Self {
        let (method, target) = ("GET".to_owned(), target.to_owned());
        Self { method, target, headers: Vec::new(), body: String::new() }
    }

    /// Whether it says nothing of an earlier answer.
    pub(crate) fn is_plain(&self) -> bool {
        self.headers.iter().all(|(name, _)| name != "if-none-match")
    }

    /// Whether a route with `dir` answers it.
    pub(crate) fn is_of_a_directory(&self) -> bool {
        self.target.contains("/assets/")
    }

    /// A POST of JSON.
    pub(crate) fn post_json(target: &str, body: String) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { method: "POST".to_owned(), target: target.to_owned(), headers, body }
    }
}

impl Answer {
    /// A header's value, empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Client {
    pub(crate) fn new(address: &str, host: &str) -> Self {
        Self { address: address.to_owned(), host: host.to_owned(), connection: None }
    }

    /// Sends a request and reads the whole answer; once more, where the server had closed the
    /// connection before it was asked.
    pub(crate) fn ask(&mut self, request: &Request) -> io::Result<Answer> {
        let was_open = self.connection.is_some();
        match self.try_ask(request) {
            Err(_) if was_open => self.try_ask(request),
            answer => answer,
        }
    }

    fn try_ask(&mut self, request: &Request) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.address)?,
        };
        connection.get_mut().write_all(self.head(request).as_bytes())?;
        let (answer, stays) = read(&mut connection, &request.method)?;
        self.connection = stays.then_some(connection);
        Ok(answer)
    }

    fn head(&self, request: &Request) -> String {
        let Request { method, target, headers, body } = request;
        let mut text = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\n", self.host);
        for (name, value) in headers {
            let _infallible = write!(text, "{name}: {value}\r\n");
        }
        if method == "POST" {
            let _infallible = write!(text, "content-length: {}\r\n", body.len());
        }
        text + "\r\n" + body
    }
}

fn connect(address: &str) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    Ok(BufReader::new(stream))
}

fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn line(from: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut text = String::new();
    if from.read_line(&mut text)? == 0 {
        return Err(bad("the connection was closed"));
    }
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// An answer, and whether the connection stays open.
fn read(from: &mut BufReader<TcpStream>, method: &str) -> io::Result<(Answer, bool)> {
    let first = line(from)?;
    let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| bad(&format!("`{first}` is no status line")))?;
    let mut answer = Answer { status, headers: Vec::new(), body: Vec::new() };
    loop {
        let field = line(from)?;
        if field.is_empty() {
            break;
        }
        let (name, value) = field.split_once(':').ok_or_else(|| bad("a line without a colon"))?;
        answer.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let has_body = method != "HEAD" && status != 204 && status != 304;
    if has_body && answer.header("transfer-encoding") == "chunked" {
        answer.body = chunks(from)?;
    } else if has_body {
        let length = answer.header("content-length").parse();
        answer.body.resize(length.map_err(|_| bad("an answer of no length"))?, 0);
        from.read_exact(&mut answer.body)?;
    }
    let stays = answer.header("connection") != "close";
    Ok((answer, stays))
}

fn chunks(from: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = usize::from_str_radix(&line(from)?, 16).map_err(|_| bad("no chunk's size"))?;
        let start = body.len();
        body.resize(start + size, 0);
        from.read_exact(&mut body[start..])?;
        line(from)?;
        if size == 0 {
            return Ok(body);
        }
    }
}
