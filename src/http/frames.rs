//! Bytes written on an HTTP/2 connection → how many of them are parts of answers.
//!
//! A PING must be answered, so a client can have bytes written for ever and take no answer: what is
//! written says only then that an answer gets on when it is told from the rest (RFC 9113 §4.1, §6).

/// The length of a frame's own head: length, type, flags, stream.
const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;

/// Where in the stream of frames the bytes are.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The head of the next frame, as far as it has come.
    head: [u8; HEAD],
    /// How many bytes of it have come.
    have: usize,
    /// Bytes of the current frame's payload that are still to come.
    left: usize,
    /// Whether that frame is a part of an answer.
    counts: bool,
}

impl Frames {
    /// Takes the next bytes; how many of them are payloads of frames that answers are made of.
    pub(super) fn of_answers(&mut self, mut bytes: &[u8]) -> usize {
        let mut count = 0;
        while !bytes.is_empty() {
            let taken = if self.left > 0 { self.left.min(bytes.len()) } else { self.head(bytes) };
            if self.left > 0 {
                self.left -= taken;
                count += if self.counts { taken } else { 0 };
            } else if self.have == HEAD {
                self.begin();
            }
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        count
    }

    /// Takes what belongs to the head of a frame; how many bytes that is.
    fn head(&mut self, bytes: &[u8]) -> usize {
        let room = self.head.get_mut(self.have..).unwrap_or_default();
        let taken = room.len().min(bytes.len());
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.have += taken;
        taken
    }

    /// The head is whole: its payload comes.
    fn begin(&mut self) {
        let [one, two, three, kind, ..] = self.head;
        self.left = usize::try_from(u32::from_be_bytes([0, one, two, three])).unwrap_or(0);
        self.counts = matches!(kind, DATA | HEADERS | CONTINUATION);
        self.have = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, 0, 0, 0, 0, 1];
        frame.resize(HEAD + payload, DATA);
        frame
    }

    #[test]
    fn only_what_answers_are_made_of_counts_wherever_the_bytes_are_cut() {
        const PING: u8 = 6;
        let bytes = [(4, 0), (PING, 8), (HEADERS, 30), (DATA, 1000), (PING, 8), (CONTINUATION, 5)]
            .into_iter()
            .flat_map(|(kind, payload)| frame(kind, payload))
            .collect::<Vec<_>>();
        for size in 1..=bytes.len() {
            let mut frames = Frames::default();
            let count: usize = bytes.chunks(size).map(|part| frames.of_answers(part)).sum();
            assert_eq!(count, 1035, "in parts of {size}");
        }
    }
}
