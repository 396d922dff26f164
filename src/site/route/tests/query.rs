use crate::site::route::RawQuery;
use crate::site::route::query::{MAX_PAIRS, MalformedQuery};
use crate::site::route::rules::Rules;

fn pairs(raw: &str) -> String {
    let rules = Rules::default();
    let raw = RawQuery::parse(raw).expect(raw);
    let query = rules.query(&raw).expect("no rules");
    query.pairs().map(|(name, value)| format!("[{name}={value}]")).collect::<Vec<_>>().concat()
}

#[test]
fn a_query_is_decoded_and_sorted_and_repeated_ones_keep_their_order() {
    let table = [
        ("", ""),
        ("a=1", "[a=1]"),
        ("b=1&a=2", "[a=2][b=1]"),
        ("b=2&a=x&b=1&a=w", "[a=x][a=w][b=2][b=1]"),
        ("a", "[a=]"),
        ("a=", "[a=]"),
        ("=", "[=]"),
        ("&&a=1&", "[a=1]"),
        ("a=b=c", "[a=b=c]"),
        ("q=a+b%20c%2B", "[q=a b c+]"),
        ("q=100%", "[q=100%]"),
        ("q=%zz%4", "[q=%zz%4]"),
        ("%71=%C3%A9", "[q=é]"),
        ("B=1&a=1", "[B=1][a=1]"),
    ];
    for (raw, expected) in table {
        assert_eq!(pairs(raw), expected, "{raw}");
    }
}

#[test]
fn the_first_of_several_counts_and_absent_is_not_empty() {
    let rules = Rules::default();
    let raw = RawQuery::parse("b=2&a=&b=1").expect("a query");
    let query = rules.query(&raw).expect("no rules");
    assert_eq!(query.get("b"), Some("2"));
    assert_eq!(query.get("a"), Some(""));
    assert_eq!(query.get("c"), None);
    assert_eq!(query.iter().collect::<Vec<_>>(), [("a", ""), ("b", "2")]);
}

#[test]
fn a_query_that_is_no_text_or_has_no_end_is_malformed() {
    assert_eq!(RawQuery::parse("a=%ff"), Err(MalformedQuery::Utf8));
    assert_eq!(RawQuery::parse("%C3=1"), Err(MalformedQuery::Utf8));
    assert!(RawQuery::parse(&"a&".repeat(MAX_PAIRS)).is_ok());
    assert_eq!(RawQuery::parse(&"a&".repeat(MAX_PAIRS + 1)), Err(MalformedQuery::TooMany));
}
