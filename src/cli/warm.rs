//! `larder warm`: renders pages before anybody asks.

use std::path::Path;
use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

use super::target::{CommandError, Offline, Reach, Running, Target, compiled};
use super::{FAILED, OK, complain, say};
use crate::http::edge::Handle as _;
use crate::http::handler::SiteHandler;
use crate::http::live::Live;
use crate::http::request::OwnedRequest;
use crate::site::Site;
use crate::site::route::encoded_path;

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
pub(super) fn run(config: &Path, arguments: &Arguments) -> Result<u8, CommandError> {
    let target = Target::find(config, &arguments.reach)?;
    let (mut warmed, mut failed) = (0_usize, 0_usize);
    let mut count = |url: &str, answer: Result<StatusCode, String>| {
        let is_bad = |status: StatusCode| status.is_client_error() || status.is_server_error();
        match answer {
            Ok(status) if !is_bad(status) => return warmed += 1,
            Ok(status) => complain(&format!("{url}: {status}\n")),
            Err(why) => complain(&format!("{url}: {why}\n")),
        }
        failed += 1;
    };
    match target {
        Target::Running(running) => {
            let site = compiled(config)?;
            let base = served_at(&running, arguments)?;
            for url in urls(&site, arguments) {
                let answer = running.visit(&format!("{base}{url}"));
                count(&url, answer.map_err(|why| format!("{base} does not answer: {why}")));
            }
        }
        Target::Files(offline) => {
            let Offline { site, cache, runtime, .. } = *offline;
            let (urls, server) = (urls(&site, arguments), site.server.clone());
            let handler = SiteHandler::new(Arc::new(Live::new(Arc::new(site))), cache, &server);
            for url in urls {
                let answer = OwnedRequest::get(&url).map(|request| {
                    let render = async { handler.respond(&request.view()).answer().await };
                    runtime.block_on(render).status()
                });
                count(&url, answer.ok_or_else(|| "no address".to_owned()));
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
        .map(|route| encoded_path(route.pattern.as_str()));
    fixed.chain(arguments.urls.iter().cloned()).collect()
}

/// Where a running site is served.
fn served_at(running: &Running, arguments: &Arguments) -> Result<String, CommandError> {
    let listen = match &arguments.listen {
        Some(listen) => return Ok(format!("http://{listen}")),
        None => running.get::<Value>("/api/status", &[])?["listen"].take(),
    };
    let listen = listen.as_str().ok_or("the running larder does not say where it is".to_owned())?;
    Ok(format!("http://{}", listen.replacen("0.0.0.0", "127.0.0.1", 1)))
}
