//! What the format promises, on texts; what is said about mistakes is in `tests/diagnostics`.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::include::Loaded;
use super::memory::Memory;
use super::yaml::parse as parse_yaml;
use super::*;
use crate::diagnostic::{Code, Report, SourceFile};
use crate::fingerprint::Fingerprint;
use crate::units::show_duration;

fn env(name: &str) -> Option<String> {
    match name {
        "API_TOKEN" => Some("s3cret-and-longer".to_owned()),
        "REGION" => Some("no-1".to_owned()),
        "EMPTY" => Some(String::new()),
        "KEY_INJECTION" => Some("x\nttl: 1h # \"'{".to_owned()),
        "MANY" => Some("25".to_owned()),
        "TRUE" => Some("true".to_owned()),
        _ => None,
    }
}

fn load_files(files: &[(&str, &str)]) -> Loaded {
    load("routes.yaml", &mut Memory::of(files), &env)
}

fn load_text(text: &str) -> Loaded {
    load_files(&[("routes.yaml", text)])
}

/// The config of a text without mistakes, or of one that only has no route.
fn config(text: &str) -> Config {
    let loaded = load_text(text);
    let others = loaded.report.iter().filter(|found| found.code != Code::NoRoutes);
    assert_eq!(others.map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new(), "{text}");
    loaded.config.unwrap()
}

fn lines(report: &Report) -> Vec<String> {
    report.iter().map(ToString::to_string).collect()
}

fn parsed(text: &str) -> Node {
    let mut report = Report::default();
    let node = parse_yaml(&SourceFile::new("r.yaml", text), &mut report);
    assert_eq!(lines(&report), Vec::<String>::new(), "{text}");
    node.unwrap()
}

/// The contract's own example, whole.
const EXAMPLE: &str = include_str!("example.yaml");

#[test]
fn the_example_of_the_contract_is_read_without_a_complaint() {
    let included = "defaults: { ttl: 1h }\nroutes: { /a: { body: a } }\n";
    let loaded = load_files(&[("routes.yaml", EXAMPLE), ("routes.d/a.yaml", included)]);
    assert_eq!(lines(&loaded.report), Vec::<String>::new());
    let config = loaded.config.unwrap();
    let paths: Vec<&str> = config.routes.iter().map(|route| route.path.value.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/",
            "/about",
            "/hello/{name}",
            "/posts/{slug}",
            "/users/{id:int}",
            "/login",
            "/comments",
            "/old",
            "/feed.xml",
            "/robots.txt",
            "/assets/{*path}",
            "/a"
        ]
    );
    assert_eq!(config.routes[5].method.value, "POST");
    assert!(
        matches!(&config.routes[8].source, SourceConfig::Template(n) if n.value == "feed.xml.hbs")
    );
    assert!(matches!(&config.routes[9].source, SourceConfig::File(_)));
    assert_eq!(config.errors[1].status.value, ErrorStatus::Class(5));
    assert_eq!(config.data[0].1.to_json()["region"], "no-1");
    let optional: Vec<bool> = config.load.iter().map(|load| load.optional).collect();
    assert_eq!(optional, [false, false, true]);
    // An include's defaults are for its own routes.
    let ttl = |at: usize| config.routes[at].settings.ttl.unwrap();
    assert_eq!(ttl(0), Some(Duration::from_mins(5)));
    assert_eq!(ttl(11), Some(Duration::from_hours(1)));
    let files: Vec<&str> = config.files.iter().map(|file| &*file.name).collect();
    assert_eq!(files, ["routes.yaml", "routes.d/a.yaml"]);
}

#[test]
fn a_file_that_says_nothing_has_what_is_built_in() {
    for text in ["", "# nothing\n", "routes:\n", "server: {}\ncache:\nroutes: {}\n"] {
        let config = config(text);
        assert_eq!(config.server.listen, "127.0.0.1:8000");
        assert_eq!(config.server.admin.as_deref(), Some("127.0.0.1:8001"));
        assert_eq!(&*config.cache.store, "memory");
        assert_eq!(config.cache.prefix, "api:cache");
        assert_eq!(config.cache.timeout, Duration::from_millis(100));
        assert_eq!(config.templates.value, "templates");
    }
}

#[test]
fn what_is_built_in_is_what_the_schema_says() {
    let schema = schema();
    let said = |section: &str, field: &str| {
        let doc = schema["$defs"][section]["properties"][field]["description"].as_str();
        let doc = doc.or(schema["properties"][field]["description"].as_str()).unwrap();
        doc.rsplit_once("Default: ").unwrap().1.trim_end_matches('.').to_owned()
    };
    assert_eq!(said("server", "listen"), "127.0.0.1:8000");
    assert_eq!(said("server", "max_connections"), "10000");
    assert_eq!(said("server", "health"), "off");
    assert_eq!(said("server", "cache_status"), "short");
    assert_eq!(said("cache", "memory"), "256MiB");
    assert_eq!(said("cache", "timeout"), "100ms");
    // These are filled in elsewhere.
    assert_eq!(said("defaults", "ttl"), show_duration(DEFAULT_TTL));
    assert_eq!(said("the-site", "templates"), config("").templates.value);
}

