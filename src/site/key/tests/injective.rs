//! Different facts never give one key, equal ones always do.

use proptest::prelude::*;

use super::{Lines, Route, found};
use crate::site::key::Facts;
use crate::site::route::RawQuery;

/// Characters that mean something in keys, and some that do not.
fn odd() -> impl Strategy<Value = String> {
    let bit = prop_oneof![
        4 => "[:%?&=#~{}/ +]",
        2 => Just("%~".to_owned()),
        1 => Just("\u{a0}".to_owned()),
        1 => Just("é".to_owned()),
        2 => "[ab]",
        1 => "[a-f0-9]{100,210}",
    ];
    prop_oneof![
        9 => prop::collection::vec(bit, 0..4).prop_map(|bits| bits.concat()),
        1 => ".{0,8}".prop_map(|text| text.replace(char::is_control, "")),
    ]
}

/// Percent-encodes all of it.
fn sent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
}

#[derive(Clone, Debug, PartialEq)]
struct Request {
    a: String,
    b: String,
    query: Vec<(String, String)>,
    header: Option<String>,
    cookie: Option<String>,
    language: Option<String>,
}

fn request() -> impl Strategy<Value = Request> {
    let name = prop_oneof![3 => Just("q".to_owned()), 2 => Just("r".to_owned()), 1 => odd()];
    let query = prop::collection::vec((name, odd()), 0..4);
    let cookie = prop::option::of("[ab=~]{0,3}");
    (odd(), odd(), query, prop::option::of(odd()), cookie, prop::option::of("[ab]{0,2}")).prop_map(
        |(a, b, query, header, cookie, language)| Request {
            a: format!("x{a}"),
            b: format!("y{b}"),
            query,
            header,
            cookie,
            language,
        },
    )
}

/// What of a request a key may depend on, by the names of its inputs.
fn seen(request: &Request, inputs: &str) -> Vec<Option<String>> {
    let first = |name: &str| {
        request.query.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone())
    };
    let one = |input: &str| match input {
        "path" => vec![Some(request.a.clone()), Some(request.b.clone())],
        "params.a" => vec![Some(request.a.clone())],
        "query.q" => vec![first("q")],
        "query.r" => vec![first("r")],
        "query" => {
            let mut all = request.query.clone();
            all.sort_by(|one, two| one.0.cmp(&two.0));
            all.into_iter().flat_map(|(name, value)| [Some(name), Some(value)]).collect()
        }
        "headers.h" => vec![request.header.clone()],
        "cookies.c" => vec![request.cookie.clone()],
        _ => vec![request.language.clone()],
    };
    inputs.split_whitespace().flat_map(one).collect()
}

fn key(route: &Route, request: &Request) -> Option<String> {
    let raw: Vec<String> = request
        .query
        .iter()
        .map(|(name, value)| format!("{}={}", sent(name), sent(value)))
        .collect();
    let raw = raw.join("&");
    let raw = RawQuery::parse(&raw).ok()?;
    let query = route.rules.query(&raw).ok()?;
    // A path with dot segments is none.
    let path = format!("/p/{}/{}", sent(&request.a), sent(&request.b));
    let (path, params) = found(&route.router, &path)?;
    let cookie = request.cookie.as_ref().map(|value| format!("z=1; c={value}; c=x"));
    let mut lines: Vec<(&str, &str)> = vec![("unread", "x")];
    lines.extend(request.header.iter().map(|value| ("h", value.as_str())));
    lines.extend(cookie.iter().map(|value| ("cookie", value.as_str())));
    let facts = Facts {
        path: &path,
        params: &params,
        query: &query,
        headers: &Lines(&lines),
        language: request.language.as_deref(),
        body: None,
    };
    Some(route.plan.build(&facts))
}

/// Keys and what they depend on.
const KEYS: [(&str, &str, &str); 8] = [
    ("auto", "query.q query.r", "path query.q query.r"),
    ("auto", "query.q headers.h cookies.c language", "path query.q headers.h cookies.c language"),
    ("auto", "query", "path query"),
    ("path", "", "path"),
    ("url", "", "path query"),
    ("hash", "query.q query.r", "path query.q query.r"),
    ("{{params.a}}?{{query.q}}={{query.r}}", "", "params.a query.q query.r"),
    (
        "{{headers.h}}#x{{cookies.c}}y:{{language}}={{path}}&{{query}}",
        "",
        "headers.h cookies.c language path query",
    ),
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_requests_share_a_key_exactly_when_all_that_is_read_is_the_same(
        one in request(), two in request(), which in 0..KEYS.len(), mix in any::<u8>(),
    ) {
        let (key_typed, reads, depends) = KEYS[which];
        let route = Route::new("/p/{a}/{b}", key_typed, reads);
        // Requests that share most of what they say are the ones that could be taken for each
        // other.
        let two = Request {
            a: if mix & 1 == 0 { one.a.clone() } else { two.a },
            b: if mix & 2 == 0 { one.b.clone() } else { two.b },
            query: if mix & 4 == 0 { one.query.clone() } else { two.query },
            header: if mix & 8 == 0 { one.header.clone() } else { two.header },
            cookie: if mix & 16 == 0 { one.cookie.clone() } else { two.cookie },
            language: if mix & 32 == 0 { one.language.clone() } else { two.language },
        };
        let (Some(first), Some(second)) = (key(&route, &one), key(&route, &two)) else {
            return Ok(());
        };
        let same = seen(&one, depends) == seen(&two, depends);
        prop_assert_eq!(same, first == second, "{:?} {:?}: {} {}", one, two, first, second);
    }

    #[test]
    fn a_key_is_bounded_and_holds_no_braces_spaces_or_control_characters(
        request in request(), which in 0..KEYS.len(),
    ) {
        let (key_typed, reads, _) = KEYS[which];
        let route = Route::new("/p/{a}/{b}", key_typed, reads);
        if let Some(key) = key(&route, &request) {
            prop_assert!(key.len() <= 1_024);
            prop_assert!(key.starts_with("api:cache::"));
            let bad = |char: char| char.is_control() || char.is_whitespace() || "{}".contains(char);
            prop_assert!(!key.contains(bad), "{}", key);
        }
    }
}
