//! Bodies of requests: read where the route wants them, thrown away where not.

use std::sync::Arc;

use ::http::StatusCode;
use hyper::body::Body as _;
use serde_json::Value;

use super::super::answer::Responding;
use super::super::head::Refusal;
use super::super::headers::joined;
use super::super::problem::Problem;
use super::super::request::RequestView;
use super::super::unread::{NotRead, RequestBody, Whole};
use super::{Core, Refused};
use crate::site::Route;
use crate::site::route::{BodyForm, RawBody, RouteMatch};

/// What came of a request's body.
#[derive(Debug, Default)]
pub(super) enum Received {
    /// There was none, or nobody wants it.
    #[default]
    Nothing,
    /// It is there.
    Whole(BodyForm, Whole),
    /// It cannot be taken, and why.
    Refused(Box<Problem>),
    /// There is no room for it beside the others.
    NoRoom,
}

impl Core {
    /// The answer to a request that may have a body. The site is the same for what is read and for
    /// what is answered.
    pub(super) fn respond_to_whole(
        self: &Arc<Self>,
        request: &RequestView<'_>,
        mut body: RequestBody,
    ) -> Responding {
        let served = self.live.load();
        if body.is_end_stream() {
            return self.respond_in(&served, request, &Received::Nothing);
        }
        let is_wanted = match served.site.find(request.method.as_str(), request.path) {
            RouteMatch::Route(matched) => {
                served.site.route(matched.target).is_some_and(|route| route.reads_body())
            }
            _ => false,
        };
        let (core, served) = (Arc::clone(self), Arc::clone(&served));
        let request = request.into_owned();
        Responding::begin(async move {
            let request = request.view();
            let received = if is_wanted {
                Received::read(&request, body, &core).await
            } else {
                body.discard().await.map_or_else(Received::refused, |()| Received::Nothing)
            };
            core.respond_in(&served, &request, &received).answer().await
        })
    }
}

impl Received {
    async fn read(request: &RequestView<'_>, body: RequestBody, core: &Core) -> Self {
        let form = match form_of(request) {
            Ok(form) => form,
            // Who waits to be told to go on is not.
            Err(refused) if request.headers.line("expect", 0).is_some() => return refused,
            Err(refused) => {
                return match body.whole(&core.bodies).await {
                    Ok(Whole { bytes, .. }) if bytes.is_empty() => Self::Nothing,
                    Ok(_) | Err(NotRead::NoRoom) => refused,
                    Err(NotRead::Refused(why)) => Self::refused(why),
                };
            }
        };
        match body.whole(&core.bodies).await {
            Ok(whole) if whole.bytes.is_empty() => Self::Nothing,
            Ok(whole) => Self::Whole(form, whole),
            Err(NotRead::NoRoom) => Self::NoRoom,
            Err(NotRead::Refused(why)) => Self::refused(why),
        }
    }

    fn refused(why: Refusal) -> Self {
        Self::Refused(Problem::new(why.status()).detail(why.detail()).into())
    }

    /// The body as the pages of a route see it; nothing where it does not want one.
    pub(super) fn of_route(&self, route: &Route) -> Result<Option<Value>, Refused> {
        let raw = match self {
            Self::Refused(problem) => return Err(Refused::Body(problem.clone())),
            Self::NoRoom => return Err(Refused::NoRoom),
            _ if !route.reads_body() => return Ok(None),
            Self::Nothing => RawBody::default(),
            Self::Whole(form, whole) => RawBody::parse(form, &whole.bytes).map_err(|why| {
                Refused::Body(Problem::new(StatusCode::BAD_REQUEST).detail(why).into())
            })?,
        };
        route.rules.body(raw).map(Some).map_err(Refused::Parameter)
    }
}

/// How the body is written; a 415 where that is nothing that is read.
fn form_of(request: &RequestView<'_>) -> Result<BodyForm, Received> {
    let unsupported = |detail: String| {
        Received::Refused(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE).detail(detail).into())
    };
    if let Some(coding) = joined(request.headers, "content-encoding")
        && !coding.eq_ignore_ascii_case("identity")
    {
        return Err(unsupported("a body is taken without a Content-Encoding".to_owned()));
    }
    let form = joined(request.headers, "content-type").and_then(|text| BodyForm::of(&text));
    form.ok_or_else(|| unsupported(format!("a body is taken as {}", BodyForm::TYPES.join(", "))))
}
