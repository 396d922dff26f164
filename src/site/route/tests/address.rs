use super::router;
use crate::site::route::{AddressForm, RouteMatch, address_value};

#[test]
fn a_wildcard_keeps_its_slashes_in_an_address_and_any_other_parameter_is_one_segment() {
    use AddressForm::{File, Url};
    let router = router(&["/t/{*rest}", "/u/{name}"]);
    for (path, name, form, expected) in [
        ("/t/sub/b.txt", "rest", Url, Some("sub/b.txt")),
        ("/t/a%20b/%C3%A9?", "rest", Url, Some("a%20b/%C3%A9%3F")),
        ("/t/a%2Fb/c", "rest", Url, Some("a%2Fb/c")),
        ("/t/sub/", "rest", Url, Some("sub/")),
        ("/t/", "rest", Url, Some("")),
        ("/t//host/x", "rest", Url, None),
        ("/t/a//b", "rest", Url, None),
        ("/u/a%2Fb", "name", Url, Some("a%2Fb")),
        ("/u/a b", "rest", Url, None),
        ("/t/sub/a%20b", "rest", File, Some("sub/a b")),
        ("/t/a%2Fb", "rest", File, None),
        ("/t/a//b", "rest", File, None),
        ("/u/a%2Fb", "name", File, None),
        ("/u/a%20b", "name", File, Some("a b")),
    ] {
        let RouteMatch::Route(matched) = router.find("GET", path) else { panic!("{path}") };
        let value = address_value(&matched.params, name, &matched.path, form);
        assert_eq!(value.as_deref(), expected, "{path} {form:?}");
    }
}
