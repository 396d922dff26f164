//! `larder warm`: renders pages before anybody asks.

use std::path::Path;
use std::sync::Arc;

use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::Value;

use super::target::{Offline, Reach, Running, Target, Trouble, compiled};
use super::{FAILED, OK, complain, say};
use crate::http::edge::Handle as _;
use crate::http::handler::SiteHandler;
use crate::http::live::Live;
use crate::site::Site;

/// What the command line says.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Addresses to render, paths with their queries, besides every route without parameters.
    urls: Vec<String>,
    /// Where the site is served, instead of what the running larder says.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

/// Renders every route without parameters, and the addresses given.
pub(super) fn run(config: &Path, arguments: &Arguments) -> Result<u8, Trouble> {
    let target = Target::find(config, &arguments.reach)?;
    let (mut warmed, mut failed) = (0_usize, 0_usize);
    let mut count = |url: &str, answer: Result<StatusCode, String>| match answer {
        Ok(status) if !status.is_client_error() && !status.is_server_error() => warmed += 1,
        Ok(status) => {
            failed += 1;
            complain(&format!("{url}: {status}\n"));
        }
        Err(why) => {
            failed += 1;
            complain(&format!("{url}: {why}\n"));
        }
    };
    match target {
        Target::Running(running) => {
            let site = compiled(config)?;
            let base = served_at(&running, &site, arguments)?;
            for url in urls(&site, arguments) {
                let answer = running.visit(&format!("{base}{url}"));
                count(&url, answer.map_err(|why| format!("{base} does not answer: {why}")));
            }
        }
        Target::Files(offline) => {
            let Offline { site, .. } = &*offline;
            let urls = urls(site, arguments);
            for (url, answer) in visit_all(*offline, urls) {
                count(&url, answer);
            }
        }
    }
    say(&format!("{warmed} pages warm, {failed} failed\n"));
    Ok(if failed == 0 { OK } else { FAILED })
}

fn urls(site: &Site, arguments: &Arguments) -> Vec<String> {
    let fixed = site
        .routes
        .iter()
        .filter(|route| route.key.is_some() && route.pattern.is_literal())
        .map(|route| super::encoded_path(route.pattern.as_str()));
    fixed.chain(arguments.urls.iter().cloned()).collect()
}

/// Where a running site is served.
fn served_at(running: &Running, site: &Site, arguments: &Arguments) -> Result<String, Trouble> {
    if let Some(listen) = &arguments.listen {
        return Ok(format!("http://{listen}"));
    }
    let status = running.get("/api/status")?;
    let listen = status.get("listen").and_then(Value::as_str).unwrap_or(&site.server.listen);
    Ok(format!("http://{}", listen.replacen("0.0.0.0", "127.0.0.1", 1)))
}

/// Renders in this process, into the site's Redis.
fn visit_all(offline: Offline, urls: Vec<String>) -> Vec<(String, Result<StatusCode, String>)> {
    let (site, cache, runtime) = offline.into_parts();
    let server = site.server.clone();
    let handler = SiteHandler::new(Arc::new(Live::new(Arc::new(site))), cache, &server);
    let visit = async move {
        let mut answers = Vec::with_capacity(urls.len());
        for url in urls {
            let answer = match request(&url) {
                Ok(request) => Ok(handler.slow(request).await.status()),
                Err(why) => Err(why),
            };
            answers.push((url, answer));
        }
        answers
    };
    runtime.block_on(visit)
}

fn request(url: &str) -> Result<Request<Full<bytes::Bytes>>, String> {
    let mut request = Request::new(Full::default());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = url.parse().map_err(|why| format!("no address: {why}"))?;
    *request.headers_mut() = HeaderMap::new();
    Ok(request)
}
