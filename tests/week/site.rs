//! The site of the week, and what is asked of it.
//!
//! Each page says what it is, to whom, of which version, and when it was made:
//! `page ada en|t3 d1 r7|2026-11-28T02:00:00.000Z`.

use std::time::Duration;

use crate::harness::Site;
use crate::rng::Rng;

/// A version of the site: each part comes from another file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) template: u32,
    pub(crate) data: u32,
    pub(crate) routes: u32,
}

impl Version {
    /// As pages have it.
    pub(crate) fn text(self) -> String {
        format!("t{} d{} r{}", self.template, self.data, self.routes)
    }

    pub(crate) fn site(self) -> Site {
        let files = [TEMPLATE, DATA, ROUTES].map(|path| (path, self.file(path)));
        files.iter().fold(Site::new(), |site, (path, text)| site.file(path, text))
    }

    /// Makes the files what this version says; only those that differ from `before` are written.
    pub(crate) fn save(self, before: Self, site: &Site, in_place: bool) {
        for path in [TEMPLATE, DATA, ROUTES] {
            let text = self.file(path);
            match in_place {
                _ if text == before.file(path) => {}
                true => site.edit_in_place(path, &text),
                false => site.edit(path, &text),
            }
        }
    }

    fn file(self, path: &str) -> String {
        match path {
            TEMPLATE => format!("t{} {{{{site.v}}}} {{{{r}}}}|{{{{now}}}}", self.template),
            DATA => format!("v: d{}\n", self.data),
            _ => {
                let text = ROUTES_TEXT.replace("R0", &format!("r{}", self.routes));
                text.replace("PART", &part())
            }
        }
    }
}

const TEMPLATE: &str = "templates/partials/mark.hbs";
const DATA: &str = "data/site.yaml";
pub(crate) const ROUTES: &str = "routes.yaml";

/// A tenth of the large page, which is more than goes over the connection that others use.
fn part() -> String {
    "wide".repeat(4000)
}

const ROUTES_TEXT: &str = r#"
server: { cache_status: full }
cache: { prefix: week, memory: 16MiB, max_new_keys: 50 }
defaults: { ttl: 10m }
data: { r: R0, rows: [0,1,2,3,4,5,6,7,8,9], part: PART }
load: { site: data/site.yaml }
languages: [en, no]
routes:
  /page/{name}:
    inline: "page {{params.name}} {{query.lang}}|{{> partials/mark}}"
    content_type: text/plain
    query: { lang: { enum: [en, no], default: en } }
  /me: { inline: "me {{cookies.visitor}}|{{> partials/mark}}", content_type: text/plain }
  /lang: { inline: "lang {{language}}|{{> partials/mark}}", content_type: text/plain }
  /short/{name}:
    inline: "short {{params.name}}|{{> partials/mark}}"
    content_type: text/plain
    ttl: 2s
    stale_while_revalidate: 2s
  /slow/{name}:
    inline: "slow {{params.name}}|{{> partials/mark}}"
    content_type: text/plain
    delay: 150ms
  /large/{name}:
    inline: "large {{#each rows}}{{@root.part}}{{/each}} {{params.name}}|{{> partials/mark}}"
    content_type: text/plain
  /n/{n}: { inline: "n {{params.n}}|{{> partials/mark}}", ttl: 20s, content_type: text/plain }
  /steady: { inline: "steady||{{now}}", content_type: text/plain }
  POST /do: { json: { ok: true } }
"#;

/// A request, and what is right.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) route: &'static str,
    pub(crate) target: String,
    pub(crate) header: Option<(&'static str, String)>,
    /// What its page says that it is.
    pub(crate) identity: String,
    /// The end of its key; cookies are in theirs as a digest.
    pub(crate) key: String,
    pub(crate) status: u16,
}

impl Ask {
    fn new(route: &'static str, target: &str, identity: String, query: &str) -> Self {
        let key = format!("week::{route}:{target}{query}");
        let (target, header) = (format!("{target}{query}"), None);
        Self { route, target, header, identity, key, status: 200 }
    }

    pub(crate) fn page(name: &str, lang: &str) -> Self {
        let (plain, query) = (plain(name), format!("?lang={lang}"));
        Self::new("page-name", &format!("/page/{name}"), format!("page {plain} {lang}"), &query)
    }

    pub(crate) fn steady() -> Self {
        Self::new("steady", "/steady", "steady".into(), "")
    }

    pub(crate) fn slow(name: &str) -> Self {
        Self::new("slow-name", &format!("/slow/{name}"), format!("slow {name}"), "")
    }

    pub(crate) fn flood(number: usize) -> Self {
        Self::new("n-n", &format!("/n/{number}"), format!("n {number}"), "")
    }

    /// What any client asks.
    pub(crate) fn any(rng: &mut Rng) -> Self {
        let name = *rng.pick(&[&"ada", &"bob", &"a%20b", &"x%3Ay", &"50%25"]);
        let lang = *rng.pick(&[&"en", &"no"]);
        let short = *rng.pick(&[&"s", &"t"]);
        match rng.below(12) {
            0..4 => Self::page(name, lang),
            4 => {
                let visitor = rng.below(3).to_string();
                let ask = Self::new("me", "/me", format!("me {visitor}"), "#cookies.visitor=");
                let header = Some(("cookie", format!("visitor={visitor}")));
                Self { target: "/me".into(), header, ..ask }
            }
            5 => {
                let key = format!("#language={lang}");
                let ask = Self::new("lang", "/lang", format!("lang {lang}"), &key);
                let header = Some(("accept-language", format!("{lang},de;q=0.5")));
                Self { target: "/lang".into(), header, ..ask }
            }
            6 => Self::new("short-name", &format!("/short/{short}"), format!("short {short}"), ""),
            7 => Self::slow(short),
            8 => {
                let identity = format!("large {} {short}", part().repeat(10));
                Self::new("large-name", &format!("/large/{short}"), identity, "")
            }
            9 => {
                let ask = Self::page(name, lang);
                // What nothing reads changes nothing.
                Self { target: format!("{}&utm={}", ask.target, rng.word()), ..ask }
            }
            10 => Self::steady(),
            _ => Self { status: 404, ..Self::new("", "/nothing", String::new(), "") },
        }
    }

    /// Whether its render is said to do I/O, and so is leased.
    pub(crate) fn is_leased(&self) -> bool {
        self.route == "slow-name"
    }

    /// How long before it is made its render begins, at least.
    pub(crate) fn takes(&self) -> Duration {
        Duration::from_millis(if self.is_leased() { 150 } else { 0 })
    }

    /// The oldest that a page may ever be.
    pub(crate) fn oldest(&self) -> Duration {
        match self.route {
            "short-name" => Duration::from_secs(4),
            "n-n" => Duration::from_secs(20),
            _ => Duration::from_secs(600),
        }
    }
}

/// A path's segment, decoded.
fn plain(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}
