//! A random site: most of what a site may have, in small.

use serde_json::{Value, json};

use super::rng::Rng;
use super::site::{Fields, Piece, Route, Site, mapping, set};
use super::templates::{Scope, layout, piece};

/// Addresses that stand beside each other in one site.
const ADDRESSES: &[&str] = &[
    "/",
    "/a",
    "/b/",
    "/q",
    "/p/{name}",
    "/p/{id:int}",
    "/v{n}",
    "/{slug}.html",
    "/w/{*rest}",
    "/on/{day:date}",
    "/deep/{x}/{y}",
    "/deep/one/{y}",
    "/data.json",
    "/feed.xml",
    "/plain.txt",
    "POST /a",
    "POST /form",
];

/// Makes sites and what is put into them; ids of pieces are new each time.
pub(crate) struct Maker {
    pub(crate) rng: Rng,
    next: usize,
}

impl Maker {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { rng, next: 0 }
    }

    pub(crate) fn piece(&mut self, text: String) -> Piece {
        self.next += 1;
        Piece { id: self.next, text }
    }

    fn put(&mut self, site: &mut Site, path: &str, texts: Vec<String>) {
        let pieces = texts.into_iter().map(|text| self.piece(text)).collect();
        site.files.insert(path.to_owned(), pieces);
    }

    /// A whole site.
    pub(crate) fn site(&mut self) -> Site {
        let mut site = Site::default();
        self.settings(&mut site);
        self.values(&mut site);
        let partials = self.partials(&mut site);
        for part in 0..2 {
            if self.rng.one_in(3) {
                let defaults = self.setting(&mut site, "defaults");
                site.parts.insert(part, vec![("defaults".to_owned(), defaults)]);
            }
        }
        let unused = piece(&mut self.rng, Scope { params: &[], partials: &partials }, 1);
        self.put(&mut site, "templates/unused.html.hbs", vec![unused]);
        for number in 0..2 {
            let texts = layout(&mut self.rng, &partials);
            self.put(&mut site, &format!("templates/base{number}.html.hbs"), texts);
        }
        let order = self.rng.order(ADDRESSES.len());
        let count = 4 + self.rng.below(6);
        for at in order.into_iter().take(count) {
            let route = self.route(&mut site, ADDRESSES[at]);
            site.routes.push(route);
        }
        site.routes.push(Route::short("/assets/{*path}", None));
        let dir = &mut site.routes.last_mut().expect("just pushed").fields;
        set(dir, "dir", Some(json!("public")));
        site
    }

    fn settings(&mut self, site: &mut Site) {
        let server = mapping([("cache_status", json!("full")), ("docs", json!("/docs"))]);
        site.settings.push(("server".to_owned(), server));
        for name in ["languages", "cache", "defaults", "errors"] {
            if name == "cache" || !self.rng.one_in(3) {
                let value = self.setting(site, name);
                set(&mut site.settings, name, Some(value));
            }
        }
        if site.settings.iter().all(|(name, _)| name != "languages") {
            set(&mut site.settings, "languages", Some(json!(["en"])));
        }
    }

    /// A value for a field of the main file.
    pub(crate) fn setting(&mut self, site: &mut Site, name: &str) -> Value {
        let rng = &mut self.rng;
        match name {
            "languages" => match rng.below(4) {
                0 => json!(["en"]),
                1 => json!(["no", "en"]),
                2 => json!(["en", "no", "fr"]),
                _ => json!(["en", "no"]),
            },
            "cache" => mapping([
                // A machine that is busy with other tests is no store that is down.
                ("timeout", json!("5s")),
                ("namespace", json!(rng.pick(&["", "blue", "green"]))),
            ]),
            "defaults" => {
                let mut fields = Fields::new();
                for name in ["ttl", "headers", "max_age", "layout", "cors", "key"] {
                    if self.rng.one_in(3) {
                        let value = self.common(name);
                        set(&mut fields, name, Some(value));
                    }
                }
                Value::Object(fields.into_iter().collect())
            }
            _ => self.errors(site),
        }
    }

    fn errors(&mut self, site: &mut Site) -> Value {
        let texts = (0..2).map(|_| self.error_piece()).collect();
        self.put(site, "templates/errors/404.html.hbs", texts);
        let inline = self.error_piece();
        let mut pages = vec![("4xx".to_owned(), json!({ "inline": inline }))];
        let mut own = json!({ "template": "errors/404.html.hbs" });
        if self.rng.one_in(2) {
            let around = ["<main>{{{content}}}</main>".to_owned(), self.error_piece()];
            self.put(site, "templates/errors/around.html.hbs", around.to_vec());
            own["layout"] = json!("errors/around.html.hbs");
        }
        pages.push(("404".to_owned(), own));
        Value::Object(pages.into_iter().skip(self.rng.below(2)).collect())
    }

    /// A piece of a page for errors.
    pub(crate) fn error_piece(&mut self) -> String {
        let word = self.rng.word();
        match self.rng.below(4) {
            0 => format!("<h1>{{{{error.status}}}} {{{{error.title}}}} {word}</h1>"),
            1 => format!("<p>{{{{path}}}} {word}</p>"),
            2 => format!("<p>{{{{site.name}}}} {{{{error.detail}}}} {word}</p>"),
            _ => format!("<p>{word}</p>"),
        }
    }

    /// Values of the site, under the names that templates use.
    fn values(&mut self, site: &mut Site) {
        for name in ["title", "site", "items", "flag", "count"] {
            let value = self.value(name);
            set(&mut site.data, name, Some(value));
        }
        for (name, from) in [
            ("team", "data/team.yaml"),
            ("jars", "data/jars.csv"),
            ("facts", "data/facts.json"),
            ("opts", "data/opts.toml"),
            ("plain", "data/plain.txt"),
            ("note", "data/note.md"),
            ("loose", "data/loose.yaml"),
        ] {
            set(&mut site.load, name, Some(json!(from)));
            let text = self.loaded(from);
            self.put(site, from, vec![text]);
        }
        set(&mut site.load, "posts", Some(json!("posts/*.md")));
        for post in ["posts/one.md", "posts/two.md"] {
            let text = self.loaded(post);
            self.put(site, post, vec![text]);
        }
        for asset in ["public/site.css", "public/note.txt"] {
            let text = self.loaded(asset);
            self.put(site, asset, vec![text]);
        }
    }

    /// A value of the site's data.
    pub(crate) fn value(&mut self, name: &str) -> Value {
        let rng = &mut self.rng;
        match name {
            "site" => mapping([
                ("name", json!(rng.word())),
                ("region", json!("${LARDER_RANDOM_REGION:-eu}")),
                ("part", json!(rng.pick(&["partials/p0", "partials/p1"]))),
            ]),
            "items" => {
                let item = |id: usize, rng: &mut Rng| {
                    let kind = rng.pick(&["jam", "pickle"]);
                    json!({ "id": id, "name": rng.word(), "kind": kind, "n": rng.below(20) })
                };
                let count = rng.below(4);
                Value::Array((0..count).map(|id| item(id, rng)).collect())
            }
            "flag" => json!(rng.one_in(2)),
            "count" => json!(rng.below(50)),
            _ => json!(format!("{} <&> {}", rng.word(), rng.below(9))),
        }
    }

    /// What a loaded file holds.
    pub(crate) fn loaded(&mut self, path: &str) -> String {
        let rng = &mut self.rng;
        let (word, number) = (rng.word(), rng.below(30));
        match path {
            "data/team.yaml" => {
                format!(
                    "lead: {word}\nsize: {number}\nhome: {{ city: {}, zip: {number} }}\n",
                    rng.word()
                )
            }
            "data/jars.csv" => format!("name,kind,n\n{word},jam,{number}\nb{word},pickle,7\n"),
            "data/facts.json" => {
                format!(
                    "{{\"kind\": \"{word}\", \"day\": \"2026-01-{:02}\", \"n\": {number}}}\n",
                    1 + number
                )
            }
            "data/opts.toml" => format!("tone = \"{word}\"\nsize = {number}\n"),
            "data/loose.yaml" => format!("text: {word}\nmore: [{number}, {word}]\n"),
            path if path.contains(".md") => {
                format!("---\ntitle: {word}\nn: {number}\n---\n# {word}\n\nSome *text* {number}.\n")
            }
            _ => format!("{word} {number}\n"),
        }
    }

    fn partials(&mut self, site: &mut Site) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for number in 0..3 {
            let scope = Scope { params: &[], partials: &names };
            let count = 1 + self.rng.below(3);
            let mut texts: Vec<_> = (0..count).map(|_| piece(&mut self.rng, scope, 2)).collect();
            if self.rng.one_in(3) {
                texts.push("{{default label \"-\"}}".to_owned());
            }
            self.put(site, &format!("templates/partials/p{number}.html.hbs"), texts);
            names.push(format!("partials/p{number}"));
        }
        names
    }

    /// A route for an address, with the files that it needs.
    pub(crate) fn route(&mut self, site: &mut Site, address: &str) -> Route {
        let part = self.rng.one_in(4).then(|| self.rng.below(2));
        let mut route = Route::short(address, part);
        if address.starts_with("POST") {
            set(&mut route.fields, "status", Some(json!(201)));
            set(&mut route.fields, "body", Some(json!({ "taken": self.rng.word() })));
            return route;
        }
        let (source, value) = self.source(site, &route);
        set(&mut route.fields, source, Some(value));
        for name in FIELDS {
            if self.rng.one_in(6) {
                let value = self.field(&route, name);
                set(&mut route.fields, name, value);
            }
        }
        if let Some(param) = route.params().first().filter(|_| self.rng.one_in(3)) {
            let from = format!("posts/{{{{params.{param}}}}}.md");
            set(&mut route.fields, "load", Some(json!({ "note": from })));
        }
        route
    }

    fn source(&mut self, site: &mut Site, route: &Route) -> (&'static str, Value) {
        let params = route.params();
        let partials = site.partials();
        let scope = Scope { params: &params, partials: &partials };
        match self.rng.below(12) {
            0 => ("body", json!(format!("a body of {}", self.rng.word()))),
            1 => ("body", json!({ "message": self.rng.word(), "n": [1, null, true] })),
            2 => ("file", json!("public/note.txt")),
            3 => {
                let address = params
                    .first()
                    .map_or("/elsewhere".to_owned(), |it| format!("/p/{{{{params.{it}}}}}"));
                ("redirect", json!(address))
            }
            4 | 5 => {
                let mut json =
                    json!({ "title": "{{title}}", "a": "{{query.a}}", "jars": "{{jars}}" });
                let picked = self.rng.pick(&[
                    "{{team.size}}",
                    "{{count}}",
                    "{{site.name}} x",
                    "{{language}}",
                    "{{query.page}}",
                    "{{cookies.who}}",
                    "{{#each items}}{{name}},{{/each}}",
                    "{{note}}",
                ]);
                json["picked"] = json!(picked);
                ("json", json)
            }
            6 => match shared(site) {
                pages if pages.is_empty() => ("body", json!(["one", "two"])),
                pages => ("template", json!(pages[self.rng.below(pages.len())])),
            },
            7 => {
                let text = (0..2).map(|_| piece(&mut self.rng, scope, 2)).collect::<String>();
                ("inline", json!(text))
            }
            _ => {
                let number = site.files.keys().filter(|path| path.contains("/page")).count();
                let kind = self.rng.pick(&["html", "html", "html", "txt", "xml"]);
                let name = format!("page{number}.{kind}.hbs");
                // Partials are found by the kind of who calls them, and they are HTML.
                let partials = if kind == "html" { &*partials } else { &[] };
                let scope = Scope { partials, ..scope };
                let count = 1 + self.rng.below(4);
                let texts = (0..count).map(|_| piece(&mut self.rng, scope, 3)).collect();
                self.put(site, &format!("templates/{name}"), texts);
                ("template", json!(name))
            }
        }
    }

    /// A value for a field of a route; nothing where it does not fit.
    pub(crate) fn field(&mut self, route: &Route, name: &str) -> Option<Value> {
        let is_page = |(name, _): &(String, Value)| !["file", "dir", "redirect"].contains(&&**name);
        let is_page = route.fields.iter().all(is_page);
        let rng = &mut self.rng;
        Some(match name {
            "status" | "layout" | "delay" if !is_page => return None,
            "status" => json!([200, 201, 203][rng.below(3)]),
            "content_type" => {
                json!(rng.pick(&["text/html", "text/plain", "application/xml", "text/css"]))
            }
            "namespace" => json!(rng.pick(&["", "blue", "red"])),
            "name" => json!(format!("{}-{}", rng.word(), rng.below(100))),
            "summary" => json!(rng.word()),
            "delay" => json!("5ms"),
            "data" => match rng.below(3) {
                0 => json!({ "title": rng.word() }),
                1 => json!({ "title": "x", "unread": rng.below(9) }),
                _ => json!({ "count": rng.below(9) }),
            },
            "load" => match rng.below(4) {
                3 => {
                    let from = "posts/{{query.kind}}.md";
                    json!({ "note": { "from": from, "optional": rng.one_in(2) } })
                }
                0 => json!({ "team": "data/team.yaml" }),
                1 => json!({ "note": { "from": "data/absent.md", "optional": true } }),
                _ => json!({ "loose": { "from": "data/loose.yaml", "optional": true } }),
            },
            "query" => match rng.below(4) {
                0 => json!({ "page": "int" }),
                1 => json!({ "page": { "type": "int", "default": 1, "min": 1, "max": 9 } }),
                2 => {
                    let kind = json!({ "enum": ["jam", "pickle"], "default": "jam" });
                    json!({ "a": { "max_length": 5 }, "kind": kind })
                }
                _ => json!({ "a": { "default": rng.word() } }),
            },
            "params" => {
                let param = *route.params().first()?;
                mapping([(param, json!({ "max_length": 6 }))])
            }
            common => self.common(common),
        })
    }

    /// A value for a field that `defaults` has too.
    fn common(&mut self, name: &str) -> Value {
        let rng = &mut self.rng;
        match name {
            "ttl" => json!(rng.pick(&["1h", "2h", "30m", "off"])),
            "headers" => {
                let header = *rng.pick(&[&"X-Tone", &"X-Other", &"Content-Language"]);
                let value = if rng.one_in(5) { Value::Null } else { json!(rng.word()) };
                mapping([(header, value)])
            }
            "max_age" => json!(rng.pick(&["1m", "1h", "off"])),
            "layout" if rng.one_in(5) => Value::Null,
            "layout" => json!(rng.pick(&["base0.html.hbs", "base1.html.hbs"])),
            "cors" => match rng.below(2) {
                0 => json!("*"),
                _ => json!(["https://shop.example"]),
            },
            "key" => json!(rng.pick(&[
                "auto",
                "auto",
                "url",
                "hash",
                "path",
                "{{prefix}}:{{namespace}}:main:{{route}}:{{path}}?{{query}}",
                "{{route}}:{{language}}:{{path}}?{{query}}",
            ])),
            _ => json!(rng.pick(&["1h", "2h"])),
        }
    }
}

/// The pages that any route can show.
fn shared(site: &Site) -> Vec<String> {
    let inside = site.files.iter().filter_map(|(path, pieces)| {
        let is_any = pieces.iter().all(|piece| !piece.text.contains("params."));
        path.strip_prefix("templates/").filter(|name| name.starts_with("page") && is_any)
    });
    inside.map(str::to_owned).collect()
}

/// Fields that a route may have besides its source.
pub(crate) const FIELDS: &[&str] = &[
    "ttl",
    "headers",
    "max_age",
    "layout",
    "cors",
    "key",
    "namespace",
    "name",
    "stale_while_revalidate",
    "stale_if_error",
    "status",
    "content_type",
    "summary",
    "delay",
    "data",
    "load",
    "query",
    "params",
];

/// How many of them do not say what a page is, but how it is kept and sent.
pub(crate) const FIRST: usize = 10;

impl Route {
    /// One without fields.
    pub(crate) fn short(address: &str, part: Option<usize>) -> Self {
        Self { address: address.to_owned(), part, short: None, fields: Fields::new() }
    }
}
