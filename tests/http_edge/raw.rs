//! A connection of HTTP/2 that sends what it is told to.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::frames::{PING, frame, opening};

const ACK: u8 = 1;

/// A connection that sends what it is told to.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

/// A frame as it came.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) kind: u8,
    pub(crate) payload: Vec<u8>,
}

impl Raw {
    pub(crate) async fn open(addr: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut stream = TcpStream::connect(addr).await.expect("connected");
        stream.write_all(&opening(settings)).await.expect("sent");
        Self { stream }
    }

    /// Sends bytes; false where the server takes no more.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// The next frame; nothing where the server has closed. A PING is answered.
    pub(crate) async fn next(&mut self) -> Option<Came> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).expect("a length")];
        self.stream.read_exact(&mut payload).await.ok()?;
        if head[3] == PING && head[4] & ACK == 0 {
            self.send(&frame(PING, ACK, 0, &payload)).await;
        }
        Some(Came { kind: head[3], payload })
    }
}
