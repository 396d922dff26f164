//! A client that sends what it is told, Host and all, and reads the whole answer.

use crate::harness::{Larder, PATIENCE, Site, raw, until};

/// A larder with an admin listener.
pub(crate) struct Admin {
    /// The site's listener, and the process.
    pub(crate) larder: Larder,
    /// Host and port of the admin listener.
    pub(crate) address: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Every byte of a key as an address may have it.
pub(crate) fn encoded(key: &str) -> String {
    percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC).to_string()
}

impl Said {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|why| panic!("{why}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(of, _)| *of == name).map_or("", |(_, value)| value)
    }
}

impl Admin {
    pub(crate) fn serve(site: &Site, store: &str) -> Self {
        Self::of(Larder::spawn(site, &["--store", store, "--admin", "127.0.0.1:0"]))
    }

    /// The admin listener of one that was started with `--admin`.
    pub(crate) fn of(larder: Larder) -> Self {
        let line = larder.line_with("admin on http://");
        let (_, rest) = line.split_once("admin on http://").expect("the address");
        let address = rest.split(' ').next().expect("the address").to_owned();
        Self { larder, address }
    }

    /// A figure of `/metrics`.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.send("GET", "/metrics", &[], "").body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|figure| figure.parse().ok()).unwrap_or_else(|| panic!("{name} in {text}"))
    }

    /// Waits until a figure of `/metrics` is `value`.
    pub(crate) fn until_metric(&self, name: &str, value: u64) {
        until(PATIENCE, &format!("{name} is {value}"), || {
            (self.metric(name) == value).then_some(())
        });
    }

    /// A request with these header lines besides Host, and a body.
    pub(crate) fn send(&self, method: &str, path: &str, lines: &[&str], body: &str) -> Said {
        let host = format!("Host: {}", self.address);
        let host = if lines.iter().any(|line| line.starts_with("Host:")) { "" } else { &host };
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        for line in [host].iter().chain(lines).filter(|line| !line.is_empty()) {
            head.extend([*line, "\r\n"]);
        }
        let length = body.len().to_string();
        head.extend(["Content-Length: ", &length, "\r\nConnection: close\r\n\r\n"]);
        let answer = raw(&self.address, &format!("{head}{body}"));
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a status");
        Said { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn get(&self, path: &str) -> Said {
        self.send("GET", path, &[], "")
    }

    /// A JSON document to an address of the API.
    pub(crate) fn post(&self, path: &str, body: &str) -> Said {
        self.send("POST", path, &["Content-Type: application/json"], body)
    }

    /// The keys that are listed, sorted.
    pub(crate) fn keys(&self, query: &str) -> Vec<String> {
        let (mut keys, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/api/keys?{query}{cursor}"));
            assert_eq!(page.status, 200, "{page:?}");
            let page = page.json();
            let rows = page["keys"].as_array().expect("keys").iter();
            keys.extend(rows.map(|row| row["key"].as_str().expect("a key").to_owned()));
            let Some(next) = page["cursor"].as_str() else { break };
            cursor = format!("&cursor={}", next.replace('+', "%2B"));
        }
        keys.sort();
        keys
    }
}