#[test]
fn the_environment_fills_in_values_and_never_makes_fields() {
    let config = config(
        "x-unused: ${NOT_SET}\n\
         cache: { max_new_keys: \"${MANY}\" }\n\
         load: { team: { from: a.json, optional: \"${TRUE}\" } }\n\
         data:\n\
         \x20 a: ${REGION}-${NOT_SET:-eu}-${EMPTY:-none}${EMPTY}\n\
         \x20 b: $$ $5 $${x} ${KEY_INJECTION}\n\
         \x20 x-header: [\"${MANY}\"]\n",
    );
    let data: Vec<_> =
        config.data.iter().map(|(name, node)| (name.value.as_str(), node.to_json())).collect();
    assert_eq!(data[0], ("a", "no-1-eu-none".into()));
    assert_eq!(data[1], ("b", "$ $5 ${x} x\nttl: 1h # \"'{".into()));
    assert_eq!(config.cache.max_new_keys, 25);
    assert!(config.load[0].optional);
    let keys = load_text("data: { \"${REGION}\": key }\nroutes: { \"/${REGION}\": { body: x } }\n");
    assert_eq!(keys.config.unwrap().data[0].0.value, "${REGION}");
    let help = "(help: variables are filled in values alone: write the key out)";
    assert_eq!(
        lines(&keys.report),
        [
            format!(
                "routes.yaml:1:9: warning[looks_like]: `${{REGION}}` is a key, and stays as it \
                 stands {help}"
            ),
            format!("routes.yaml:2:11: error[bad_pattern]: `/${{REGION}}` holds a variable {help}"),
        ]
    );
}

#[test]
fn defaults_of_variables_nest() {
    for (written, value) in [
        ("${A:-${B:-x}}", "x"),
        ("${A:-${REGION:-x}}", "no-1"),
        ("${REGION:-${A}}", "no-1"),
        ("${A:-a${B:-b${C:-c}}d}e", "abcde"),
        ("${A:-${EMPTY:-}}", ""),
        ("${A:-$${B}}", "${B}"),
        ("${A:-{}}", "{}"),
        ("${A:-$}", "$"),
    ] {
        let config = config(&format!("data: {{ v: \"{written}\" }}\n"));
        assert_eq!(config.data[0].1.to_json(), value, "{written}");
    }
    let deep = format!("{}x{}", "${A:-".repeat(10_000), "}".repeat(10_000));
    let report = load_text(&format!("data: {{ v: \"{deep}\" }}\n")).report;
    assert!(report.iter().any(|found| found.code == Code::EnvUnclosed), "{report:?}");
}

