//! Content codings: which the client wants, and the coded bodies, made once and kept beside the
//! entry.

use std::cell::RefCell;
use std::io::Write as _;

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::headers::{joined, weighted};
use crate::site::key::Headers;

/// How much work a coded body is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// It is kept, and sent many times.
    Thorough,
    /// It is sent once, and somebody waits for it.
    Quick,
}

/// A content coding that larder makes, in the order in which it prefers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Brotli, RFC 7932.
    Brotli,
    /// Zstandard, RFC 8878.
    Zstd,
    /// gzip, RFC 1952.
    Gzip,
}

impl Coding {
    /// All, the best first.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// All, the quickest first: for 0.8 kB 3, 7 and 14 microseconds.
    const QUICKEST: [Self; 3] = [Self::Zstd, Self::Gzip, Self::Brotli];

    /// Its name in `Content-Encoding`, and behind the dash of an entity tag: `br`, `zstd`, `gzip`.
    pub(crate) fn token(self) -> &'static str {
        ["br", "zstd", "gzip"][self as usize]
    }

    /// The extension of a file that is coded already: `br`, `zst`, `gz`.
    pub(crate) fn extension(self) -> &'static str {
        ["br", "zst", "gz"][self as usize]
    }

    /// The entity tag of the coded body: `"a"` becomes `"a-br"`. Bytes that differ need tags that
    /// differ.
    pub(crate) fn tag(self, identity: &str) -> String {
        let open = identity.strip_suffix('"').unwrap_or(identity);
        [open, "-", self.token(), "\""].concat()
    }
}

/// What a client takes: RFC 9110 §12.5.3. Weights in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Of brotli, zstd and gzip.
    weights: [u16; 3],
    identity: u16,
}

impl Accepted {
    /// Reads `Accept-Encoding`; a client that sends none gets no coding.
    pub(crate) fn of(headers: &dyn Headers) -> Self {
        // Nearly every client that is no browser sends none: nothing is parsed for it.
        joined(headers, "accept-encoding").map_or(Self::NONE, |field| Self::read(&field))
    }

    const NONE: Self = Self { weights: [0; 3], identity: 1000 };

    /// What browsers send: nearly all visitors, and reading it takes as long as finding the entry.
    const OF_BROWSERS: [(&str, Self); 2] = [
        ("gzip, deflate, br, zstd", Self { weights: [1000; 3], identity: 1 }),
        ("gzip, deflate, br", Self { weights: [1000, 0, 1000], identity: 1 }),
    ];

    /// What an `Accept-Encoding` field says.
    pub(super) fn read(field: &str) -> Self {
        let known = Self::OF_BROWSERS.iter().find(|(known, _)| *known == field);
        known.map_or_else(|| Self::parse(field), |(_, accepted)| *accepted)
    }

    fn parse(field: &str) -> Self {
        let (mut named, mut identity, mut any) = ([None; 3], None, None);
        for (name, weight) in weighted(field) {
            let is = |token: &str| name.eq_ignore_ascii_case(token);
            let known = Coding::ALL.into_iter().find(|coding| is(coding.token()));
            match known {
                Some(coding) => named[coding as usize] = Some(weight),
                None if is("x-gzip") => named[Coding::Gzip as usize] = Some(weight),
                None if is("identity") => identity = Some(weight),
                None if name == "*" => any = Some(weight),
                None => {}
            }
        }
        let weights = named.map(|weight| weight.or(any).unwrap_or(0));
        // Not named, identity is welcome, but less than any coding that is.
        let unnamed = u16::from(any != Some(0));
        Self { weights, identity: identity.unwrap_or(unnamed) }
    }

    /// Whether the client takes this coding.
    pub(super) fn takes(self, coding: Coding) -> bool {
        self.weights[coding as usize] > 0
    }

    /// The coding to answer with; nothing for none. `worth` says whether the body is
    /// [`worth_coding`]: one that is not is coded only where the client refuses it as it is. A
    /// client that refuses everything gets it as it is all the same: better than no answer.
    pub(crate) fn choose(self, worth: bool, effort: Effort) -> Option<Coding> {
        match effort {
            Effort::Thorough => self.choose_of(worth, Coding::ALL),
            Effort::Quick => self.choose_of(worth, Coding::QUICKEST),
        }
    }

    /// The same, of the codings that are there.
    pub(crate) fn choose_of(
        self,
        worth: bool,
        there: impl IntoIterator<Item = Coding>,
    ) -> Option<Coding> {
        if !worth && self.identity > 0 {
            return None;
        }
        let mut best = (self.identity.max(1) - 1, None);
        for coding in there {
            let weight = self.weights[coding as usize];
            if weight > best.0 {
                best = (weight, Some(coding));
            }
        }
        best.1
    }
}

/// The smallest body that is coded, in bytes: below, head and coding cost more than they save.
pub(crate) const MIN_CODED: usize = 256;

/// Whether coding a body of this type and length makes it smaller by enough.
pub(crate) fn worth_coding(media: &str, len: usize) -> bool {
    len >= MIN_CODED && compressible(media)
}

