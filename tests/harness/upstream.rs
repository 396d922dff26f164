//! An HTTP server in the test's own process, which answers as the test says: well, late, never, or
//! with lies. It runs on threads of its own, so that a test that waits does not hold it up.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::PATIENCE;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Its method.
    pub(crate) method: String,
    /// Its path with the query.
    pub(crate) path: String,
    /// Its header lines, by names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    head: String,
    body: Vec<u8>,
    /// Whether the head says how long the body is.
    counts: bool,
}

impl Reply {
    /// A value.
    pub(crate) fn json(text: impl AsRef<str>) -> Self {
        Self::of("application/json", text.as_ref().as_bytes())
    }

    /// A body of a type.
    pub(crate) fn of(content_type: &str, body: &[u8]) -> Self {
        Self::status(200).line("content-type", content_type).with(body)
    }

    /// A status, with nothing.
    pub(crate) fn status(status: u16) -> Self {
        let head = format!("HTTP/1.1 {status} Said\r\n");
        Self { head, body: Vec::new(), counts: true }
    }

    /// The same with a header line.
    pub(crate) fn line(mut self, name: &str, value: &str) -> Self {
        self.head.extend([name, ": ", value, "\r\n"]);
        self
    }

    /// The same with a body.
    pub(crate) fn with(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// The same, but that nothing larder says of the length is added: the connection ends it.
    pub(crate) fn uncounted(mut self) -> Self {
        self.counts = false;
        self
    }
}

type Answer = Arc<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// A running server; ended when it is dropped.
pub(crate) struct Upstream {
    /// Host and port.
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    seen: Mutex<Vec<Seen>>,
    arrived: Condvar,
    answer: Mutex<Answer>,
    /// Whether answers are held back.
    held: Mutex<bool>,
    opened: Condvar,
    is_over: Mutex<bool>,
}

impl Upstream {
    /// Answers each request as `answer` says.
    pub(crate) fn start(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address").to_string();
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            arrived: Condvar::new(),
            answer: Mutex::new(Arc::new(answer)),
            held: Mutex::new(false),
            opened: Condvar::new(),
            is_over: Mutex::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if *accepting.is_over.lock().expect("the switch") {
                    break;
                }
                let shared = Arc::clone(&accepting);
                // A client that goes away ends its connection.
                thread::spawn(move || _ = serve(&shared, &stream));
            }
        });
        Self { address, shared }
    }

    /// Answers each request with the same value.
    pub(crate) fn giving(text: &str) -> Self {
        let reply = Reply::json(text);
        Self::start(move |_| reply.clone())
    }

    /// From now on answers otherwise.
    pub(crate) fn answer(&self, answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) {
        *self.shared.answer.lock().expect("the answer") = Arc::new(answer);
    }

    /// From now on answers with this value.
    pub(crate) fn give(&self, text: &str) {
        let reply = Reply::json(text);
        self.answer(move |_| reply.clone());
    }

    /// Holds answers back, or lets them go.
    pub(crate) fn hold(&self, is_held: bool) {
        *self.shared.held.lock().expect("the gate") = is_held;
        self.shared.opened.notify_all();
    }

    /// What was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().expect("what was seen").clone()
    }

    /// What was asked, once it was so much.
    pub(crate) fn wait(&self, count: usize) -> Vec<Seen> {
        let begun = Instant::now();
        let mut seen = self.shared.seen.lock().expect("what was seen");
        while seen.len() < count {
            let left = PATIENCE.checked_sub(begun.elapsed());
            let left = left.unwrap_or_else(|| panic!("{} of {count} requests came", seen.len()));
            seen = self.shared.arrived.wait_timeout(seen, left).expect("what was seen").0;
        }
        seen.clone()
    }

    /// The paths of what was asked so far.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.path).collect()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        *self.shared.is_over.lock().expect("the switch") = true;
        self.hold(false);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(&self.address);
    }
}

/// Answers the requests of one connection.
fn serve(shared: &Shared, stream: &TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(seen) = read(&mut reader)? {
        // Who kept a connection meets the end as who makes a new one.
        if *shared.is_over.lock().expect("the switch") {
            return Ok(());
        }
        shared.seen.lock().expect("what was seen").push(seen.clone());
        shared.arrived.notify_all();
        let held = shared.held.lock().expect("the gate");
        drop(shared.opened.wait_while(held, |held| *held).expect("the gate"));
        let answer = Arc::clone(&shared.answer.lock().expect("the answer"));
        let Reply { head, body, counts } = answer(&seen);
        let mut out = stream;
        let length =
            if counts { format!("content-length: {}\r\n", body.len()) } else { String::new() };
        out.write_all(format!("{head}{length}\r\n").as_bytes())?;
        out.write_all(&body)?;
        if !counts {
            return stream.shutdown(std::net::Shutdown::Both);
        }
    }
    Ok(())
}

/// The next request; nothing at the end.
fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Seen>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|it: &String| it.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Some(Seen { method, path, headers, body }))
}
