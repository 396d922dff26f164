//! Logins of the admin page: a bounded list of random tokens in cookies, and the forms' own token.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::guard::same;
use crate::clock::{Clock, Moment};
use crate::config::Secret;
use crate::fingerprint::Fingerprint;

/// How many logins there may be; the oldest goes when one more comes.
const MAX_OPEN: usize = 32;
/// How long a login lasts.
pub(super) const LIFE: Duration = Duration::from_secs(12 * 60 * 60);
const COOKIE: &str = "larder-session";

/// The logins of one admin listener; gone with the process.
pub(super) struct Sessions {
    clock: Clock,
    open: Mutex<VecDeque<(Fingerprint, Moment)>>,
    /// What the page's own forms send back, and no other page can know.
    pub(super) form: Secret,
}

impl Sessions {
    /// No logins yet. Where the system has no randomness the forms' token is empty, which is never
    /// taken.
    pub(super) fn new(clock: &Clock) -> Self {
        let form = Secret::new(random().unwrap_or_default());
        Self { clock: clock.clone(), open: Mutex::default(), form }
    }

    /// Opens a login and gives its `Set-Cookie` line; nothing where the system has no randomness.
    pub(super) fn open(&self) -> Option<String> {
        let token = random()?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.truncate(MAX_OPEN - 1);
        open.push_front((Fingerprint::of(token.as_bytes()), self.clock.now().after(LIFE)));
        let life = LIFE.as_secs();
        Some(format!("{COOKIE}={token}; Path=/; Max-Age={life}; HttpOnly; SameSite=Strict"))
    }

    /// Ends the login that a `Cookie` line names, and gives the line that removes the cookie.
    pub(super) fn close(&self, cookies: &str) -> String {
        let tokens: Vec<Fingerprint> = tokens(cookies).collect();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(token, _)| !tokens.iter().any(|sent| same(sent, token)));
        format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
    }

    /// Whether a `Cookie` line names an open login.
    pub(super) fn knows(&self, cookies: &str) -> bool {
        let now = self.clock.now();
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        tokens(cookies)
            .any(|sent| open.iter().any(|(token, until)| now < *until && same(&sent, token)))
    }

    /// Whether a form is the page's own.
    pub(super) fn is_form_token(&self, sent: &str) -> bool {
        let own = Fingerprint::of(self.form.as_bytes());
        !self.form.is_empty() && same(&Fingerprint::of(sent.as_bytes()), &own)
    }
}

fn tokens(cookies: &str) -> impl Iterator<Item = Fingerprint> {
    crate::site::key::cookies(cookies)
        .filter(|(name, _)| *name == COOKIE)
        .map(|(_, value)| Fingerprint::of(value.as_bytes()))
}

/// 32 hex digits that nobody can guess.
fn random() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(Fingerprint::of(&bytes).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(sessions: &Sessions) -> String {
        let line = sessions.open().unwrap();
        line.split(';').next().unwrap().to_owned()
    }

    #[test]
    fn a_login_holds_until_it_is_closed() {
        let sessions = Sessions::new(&Clock::system());
        let (one, other) = (cookie(&sessions), cookie(&sessions));
        assert!(sessions.knows(&format!("theme=dark; {one}")));
        sessions.close(&one);
        assert!(!sessions.knows(&one));
        assert!(sessions.knows(&other));
    }

    #[test]
    fn a_login_ends_by_itself() {
        let clock = Clock::manual();
        let sessions = Sessions::new(&clock);
        let one = cookie(&sessions);
        clock.advance(LIFE);
        assert!(!sessions.knows(&one));
    }

    #[test]
    fn the_oldest_login_goes_when_there_are_too_many() {
        let sessions = Sessions::new(&Clock::system());
        let first = cookie(&sessions);
        let others: Vec<String> = (0..MAX_OPEN).map(|_| cookie(&sessions)).collect();
        assert!(!sessions.knows(&first));
        assert!(others.iter().all(|one| sessions.knows(one)));
    }
}
