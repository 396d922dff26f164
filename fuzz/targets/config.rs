//! Any text as routes.yaml: it is loaded, compiled and drawn without a panic, in bounded time.

#![no_main]

use bytes::Bytes;
use larder::build::site_of;
use larder::clock::Clock;
use larder::config::{FileContent, FileError, Files};
use larder::diagnostic::render::human;
use larder::fingerprint::Fingerprint;
use libfuzzer_sys::fuzz_target;

/// A site's directory with one file.
struct One<'a>(&'a str);

impl Files for One<'_> {
    fn read(&mut self, path: &str, _bound: u64) -> Result<FileContent, FileError> {
        if path != "routes.yaml" {
            return Err(FileError::Missing);
        }
        let bytes = Bytes::copy_from_slice(self.0.as_bytes());
        let digest = Fingerprint::of(&bytes);
        Ok(FileContent { path: path.to_owned(), bytes, digest, modified: None })
    }

    fn glob(&mut self, _pattern: &str) -> Result<Vec<String>, FileError> {
        Ok(Vec::new())
    }
}

fuzz_target!(|text: &str| {
    let made = site_of("routes.yaml", &mut One(text), &Clock::manual());
    assert_eq!(made.site.is_none(), made.report.has_errors());
    let _drawn = human(&made.report, false, None);
});