/// Whether a body of this type gets smaller by compression: pictures, sound and archives do not.
pub(super) fn compressible(content_type: &str) -> bool {
    const ALSO: [&str; 12] = [
        "application/javascript",
        "application/json",
        "application/manifest+json",
        "application/rtf",
        "application/sql",
        "application/vnd.ms-fontobject",
        "application/wasm",
        "application/xml",
        "application/yaml",
        "font/otf",
        "font/ttf",
        "image/bmp",
    ];
    let name = content_type.split(';').next().unwrap_or_default().trim();
    let begins =
        |with: &str| name.get(..with.len()).is_some_and(|it| it.eq_ignore_ascii_case(with));
    let ends = |with: &str| {
        let end = name.len().checked_sub(with.len()).and_then(|at| name.get(at..));
        end.is_some_and(|it| it.eq_ignore_ascii_case(with))
    };
    // An event stream must not wait in a compressor.
    (begins("text/") && !name.eq_ignore_ascii_case("text/event-stream"))
        || ends("+json")
        || ends("+xml")
        || ALSO.iter().any(|also| name.eq_ignore_ascii_case(also))
}

/// The coded forms of one body. Each is made at its first use, once however many ask.
#[derive(Debug, Default)]
pub(crate) struct Variants([OnceCell<Option<Bytes>>; 3]);

impl Variants {
    /// The coded body, where it is there already; `Some(None)` where coding does not make it
    /// smaller, so that the identity form is to be sent. Never waits.
    pub(crate) fn ready(&self, coding: Coding) -> Option<Option<&Bytes>> {
        self.0[coding as usize].get().map(Option::as_ref)
    }

    /// The coded body, made now where it is not there; nothing where coding does not make it
    /// smaller.
    ///
    /// # Cancel safety
    /// Dropped, the next one who asks makes it.
    pub(crate) async fn get(&self, coding: Coding, identity: &Bytes) -> Option<&Bytes> {
        let thorough = Effort::Thorough;
        let made = self.0[coding as usize].get_or_init(|| make(coding, identity.clone(), thorough));
        made.await.as_ref()
    }

    /// Bytes that the coded forms hold.
    pub(crate) fn weight(&self) -> usize {
        let made = self.0.iter().filter_map(|cell| cell.get()?.as_ref());
        made.map(Bytes::len).sum()
    }
}

/// A body up to this many bytes is coded where it stands; a larger one off the reactor's threads.
const AT_ONCE: usize = 4 * 1024;
const AT_ONCE_QUICKLY: usize = 32 * 1024;

impl Variants {
    /// A coded body for one answer; nothing where coding does not make it smaller.
    pub(super) async fn once(coding: Coding, identity: &Bytes) -> Option<Bytes> {
        make(coding, identity.clone(), Effort::Quick).await
    }
}

async fn make(coding: Coding, identity: Bytes, effort: Effort) -> Option<Bytes> {
    let at_once = match effort {
        Effort::Thorough => AT_ONCE,
        Effort::Quick => AT_ONCE_QUICKLY,
    };
    if identity.len() <= at_once {
        return smaller(coding, &identity, effort);
    }
    let made = tokio::task::spawn_blocking(move || smaller(coding, &identity, effort)).await;
    // A panic in a compressor costs the coding, not the answer.
    made.unwrap_or_default()
}

fn smaller(coding: Coding, identity: &[u8], effort: Effort) -> Option<Bytes> {
    let coded = encode(coding, identity, effort).ok()?;
    // It is kept: not with the room that it was made in.
    (coded.len() < identity.len()).then(|| Bytes::from(coded.into_boxed_slice()))
}

/// Codes a body. The thorough levels are those beyond which time grows faster than size shrinks for
/// bodies that are coded once a lifetime.
///
/// # Errors
/// Where a compressor fails, which it has no reason to.
pub(crate) fn encode(coding: Coding, identity: &[u8], effort: Effort) -> std::io::Result<Vec<u8>> {
    let is_quick = effort == Effort::Quick;
    match coding {
        Coding::Brotli => {
            let quality = if is_quick { 4 } else { 5 };
            let mut coder =
                brotli::CompressorWriter::new(Vec::new(), 4096, quality, window(identity.len()));
            coder.write_all(identity)?;
            Ok(coder.into_inner())
        }
        Coding::Zstd if is_quick => quick_zstd(identity),
        Coding::Zstd => zstd::bulk::compress(identity, 6),
        Coding::Gzip => {
            let level = flate2::Compression::new(if is_quick { 3 } else { 6 });
            let mut coder = flate2::write::GzEncoder::new(Vec::new(), level);
            coder.write_all(identity)?;
            coder.finish()
        }
    }
}

