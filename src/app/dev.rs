//! What `larder dev` does otherwise than `larder serve`: it starts on a broken file, takes the next
//! free port, and says where it is.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Mode, StartError};
use crate::build::site_of;
use crate::clock::Clock;
use crate::config::{CacheConfig, ServerConfig};
use crate::dev::LineForm;
use crate::diagnostic::Report;
use crate::http::listener::Listener;
use crate::source::file::Disk;

/// Ports that are tried, the one that was asked for first.
const TRIES: u16 = 20;

/// How the command line wants `larder dev` to be.
#[derive(Clone)]
pub(crate) struct DevOptions {
    /// How each request is told.
    pub lines: LineForm,
    /// The hosts by which other machines see what this one does.
    pub hosts: Vec<String>,
    /// The directory whose files stand in for what servers send.
    pub stub: Option<PathBuf>,
    /// Called once, when all addresses are open.
    pub opened: Arc<dyn Fn(&Opened) + Send + Sync>,
}

/// Where a site is that has just been opened.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    /// The site's address, for a browser.
    pub site: String,
    /// The admin page's.
    pub admin: Option<String>,
    /// Swagger UI's.
    pub docs: Option<String>,
    /// Where responses are kept, without a password.
    pub store: String,
    /// The addresses that were asked for and are taken.
    pub taken: Vec<String>,
    /// Whether other machines reach it.
    pub is_far: bool,
    /// What is wrong with the site's files, where nothing could be loaded.
    pub wrong: Option<Report>,
}

impl Mode {
    /// The directory of files that stand in for servers, as a path of the site.
    pub(super) fn stub(&self, root: &Path) -> Result<Option<String>, StartError> {
        let Self::Dev(DevOptions { stub: Some(stub), .. }) = self else { return Ok(None) };
        let wrong = |why: &str| StartError::Failed(format!("--stub {}: {why}", stub.display()));
        let found = stub.canonicalize().map_err(|why| wrong(&why.to_string()))?;
        let root = root.canonicalize().map_err(|why| wrong(&why.to_string()))?;
        let inside = found.strip_prefix(root).ok().and_then(Path::to_str);
        match inside.filter(|inside| !inside.is_empty()) {
            Some(inside) => Ok(Some(inside.to_owned())),
            None => Err(wrong("it has to be a directory inside of the site's")),
        }
    }
}

/// What the sections of a broken file say, as far as they can be read; the defaults for the rest.
pub(super) fn sections(
    root: &Path,
    main: &str,
    clock: &Clock,
) -> Option<(ServerConfig, CacheConfig)> {
    let mut disk = Disk::new(root, clock.wall());
    site_of(main, &mut disk, clock).config.map(|config| (config.server, config.cache))
}

/// Binds `address`, or the next port that is free and not `kept` for something else. Gives also
/// whether the port that was asked for was taken.
///
/// # Errors
/// Where no port is free, or the address is none.
pub(super) async fn bind_near(
    address: &str,
    kept: Option<&str>,
    taken: &mut Vec<String>,
) -> io::Result<Listener> {
    let first = Listener::bind(address).await;
    let Err(why) = &first else { return first };
    let asked = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (io::ErrorKind::AddrInUse, Some((host, port))) = (why.kind(), asked) else { return first };
    taken.push(address.to_owned());
    let kept = kept.and_then(|kept| kept.rsplit_once(':')).and_then(|(_, port)| port.parse().ok());
    let ports = (1..TRIES).filter_map(|more| u16::checked_add(port, more));
    for port in ports.filter(|port| Some(*port) != kept) {
        match Listener::bind(&format!("{host}:{port}")).await {
            Err(why) if why.kind() == io::ErrorKind::AddrInUse => {}
            done => return done,
        }
    }
    first
}

/// A listener's address for a browser: `localhost` where it listens on everything.
pub(super) fn browsable(scheme: &str, address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        return format!("{scheme}://localhost:{}", address.port());
    }
    format!("{scheme}://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_browsers_is_one_that_they_can_go_to() {
        for (address, expected) in [
            ("127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("0.0.0.0:8000", "http://localhost:8000"),
            ("[::]:8000", "http://localhost:8000"),
            ("[::1]:8000", "http://[::1]:8000"),
        ] {
            assert_eq!(browsable("http", address.parse().unwrap()), expected);
        }
    }
}
