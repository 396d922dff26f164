//! Two answers → whether a client could tell them apart.

use std::io::Read as _;

use super::client::Answer;

/// What is not the same twice by its nature; how an answer came about is looked at by itself. The
/// same bytes saved again are no edit, so that the time of a file may be that of an earlier save.
const OF_THE_MOMENT: &[&str] = &["date", "age", "cache-status", "last-modified"];

impl Answer {
    /// Whether it came from the cache.
    pub(crate) fn is_hit(&self) -> bool {
        self.header("cache-status").starts_with("larder; hit")
    }

    /// The key that it says it is kept under.
    pub(crate) fn key(&self) -> Option<String> {
        let (_, rest) = self.header("cache-status").split_once("key=\"")?;
        Some(rest.rsplit_once('"')?.0.replace("\\\"", "\"").replace("\\\\", "\\"))
    }

    /// The body without its coding.
    fn plain_body(&self) -> Vec<u8> {
        let (mut plain, body) = (Vec::new(), self.body.as_slice());
        let done = match self.header("content-encoding") {
            _ if body.is_empty() => return plain,
            "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut plain),
            "br" => brotli::Decompressor::new(body, 4096).read_to_end(&mut plain),
            "zstd" => {
                zstd::stream::read::Decoder::new(body).and_then(|mut it| it.read_to_end(&mut plain))
            }
            _ => return self.body.clone(),
        };
        if done.is_ok() { plain } else { b"(a body that cannot be decoded)".to_vec() }
    }

    /// Its header lines that have to be the same, sorted. What is made for one client alone is
    /// coded otherwise than what is kept: where only one of two came from the cache, the coding is
    /// left out.
    fn lasting(&self, with_coding: bool) -> Vec<(String, String)> {
        let is_coded = !self.header("content-encoding").is_empty();
        let of_coding = |name: &str| match name {
            "content-length" => is_coded || !with_coding,
            "content-encoding" => !with_coding,
            _ => false,
        };
        let mut lines: Vec<_> = self.headers.clone();
        lines.retain(|(name, _)| !OF_THE_MOMENT.contains(&&**name) && !of_coding(name));
        if !with_coding {
            for (_, value) in lines.iter_mut().filter(|(name, _)| name == "etag") {
                for coding in ["-br\"", "-zstd\"", "-gzip\""] {
                    *value = value.replace(coding, "\"");
                }
            }
        }
        lines.sort();
        lines
    }

    /// In which way it is another answer than `truth`; nothing where it is the same.
    pub(crate) fn differs_from(&self, truth: &Self) -> Option<String> {
        let with_coding = self.is_hit() == truth.is_hit();
        if self.status != truth.status {
            return Some(format!("status {} for {}", self.status, truth.status));
        }
        let (here, there) = (self.lasting(with_coding), truth.lasting(with_coding));
        if here != there {
            let only = |one: &[(String, String)], other: &[(String, String)]| {
                let lines = one.iter().filter(|line| !other.contains(line));
                lines.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ")
            };
            return Some(format!(
                "headers [{}] for [{}]",
                only(&here, &there),
                only(&there, &here)
            ));
        }
        let (here, there) = (self.plain_body(), truth.plain_body());
        (here != there).then(|| {
            let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
            format!("the body\n{}\nfor\n{}", text(&here), text(&there))
        })
    }
}
