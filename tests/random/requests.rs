//! What is asked of a site: of each route in several ways, and of what is none.

use std::collections::BTreeSet;

use super::client::Request;
use super::rng::Rng;
use super::site::Site;

/// Stands for the `ETag` that the same address had before.
pub(crate) const ETAG: &str = "$etag";

/// How many requests a site is asked.
const COUNT: usize = 26;

/// The requests for all versions of a site.
pub(crate) fn all(rng: &mut Rng, versions: &[Site]) -> Vec<Request> {
    let addresses: BTreeSet<&str> =
        versions.iter().flat_map(|site| &site.routes).map(|route| &*route.address).collect();
    let addresses: Vec<&str> = addresses.into_iter().collect();
    let mut requests: Vec<Request> = Vec::new();
    for address in &addresses {
        requests.push(request(rng, address));
    }
    for target in ["/nowhere", "/a/", "/openapi.json"] {
        requests.push(headed(rng, Request::get(target)));
    }
    while requests.len() < COUNT {
        let address = addresses[rng.below(addresses.len())];
        requests.push(request(rng, address));
    }
    requests.dedup();
    requests
}

fn request(rng: &mut Rng, address: &str) -> Request {
    let (method, path) = address.split_once(' ').unwrap_or(("GET", address));
    let mut request = Request::get(&filled(rng, path));
    method.clone_into(&mut request.method);
    if method == "GET" {
        match rng.below(14) {
            0 => "HEAD".clone_into(&mut request.method),
            1 => "OPTIONS".clone_into(&mut request.method),
            2 => "DELETE".clone_into(&mut request.method),
            _ => {}
        }
    }
    if !rng.one_in(3) {
        request.target += &query(rng);
    }
    headed(rng, request)
}

/// A path of a pattern.
fn filled(rng: &mut Rng, pattern: &str) -> String {
    let mut path = String::new();
    for (index, part) in pattern.split('{').enumerate() {
        let (name, rest) =
            if index == 0 { ("", part) } else { part.split_once('}').unwrap_or((part, "")) };
        let value = match name {
            "" => "",
            "*path" => *rng.pick(&[&"site.css", &"note.txt", &"none.txt", &"site.css?v=0"]),
            name if name.starts_with('*') => *rng.pick(&[&"one/two", &"", &"x"]),
            name if name.contains(":int") => *rng.pick(&[&"7", &"12", &"x7"]),
            name if name.contains(":date") => *rng.pick(&[&"2026-01-31", &"2026-13-01"]),
            "slug" => *rng.pick(&[&"one", &"two", &"three"]),
            _ => *rng.pick(&[&"ada", &"7", &"a%2Fb", &"a+b%3A%20c", &"long-name", &"%3Cb%3E"]),
        };
        path.push_str(value);
        path.push_str(rest);
    }
    path
}

fn query(rng: &mut Rng) -> String {
    let mut pairs = Vec::new();
    for _ in 0..=rng.below(3) {
        pairs.push(*rng.pick(&[
            &"a=a1",
            &"a=",
            &"a=a%26b%3Dc",
            &"b=2",
            &"b=x+y",
            &"page=1",
            &"page=3",
            &"page=x",
            &"kind=jam",
            &"kind=pickle",
            &"utm=1",
            &"utm=2",
            &"a=toolong",
            &"a",
            &"c=%3Cb%3E",
        ]));
    }
    format!("?{}", pairs.join("&"))
}

fn headed(rng: &mut Rng, mut request: Request) -> Request {
    for (name, values) in [
        ("accept", &["text/html", "application/json", "*/*"][..]),
        ("accept-language", &["no", "en;q=0.1, no", "fr, en;q=0.5", "de"]),
        ("accept-encoding", &["gzip", "br, gzip, zstd", "zstd;q=0.5, br;q=0.1", "identity"]),
        ("origin", &["https://shop.example", "https://other.example"]),
        ("x-tone", &["warm", "cold"]),
        ("cookie", &["who=ada", "who=bob; session=1", "session=1; who=ada", "b=1; a=2"]),
        ("if-none-match", &[ETAG, "\"other\"", "*"]),
        ("access-control-request-method", &["GET"]),
    ] {
        if rng.one_in(if name == "accept" { 2 } else { 5 }) {
            let value = values[rng.below(values.len())];
            request.headers.push((name.to_owned(), value.to_owned()));
        }
    }
    request
}