/// Zstandard with a context that the thread keeps: making one takes longer than a small body does.
fn quick_zstd(identity: &[u8]) -> std::io::Result<Vec<u8>> {
    thread_local! {
        static CONTEXT: RefCell<Option<zstd::bulk::Compressor<'static>>> =
            const { RefCell::new(None) };
    }
    CONTEXT.with_borrow_mut(|context| {
        let mut coder = match context.take() {
            Some(coder) => coder,
            None => zstd::bulk::Compressor::new(3)?,
        };
        let coded = coder.compress(identity);
        *context = Some(coder);
        coded
    })
}

/// Brotli's window, as a power of two: not much larger than the body needs, for the compressor's
/// memory grows with it. With 16 and less the crate takes a hasher that is sixteen times as slow.
fn window(len: usize) -> u32 {
    len.max(1).ilog2().saturating_add(1).clamp(18, 22)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use http::HeaderMap;

    use super::*;

    #[test]
    fn the_client_chooses_by_weight_and_larder_among_equals() {
        use Coding::{Brotli, Gzip, Zstd};
        for (field, worth, not_worth) in [
            ("gzip, deflate, br, zstd", Some(Brotli), None),
            ("gzip, zstd", Some(Zstd), None),
            ("x-gzip", Some(Gzip), None),
            ("GZIP", Some(Gzip), None),
            ("br;q=0.5, gzip", Some(Gzip), None),
            ("br;q=0.001", Some(Brotli), None),
            ("br;q=0, gzip;q=0", None, None),
            ("", None, None),
            ("deflate", None, None),
            ("*", Some(Brotli), None),
            ("br;q=0, *", Some(Zstd), None),
            ("identity, br;q=0.5", None, None),
            ("identity;q=0.5, br;q=0.6", Some(Brotli), None),
            ("identity;q=0, gzip", Some(Gzip), Some(Gzip)),
            ("*;q=0, gzip", Some(Gzip), Some(Gzip)),
            ("*;q=0", None, None),
            ("identity;q=0", None, None),
            ("br;q=nonsense", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("accept-encoding", field.parse().unwrap());
            let accepted = Accepted::of(&headers);
            assert_eq!(accepted.choose(true, Effort::Thorough), worth, "{field}, worth it");
            assert_eq!(
                accepted.choose(false, Effort::Thorough),
                not_worth,
                "{field}, not worth it"
            );
        }
        assert_eq!(Accepted::of(&HeaderMap::new()).choose(true, Effort::Thorough), None);
    }

    #[test]
    fn what_is_coded_is_the_same_when_decoded() {
        let sample = "<p>larder</p>\n".repeat(500).into_bytes();
        let efforts = [Effort::Thorough, Effort::Quick];
        for (coding, effort) in
            Coding::ALL.into_iter().flat_map(|one| efforts.map(|two| (one, two)))
        {
            let coded = encode(coding, &sample, effort).unwrap();
            let mut decoded = Vec::new();
            match coding {
                Coding::Brotli => {
                    brotli::Decompressor::new(&coded[..], 4096).read_to_end(&mut decoded).unwrap();
                }
                Coding::Zstd => decoded = zstd::stream::decode_all(&coded[..]).unwrap(),
                Coding::Gzip => {
                    flate2::read::GzDecoder::new(&coded[..]).read_to_end(&mut decoded).unwrap();
                }
            }
            assert!(decoded == sample, "{coding:?}");
            assert!(coded.len() < sample.len() / 10, "{coding:?}");
        }
    }

    #[test]
    fn what_browsers_send_is_known_as_it_is_read() {
        for (field, known) in Accepted::OF_BROWSERS {
            assert_eq!(Accepted::parse(field), known, "{field}");
        }
    }

    #[tokio::test]
    async fn a_variant_is_made_once_and_not_kept_where_it_is_no_smaller() {
        let text = Bytes::from("<p>larder</p>\n".repeat(5000));
        let variants = Variants::default();
        assert!(variants.ready(Coding::Gzip).is_none());
        let first = variants.get(Coding::Gzip, &text).await.unwrap().as_ptr();
        assert_eq!(variants.get(Coding::Gzip, &text).await.unwrap().as_ptr(), first);
        assert_eq!(variants.ready(Coding::Gzip).unwrap().unwrap().as_ptr(), first);
        assert!(variants.weight() > 0);

        let noise = crate::fingerprint::Fingerprint::of(b"noise").as_bytes().to_vec();
        let variants = Variants::default();
        assert!(variants.get(Coding::Gzip, &noise.into()).await.is_none());
        assert_eq!(variants.ready(Coding::Gzip), Some(None));
    }

    #[test]
    fn tags_of_codings_differ() {
        assert_eq!(Coding::Brotli.tag("\"a\""), "\"a-br\"");
        assert_eq!(Coding::Zstd.tag("\"a\""), "\"a-zstd\"");
    }

    #[test]
    fn only_what_gets_smaller_is_compressed() {
        for (media, expected) in [
            ("text/html; charset=utf-8", true),
            ("application/problem+json", true),
            ("image/svg+xml", true),
            ("text/event-stream", false),
            ("image/png", false),
            ("font/woff2", false),
            ("application/zip", false),
            ("video/mp4", false),
        ] {
            assert_eq!(compressible(media), expected, "{media}");
        }
    }
}
