//! A page's Content-Security-Policy → the same with just enough room for the script and its socket.
//!
//! A policy that forbids them is not weakened further than by their two addresses, and only in the
//! answer that carries the script. What a `<meta>` says is out of reach.

use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, Entry, HeaderMap, HeaderValue,
};

use super::{SCRIPT, SOCKET};

/// What decides about scripts with an address, the nearest first (CSP Level 3 §6.8.3).
const OF_SCRIPTS: [&str; 3] = ["script-src-elem", "script-src", "default-src"];
/// What decides about sockets.
const OF_SOCKETS: [&str; 2] = ["connect-src", "default-src"];

/// Makes room in policies.
#[derive(Default)]
pub(super) struct Policies {
    /// Whether the site is served by TLS.
    pub(super) is_secure: bool,
    /// Whether it was said that a page is in a sandbox.
    pub(super) told: AtomicBool,
}

impl Policies {
    /// Admits script and socket of `host`, with the site's base behind it; gives the nonce that the
    /// script has to carry, if any.
    pub(super) fn admit(&self, headers: &mut HeaderMap, host: &str) -> Option<String> {
        let tls = if self.is_secure { "s" } else { "" };
        let mut room = Room {
            script: format!("http{tls}://{host}{SCRIPT}"),
            socket: format!("ws{tls}://{host}{SOCKET}"),
            nonce: None,
        };
        for name in [CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY] {
            let Entry::Occupied(mut lines) = headers.entry(name) else { continue };
            for line in lines.iter_mut() {
                let Ok(text) = line.to_str() else { continue };
                let policies = text.split(',').map(|policy| {
                    self.tell_of_sandbox(policy);
                    room.admit(policy)
                });
                let admitted = HeaderValue::from_str(&policies.collect::<Vec<_>>().join(", "));
                *line = admitted.unwrap_or_else(|_invalid| line.clone());
            }
        }
        room.nonce
    }

    /// A page in a sandbox runs no script, or is of no origin: nothing helps there.
    fn tell_of_sandbox(&self, policy: &str) {
        let sandbox = policy.split(';').map(str::trim).find(|one| name_of(one) == "sandbox");
        let Some(sandbox) = sandbox else { return };
        let allows = |word: &str| has_word(sandbox, word);
        let works = allows("allow-scripts") && allows("allow-same-origin");
        if !works && !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a page's Content-Security-Policy puts it into a sandbox: it has no live reload \
                 without `allow-scripts allow-same-origin`"
            );
        }
    }
}

/// What has to be let in.
struct Room {
    script: String,
    socket: String,
    nonce: Option<String>,
}

impl Room {
    /// One policy, with script and socket.
    fn admit(&mut self, policy: &str) -> String {
        let mut directives: Vec<String> = policy
            .split(';')
            .map(|directive| directive.trim().to_owned())
            .filter(|directive| !directive.is_empty())
            .collect();
        if let Some(at) = effective(&directives, &OF_SCRIPTS) {
            let script = match directives.get(at) {
                // There only nonces and digests count.
                Some(list) if has_word(list, "'strict-dynamic'") => {
                    format!("'nonce-{}'", self.nonce.get_or_insert_with(nonce))
                }
                _ => self.script.clone(),
            };
            add(&mut directives, at, "script-src", &script);
        }
        if let Some(at) = effective(&directives, &OF_SOCKETS) {
            add(&mut directives, at, "connect-src", &self.socket);
        }
        directives.join("; ")
    }
}

fn name_of(directive: &str) -> String {
    directive.split_ascii_whitespace().next().unwrap_or_default().to_ascii_lowercase()
}

/// Whether a keyword is in a directive's list, in whatever case (CSP Level 3 §2.3.1).
fn has_word(directive: &str, word: &str) -> bool {
    directive.split_ascii_whitespace().skip(1).any(|one| one.eq_ignore_ascii_case(word))
}

/// The directive that decides: the first of each name counts.
fn effective(directives: &[String], names: &[&str]) -> Option<usize> {
    let find = |name: &&str| directives.iter().position(|one| name_of(one) == **name);
    names.iter().find_map(find)
}

/// Adds a source to the directive at `at`; what falls back to `default-src` gets a list of its own.
fn add(directives: &mut Vec<String>, at: usize, name: &str, source: &str) {
    let Some(directive) = directives.get_mut(at) else { return };
    let sources = directive.split_ascii_whitespace().skip(1);
    // `'none'` beside another source means nothing, and browsers complain.
    let sources = sources.filter(|one| !one.eq_ignore_ascii_case("'none'")).chain([source]);
    let list = sources.collect::<Vec<_>>().join(" ");
    let own = name_of(directive);
    if own == "default-src" {
        directives.push(format!("{name} {list}"));
    } else {
        *directive = format!("{own} {list}");
    }
}

/// 128 bits that nobody guesses (CSP Level 3 §7.1).
fn nonce() -> String {
    let mut bytes = [0_u8; 16];
    // Without randomness the page goes without live reload; it is the developer's own machine.
    let _ = getrandom::fill(&mut bytes);
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(policy: &str) -> (String, Option<String>) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_SECURITY_POLICY, policy.parse().unwrap());
        let nonce = Policies::default().admit(&mut headers, "h:1");
        (headers[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned(), nonce)
    }

    #[test]
    fn a_policy_gets_room_for_script_and_socket_and_nothing_else() {
        let (script, socket) = ("http://h:1/_larder/live.js", "ws://h:1/_larder/live");
        for (policy, expected) in [
            ("img-src *", "img-src *".to_owned()),
            (
                "default-src 'self'",
                format!(
                    "default-src 'self'; script-src 'self' {script}; connect-src 'self' {socket}"
                ),
            ),
            (
                "default-src 'none'; Script-Src 'none'; style-src 'self'",
                format!(
                    "default-src 'none'; script-src {script}; style-src 'self'; \
                     connect-src {socket}"
                ),
            ),
            (
                "script-src 'unsafe-inline'; script-src-elem 'sha256-x'; connect-src a.b",
                format!(
                    "script-src 'unsafe-inline'; script-src-elem 'sha256-x' {script}; \
                     connect-src a.b {socket}"
                ),
            ),
            (
                "script-src x, connect-src y",
                format!("script-src x {script}, connect-src y {socket}"),
            ),
        ] {
            assert_eq!(admitted(policy), (expected, None), "{policy}");
        }
    }

    #[test]
    fn where_only_nonces_count_the_script_carries_one() {
        let (policy, nonce) = admitted("script-src 'nonce-abc' 'strict-dynamic'");
        let nonce = nonce.unwrap();
        assert_eq!(policy, format!("script-src 'nonce-abc' 'strict-dynamic' 'nonce-{nonce}'"));
        assert_ne!(admitted("script-src 'strict-dynamic'").1, Some(nonce));
        assert!(admitted("script-src 'Strict-Dynamic'").1.is_some());
    }
}
