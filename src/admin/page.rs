//! The page for people.
use http::Response;

use super::{Inner, reply};
use crate::http::body::Body;
use crate::http::carry::WholeRequest;

pub(super) const STYLE: &str = "/admin.css";
pub(super) const SCRIPT: &str = "/admin.js";
pub(super) const ICON: &str = "/icon.svg";

pub(super) fn login(_inner: &Inner, _wrong: Option<&str>) -> Response<Body> {
    reply::html("login".to_owned())
}

impl Inner {
    pub(super) async fn page(&self, _request: &WholeRequest) -> Response<Body> {
        reply::problem(http::StatusCode::NOT_FOUND, "there is no such address")
    }
}