#[test]
fn no_message_and_no_debug_output_shows_what_the_environment_holds() {
    let text = "server: { admin_token: \"${API_TOKEN}\", listen: \"${API_TOKEN}\" }\n\
                cache: { store: \"redis://:${API_TOKEN}@h:1\", memory: \"${API_TOKEN}\" }\n\
                templates: ../${API_TOKEN}\n\
                routes:\n\
                \x20 /a: { body: x, ttl: \"${API_TOKEN}\", status: \"${API_TOKEN}\" }\n\
                \x20 /b: { body: x, content_type: \"${API_TOKEN}\", cors: [\"${API_TOKEN}\"] }\n\
                \x20 /c: { redirect: \"${API_TOKEN}\" }\n\
                \x20 /d: { body: x, query: { q: { type: \"${API_TOKEN}\" } } }\n\
                \x20 /f: { body: x, name: \"a b ${API_TOKEN}\" }\n\
                \x20 /h: ${API_TOKEN}\n\
                \x20 /i: /${API_TOKEN}\n";
    let loaded = load_text(text);
    assert!(loaded.report.iter().count() >= 12, "{:#?}", lines(&loaded.report));
    let shown = format!("{:?} {:?}", loaded.report, loaded.config.unwrap().server);
    assert!(!shown.contains("s3cret"), "{shown}");
    let config = config(
        "server: { admin_token: \"${API_TOKEN}\" }\n\
         cache: { store: \"redis://:${API_TOKEN}@h:1\" }\n\
",
    );
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn only_true_and_false_are_booleans_and_other_words_stay_text() {
    let text = "{ a: no, b: yes, c: on, d: off, e: y, f: NO, g: true, h: False, i: ~, j: null }";
    let expected = serde_json::json!({
        "a": "no", "b": "yes", "c": "on", "d": "off", "e": "y", "f": "NO", "g": true, "h": false,
        "i": null, "j": null,
    });
    assert_eq!(parsed(text).to_json(), expected);
}

#[test]
fn numbers_that_are_written_like_names_stay_text() {
    let text =
        "{ a: 0012, b: 1_000, c: 12, d: -3, e: 1.5, f: 0x1F, g: inf, h: 1e3, i: 2026-01-01 }";
    let expected = serde_json::json!({
        "a": "0012", "b": "1_000", "c": 12, "d": -3, "e": 1.5, "f": 31, "g": "inf", "h": 1000.0,
        "i": "2026-01-01",
    });
    assert_eq!(parsed(text).to_json(), expected);
}

#[test]
fn merge_keys_work_and_what_is_written_there_wins() {
    let text = "x-page: &page { template: p.html.hbs, ttl: 1h }\n\
                x-slow: &slow { ttl: 1d, delay: 1s }\n\
                routes:\n\
                \x20 /a: { <<: *page, ttl: 5m }\n\
                \x20 /b: { <<: [*page, *slow] }\n\
                \x20 /c: *page\n";
    let config = config(text);
    let ttl = |at: usize| config.routes[at].settings.ttl.unwrap();
    assert_eq!(ttl(0), Some(Duration::from_mins(5)));
    assert_eq!(ttl(1), Some(Duration::from_hours(1)));
    assert_eq!(config.routes[1].delay, Some(Duration::from_secs(1)));
    assert_eq!(ttl(2), Some(Duration::from_hours(1)));
}

#[test]
fn places_are_right_behind_a_byte_order_mark_wide_characters_and_windows_lines() {
    let text = "\u{feff}data:\r\n  blåbær🫐: { a: 1 }\r\n\
                routes:\r\n  /ø/{id}:\r\n    body: |\r\n      \
                first\r\n      second\r\n    ttl: x\r\n";
    let loaded = load_text(text);
    let [error] = &lines(&loaded.report)[..] else { panic!("{:?}", loaded.report) };
    assert!(error.starts_with("routes.yaml:8:10: error[bad_duration]"), "{error}");
    let config = loaded.config.unwrap();
    assert_eq!(config.data[0].0.span.to_string(), "routes.yaml:2:3");
    assert_eq!(config.data[0].1.span.to_string(), "routes.yaml:2:12");
    let route = &config.routes[0];
    assert_eq!(
        (route.path.span.to_string(), route.path.span.text()),
        ("routes.yaml:4:3".into(), "/ø/{id}")
    );
    let SourceConfig::Body(body) = &route.source else { panic!() };
    // A block's place is its first line of text, so that lines inside can be counted from it.
    assert_eq!(body.span.to_string(), "routes.yaml:6:7");
    assert_eq!(body.to_json(), "first\nsecond\n");
}

#[test]
fn the_path_in_a_key_with_a_method_has_its_own_place() {
    let config = config("routes:\n  POST   /a/{id}: { body: x }\n  'GET /q': { body: x }\n");
    let places: Vec<String> =
        config.routes.iter().map(|route| route.path.span.to_string()).collect();
    assert_eq!(places, ["routes.yaml:2:10", "routes.yaml:3:8"]);
    assert_eq!(config.routes[0].method.value, "POST");
}

#[test]
fn a_wrong_route_is_left_out_and_the_rest_is_read() {
    let loaded = load_text("routes:\n  /a: { bdy: a }\n  /b: { body: b }\n  /c: 5\n");
    let config = loaded.config.unwrap();
    assert_eq!(config.routes.len(), 1);
    assert_eq!(config.routes[0].path.value, "/b");
    assert_eq!(loaded.report.iter().count(), 3);
}

#[test]
fn an_included_file_that_is_no_yaml_leaves_the_others() {
    let loaded = load_files(&[
        ("routes.yaml", "include: [r/*.yaml]\nroutes: { /: { body: x } }\n"),
        ("r/bad.yaml", "routes: [\n"),
        ("r/good.yaml", "routes: { /good: { body: x } }\n"),
    ]);
    assert_eq!(loaded.config.unwrap().routes.len(), 2);
    assert_eq!(loaded.report.iter().count(), 1);
    assert!(load_text("routes: [\n").config.is_none());
    assert!(load("missing.yaml", &mut Memory::of(&[]), &env).config.is_none());
}

#[test]
fn a_file_that_two_others_include_is_read_once() {
    let loaded = load_files(&[
        ("routes.yaml", "include: [a.yaml, b.yaml, ./a.yaml]\n"),
        ("a.yaml", "include: [c.yaml]\n"),
        ("b.yaml", "include: [c.yaml]\n"),
        ("c.yaml", "routes: { /c: { body: x } }\n"),
    ]);
    assert_eq!(lines(&loaded.report), Vec::<String>::new());
    let files = loaded.config.unwrap().files;
    let names: Vec<&str> = files.iter().map(|file| &*file.name).collect();
    assert_eq!(names, ["routes.yaml", "a.yaml", "c.yaml", "b.yaml"]);
}

#[test]
fn a_file_made_to_hurt_is_refused_at_once() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..20 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        let _ = writeln!(laughs, "a{level}: &a{level} [{aliases}]");
    }
    let scalar = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(50_000));
    let fields = (0..4000).fold(String::new(), |text, n| text + &format!("k{n}: 1, "));
    let merges = format!("a: &a {{ {fields} }}\nb: [{}]\n", "{ <<: *a }, ".repeat(50));
    let deep = format!("a: {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let block = (0..2000).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n");
    let maps = format!("a: {}", "{ a: ".repeat(50_000));
    for (name, text) in [
        ("laughs", &laughs),
        ("scalar", &scalar),
        ("merges", &merges),
        ("deep", &deep),
        ("block", &block),
        ("maps", &maps),
    ] {
        let begun = Instant::now();
        let mut report = Report::default();
        let node = parse_yaml(&SourceFile::new("r.yaml", text.as_str()), &mut report);
        assert!(node.is_none(), "{name}");
        let codes: Vec<Code> = report.iter().map(|diagnostic| diagnostic.code).collect();
        assert_eq!(codes, [Code::YamlBudget], "{name}");
        // Optimised it takes under 100 ms; what it guards against takes minutes.
        assert!(begun.elapsed() < Duration::from_secs(60), "{name} took {:?}", begun.elapsed());
    }
}

