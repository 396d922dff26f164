//! Logins of the admin page: a bounded list of random tokens in cookies, and the token that the
//! forms of each have.

use std::collections::VecDeque;
use std::time::Duration;

use http::HeaderMap;
use http::header::COOKIE;
use parking_lot::Mutex;

use super::guard::same;
use crate::clock::{Clock, Moment};
use crate::fingerprint::{Fingerprint, Hasher};

/// How many logins there may be; the oldest goes when one more comes.
const MAX_OPEN: usize = 32;
/// How long a login lasts.
pub(super) const LIFE: Duration = Duration::from_secs(12 * 60 * 60);

/// The logins of one admin listener; gone with the process.
pub(super) struct Sessions {
    clock: Clock,
    /// With the port in it: browsers send cookies to all ports of a host.
    cookie: String,
    /// What else the cookie's line says.
    attributes: &'static str,
    open: Mutex<VecDeque<(Fingerprint, Moment)>>,
    /// What the forms' tokens are made from; nothing where the system has no randomness.
    secret: Option<Fingerprint>,
}

/// By what a request is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// By nothing: the listener has no token, or the request is a program's.
    Program,
    /// By the login whose token has this digest.
    Session(Fingerprint),
}

/// A session's cookie that is there twice: one of them may be another site's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Twice;

impl Sessions {
    /// No logins yet, for a listener at this port.
    pub(super) fn new(clock: &Clock, port: u16, is_secure: bool) -> Self {
        let attributes = if is_secure {
            "Path=/; HttpOnly; SameSite=Strict; Secure"
        } else {
            "Path=/; HttpOnly; SameSite=Strict"
        };
        let cookie = format!("larder-session-{port}");
        Self { clock: clock.clone(), cookie, attributes, open: Mutex::default(), secret: random() }
    }

    /// Opens a login and gives its `Set-Cookie` line; nothing where the system has no randomness.
    pub(super) fn open(&self) -> Option<String> {
        let token = random()?.to_string();
        let mut open = self.open.lock();
        open.truncate(MAX_OPEN - 1);
        open.push_front((Fingerprint::of(token.as_bytes()), self.clock.now().after(LIFE)));
        let life = LIFE.as_secs();
        Some(format!("{}={token}; Max-Age={life}; {}", self.cookie, self.attributes))
    }

    /// Ends a login, and gives the line that removes its cookie.
    pub(super) fn close(&self, asker: Asker) -> String {
        if let Asker::Session(session) = asker {
            let mut open = self.open.lock();
            open.retain(|(token, _)| !same(&session, token));
        }
        format!("{}=; Max-Age=0; {}", self.cookie, self.attributes)
    }

    /// The open login that the cookies of a request name, in whichever line.
    ///
    /// # Errors
    /// Where they name two.
    pub(super) fn of(&self, headers: &HeaderMap) -> Result<Option<Asker>, Twice> {
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut sent = lines
            .flat_map(crate::site::key::cookies)
            .filter(|(name, _)| *name == self.cookie)
            .map(|(_, value)| Fingerprint::of(value.as_bytes()));
        let Some(session) = sent.next() else { return Ok(None) };
        if sent.next().is_some() {
            return Err(Twice);
        }
        let now = self.clock.now();
        let open = self.open.lock();
        let mut open = open.iter().filter(|(_, until)| now < *until);
        Ok(open.any(|(token, _)| same(&session, token)).then_some(Asker::Session(session)))
    }

    /// What the forms of a page send back that is made for `asker`, and no other page can know;
    /// nothing where the system has no randomness.
    pub(super) fn form_token(&self, asker: Asker) -> Option<Fingerprint> {
        let asker = match asker {
            Asker::Program => Fingerprint::default(),
            Asker::Session(session) => session,
        };
        let secret = self.secret?;
        Some(Hasher::default().field(secret.as_bytes()).field(asker.as_bytes()).finish())
    }

    /// Whether a form is of a page that was made for `asker`.
    pub(super) fn is_form_token(&self, asker: Asker, sent: &str) -> bool {
        let sent = Fingerprint::parse(sent);
        sent.zip(self.form_token(asker)).is_some_and(|(sent, own)| same(&sent, &own))
    }
}

/// 128 bits that nobody can guess.
fn random() -> Option<Fingerprint> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(Fingerprint::of(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(clock: &Clock) -> Sessions {
        Sessions::new(clock, 8001, false)
    }

    fn cookie(sessions: &Sessions) -> String {
        let line = sessions.open().unwrap();
        line.split(';').next().unwrap().to_owned()
    }

    fn of(sessions: &Sessions, lines: &[&str]) -> Result<Option<Asker>, Twice> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, line.parse().unwrap());
        }
        sessions.of(&headers)
    }

    #[test]
    fn a_login_holds_until_it_is_closed_in_whichever_line_it_stands() {
        let sessions = sessions(&Clock::system());
        let (one, other) = (cookie(&sessions), cookie(&sessions));
        let asker = of(&sessions, &["theme=dark", &format!("a=b; {one}")]).unwrap().unwrap();
        assert_eq!(of(&sessions, &[&one]), Ok(Some(asker)));
        sessions.close(asker);
        assert_eq!(of(&sessions, &[&one]), Ok(None));
        assert!(of(&sessions, &[&other]).unwrap().is_some());
    }

    #[test]
    fn a_login_that_is_there_twice_is_none() {
        let sessions = sessions(&Clock::system());
        let one = cookie(&sessions);
        for lines in [[one.as_str(), one.as_str()], [one.as_str(), "larder-session-8001=x"]] {
            assert_eq!(of(&sessions, &lines), Err(Twice));
        }
    }

    #[test]
    fn forms_of_one_login_are_of_no_use_to_another() {
        let sessions = sessions(&Clock::system());
        let asker = |sessions: &Sessions| of(sessions, &[&cookie(sessions)]).unwrap().unwrap();
        let askers = [asker(&sessions), asker(&sessions), Asker::Program];
        for (at, asker) in askers.iter().enumerate() {
            let token = sessions.form_token(*asker).unwrap().to_string();
            for (other_at, other) in askers.iter().enumerate() {
                assert_eq!(sessions.is_form_token(*other, &token), at == other_at);
            }
        }
        assert!(!sessions.is_form_token(Asker::Program, ""));
    }

    #[test]
    fn a_login_ends_by_itself() {
        let clock = Clock::manual();
        let sessions = sessions(&clock);
        let one = cookie(&sessions);
        clock.advance(LIFE);
        assert_eq!(of(&sessions, &[&one]), Ok(None));
    }

    #[test]
    fn the_oldest_login_goes_when_there_are_too_many() {
        let sessions = sessions(&Clock::system());
        let first = cookie(&sessions);
        let others: Vec<String> = (0..MAX_OPEN).map(|_| cookie(&sessions)).collect();
        assert_eq!(of(&sessions, &[&first]), Ok(None));
        assert!(others.iter().all(|one| of(&sessions, &[one]).unwrap().is_some()));
    }
}
