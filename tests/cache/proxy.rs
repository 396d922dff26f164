//! A way to a server that can be slow, narrow, silent, cut, or lead elsewhere from some moment on.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Where connections lead, and how.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    port: u16,
    way: Arc<Way>,
}

#[derive(Debug)]
struct Way {
    to: AtomicU16,
    /// How long each piece is under way, in milliseconds.
    delay_ms: AtomicU64,
    /// How many bytes a second come back through a connection.
    bytes_a_second: AtomicU64,
    /// Whether nothing comes through, either way.
    is_silent: AtomicBool,
    /// Whether new connections are closed at once.
    is_closed: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Self {
        let way = Arc::new(Way {
            to: AtomicU16::new(port),
            delay_ms: AtomicU64::new(0),
            bytes_a_second: AtomicU64::new(u64::MAX),
            is_silent: AtomicBool::default(),
            is_closed: AtomicBool::default(),
            open: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let there = Arc::clone(&way);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if there.is_closed.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", there.to.load(Ordering::SeqCst)))
                else {
                    continue;
                };
                let both = |stream: &TcpStream| stream.try_clone().expect("another handle");
                let mut open = there.open.lock().expect("the connections");
                // What has ended has no other side.
                open.retain(|stream| stream.peer_addr().is_ok());
                open.push(both(&client));
                drop(open);
                carry(both(&client), both(&server), Arc::clone(&there), false);
                carry(server, client, Arc::clone(&there), true);
            }
        });
        Self { port, way }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on new connections lead to this port.
    pub(crate) fn lead_to(&self, port: u16) {
        self.way.to.store(port, Ordering::SeqCst);
    }

    /// From now on every answer takes this long.
    pub(crate) fn delay(&self, round_trip: Duration) {
        let ms = u64::try_from(round_trip.as_millis()).expect("a short time");
        self.way.delay_ms.store(ms, Ordering::SeqCst);
    }

    /// From now on so many bytes a second come back through a connection.
    pub(crate) fn narrow(&self, bytes_a_second: u64) {
        self.way.bytes_a_second.store(bytes_a_second, Ordering::SeqCst);
    }

    /// From now on nothing comes through and nobody is told, or what was held back comes.
    pub(crate) fn silence(&self, is_silent: bool) {
        self.way.is_silent.store(is_silent, Ordering::SeqCst);
    }

    /// From now on new connections are closed at once, or led on.
    pub(crate) fn close(&self, is_closed: bool) {
        self.way.is_closed.store(is_closed, Ordering::SeqCst);
    }

    /// Ends the connections that are open.
    pub(crate) fn cut(&self) {
        for stream in self.way.open.lock().expect("the connections").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Carries bytes one way; those that come back are late, as a whole, and take their time.
fn carry(mut from: TcpStream, mut to: TcpStream, way: Arc<Way>, is_back: bool) {
    let (send, pieces) = mpsc::channel::<(Instant, Vec<u8>)>();
    let delay = Arc::clone(&way);
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let ms = if is_back { delay.delay_ms.load(Ordering::SeqCst) } else { 0 };
            let due = Instant::now() + Duration::from_millis(ms);
            if send.send((due, bytes[..count].to_vec())).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        for (due, piece) in pieces {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            while way.is_silent.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(2));
            }
            let rate = way.bytes_a_second.load(Ordering::SeqCst);
            if is_back && rate < u64::MAX {
                thread::sleep(
                    Duration::from_secs(1) * u32::try_from(piece.len()).expect("small")
                        / u32::try_from(rate).expect("a slow one"),
                );
            }
            if to.write_all(&piece).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