#[test]
fn a_glob_may_match_the_file_that_it_is_in() {
    let loaded = load_files(&[
        ("routes.yaml", "include: ['*.yaml']\n"),
        ("more.yaml", "include: ['*.yaml']\nroutes: { /: { body: x } }\n"),
    ]);
    assert_eq!(lines(&loaded.report), Vec::<String>::new());
    assert_eq!(loaded.config.unwrap().routes.len(), 1);
}

#[test]
fn a_file_that_is_no_text_is_said_to_be_none_where_it_is_none() {
    struct Latin;
    impl Files for Latin {
        fn read(&mut self, path: &str, _: u64) -> Result<FileContent, FileError> {
            let bytes = Bytes::from_static(b"data:\n  name: bl\xe5\n");
            let digest = Fingerprint::of(&bytes);
            Ok(FileContent { path: path.to_owned(), bytes, digest, modified: None })
        }

        fn glob(&mut self, _: &str) -> Result<Vec<String>, FileError> {
            Ok(Vec::new())
        }
    }
    let loaded = load("routes.yaml", &mut Latin, &env);
    assert!(lines(&loaded.report)[0].starts_with("routes.yaml:2:11: error[yaml_syntax]"));
    assert!(loaded.config.is_none());
}

#[test]
fn whatever_is_typed_gives_a_config_or_says_why_not() {
    let mut random = fastrand::Rng::with_seed(1);
    let signs: Vec<char> = "{}[]:,#&*!|>'\"%@`-? \t\n\r\u{feff}øa0$~<".chars().collect();
    let example: Vec<char> = EXAMPLE.chars().collect();
    for _ in 0..300 {
        let start = random.usize(..example.len());
        let mut text: Vec<char> = example[start..].iter().copied().take(400).collect();
        for _ in 0..=random.usize(..4) {
            let (at, sign) = (random.usize(..text.len()), signs[random.usize(..signs.len())]);
            match random.usize(..3) {
                0 => text[at] = sign,
                1 => text.insert(at, sign),
                _ => text.truncate(at + 1),
            }
        }
        let text: String = text.into_iter().collect();
        let loaded = load_text(&text);
        assert!(loaded.config.is_some() || loaded.report.has_errors(), "{text}");
        let shown = crate::diagnostic::render::human(&loaded.report, false, None);
        assert_eq!(shown.is_empty(), loaded.report.is_empty(), "{text}");
    }
}

#[test]
fn an_error_below_the_first_line_of_a_file_with_a_byte_order_mark_is_told() {
    // The search for the line above ended at the mark and began again, for ever.
    let text = "\u{feff}a: b\n  c: d\nroutes: {}\n";
    let report = load_text(text).report;
    assert!(report.iter().any(|found| found.code.as_str() == "yaml_indent"), "{report:?}");
}
