//! What is right: a larder that was started on these files just now, with nothing kept.

use std::path::Path;

use super::client::{Answer, Request};
use super::process::Larder;
use super::requests::ETAG;

/// What a fresh larder answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    /// To each request, when it is asked first and when it is asked again.
    answers: Vec<[Answer; 2]>,
}

impl Truth {
    /// Asks a fresh larder in this order.
    ///
    /// # Errors
    /// What it says against the files.
    pub(crate) fn of(root: &Path, requests: &[Request], order: &[usize]) -> Result<Self, String> {
        let mut fresh = Larder::serve(root, "memory", "off")?;
        let mut ask_all = || -> Result<Vec<Answer>, String> {
            let mut answers = vec![None; requests.len()];
            for at in order {
                answers[*at] = Some(fresh.ask(&requests[*at])?);
            }
            Ok(answers.into_iter().map(|answer| answer.expect("asked")).collect())
        };
        let (first, again) = (ask_all()?, ask_all()?);
        Ok(Self { answers: first.into_iter().zip(again).map(<[Answer; 2]>::from).collect() })
    }

    /// What an answer has to be compared with: one that came about in the same way, if any did.
    pub(crate) fn beside(&self, at: usize, answer: &Answer) -> &Answer {
        let [first, again] = &self.answers[at];
        if first.is_hit() == answer.is_hit() { first } else { again }
    }

    /// Whether the answer to a request is kept.
    pub(crate) fn is_kept(&self, at: usize) -> bool {
        self.answers[at][1].is_hit()
    }

    /// The tag of the answer to a request.
    pub(crate) fn etag(&self, at: usize) -> &str {
        self.answers[at][1].header("etag")
    }

    /// In which way the lasting answer to a request is another one than it was.
    pub(crate) fn differs(&self, before: &Self, at: usize) -> Option<String> {
        self.answers[at][1].differs_from(&before.answers[at][1])
    }

    /// Whether the lasting answer to a request has the body that it had, as far as is told of it.
    pub(crate) fn has_same_body(&self, before: &Self, at: usize) -> bool {
        let of_body = |answer: &Answer| {
            let told = ["etag", "content-length"].map(|name| answer.header(name).to_owned());
            (answer.status, answer.body.clone(), told)
        };
        of_body(&self.answers[at][1]) == of_body(&before.answers[at][1])
    }

    /// Whether a request is answered by an error.
    pub(crate) fn is_error(&self, at: usize) -> bool {
        self.answers[at][1].status >= 400
    }
}

/// The requests with the tags that their answers had before.
pub(crate) fn with_tags(requests: &[Request], before: Option<&Truth>) -> Vec<Request> {
    let mut requests = requests.to_vec();
    for (at, request) in requests.iter_mut().enumerate() {
        for (_, value) in request.headers.iter_mut().filter(|(_, value)| value == ETAG) {
            let tag = before.map_or("", |truth| truth.etag(at));
            *value = if tag.is_empty() { "\"none\"".to_owned() } else { tag.to_owned() };
        }
    }
    requests
}
