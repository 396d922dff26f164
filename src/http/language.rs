//! The visitor's best language: lookup of RFC 4647 §3.4.

use super::headers::{joined, weighted};
use crate::site::Site;
use crate::site::key::Headers;

/// The best language for a visitor who sends these headers; nothing where the site has none.
pub(crate) fn of_visitor<'s>(site: &'s Site, headers: &dyn Headers) -> Option<&'s str> {
    best(&site.languages, joined(headers, "accept-language").as_deref())
}

/// Languages that are kinds of another one whose name is commonly used for them: BCP 47's
/// macrolanguages. Those whose speakers would not read what is sent under the wider name
/// (Indonesian is filed under Malay) are left out.
const WITHIN: [(&str, &str); 9] = [
    ("nb", "no"),
    ("nn", "no"),
    ("cmn", "zh"),
    ("yue", "zh"),
    ("arb", "ar"),
    ("pes", "fa"),
    ("swh", "sw"),
    ("ekk", "et"),
    ("lvs", "lv"),
];

/// The one of `languages` that `Accept-Language` likes best; the first that it does not refuse
/// where it likes none, and the first of all where it refuses each. Nothing only where `languages`
/// is empty.
///
/// Each range is cut from the right until a language has that name (`no-NO` finds `no`); a range
/// that finds none that way takes a wider one (`nb` finds `no`), then a more special one (`en`
/// finds `en-GB`). `*` is for the languages that no other range speaks of.
pub(crate) fn best<'a>(languages: &'a [String], accept: Option<&str>) -> Option<&'a str> {
    let all: Vec<(&str, u16)> = weighted(accept.unwrap_or_default()).collect();
    let (any, named): (Vec<_>, Vec<_>) = all.into_iter().partition(|(range, _)| *range == "*");
    let languages = || languages.iter().map(String::as_str);
    let allowed: Vec<&str> = languages().filter(|one| !is_refused(&named, one)).collect();
    let mut best = (0, allowed.first().copied().or_else(|| languages().next())?);
    for (range, weight) in &named {
        // Of two equally liked ones the earlier counts.
        if *weight > best.0
            && let Some(found) = lookup(&allowed, range)
        {
            best = (*weight, found);
        }
    }
    let is_named =
        |one: &str| named.iter().any(|(range, _)| is_in(one, range) || is_in(range, one));
    if any.iter().any(|(_, weight)| *weight > best.0)
        && let Some(other) = allowed.iter().find(|one| !is_named(one))
    {
        return Some(other);
    }
    Some(best.1)
}

/// Whether the range that names it most closely has the weight 0.
fn is_refused(named: &[(&str, u16)], language: &str) -> bool {
    let of_it = named.iter().filter(|(range, _)| is_in(language, range));
    of_it.max_by_key(|(range, _)| range.len()).is_some_and(|(_, weight)| *weight == 0)
}

/// Whether a language is the one of a range or a special form of it, as `en-GB` is of `en`.
fn is_in(language: &str, range: &str) -> bool {
    let start = language.get(..range.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(range))
        && language.get(range.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn lookup<'a>(languages: &[&'a str], range: &str) -> Option<&'a str> {
    let mut rest = range;
    loop {
        if let Some(found) = languages.iter().find(|one| one.eq_ignore_ascii_case(rest)) {
            return Some(found);
        }
        let Some((shorter, _)) = rest.rsplit_once('-') else { break };
        // A single letter only introduces what follows it.
        rest = match shorter.rsplit_once('-') {
            Some((before, letter)) if letter.len() == 1 => before,
            _ => shorter,
        };
    }
    // By now the rest is the range's first part.
    match WITHIN.iter().find(|(kind, _)| kind.eq_ignore_ascii_case(rest)) {
        Some((kind, wider)) => {
            let more = range.get(kind.len()..).unwrap_or_default();
            lookup(languages, &format!("{wider}{more}"))
        }
        None => languages.iter().copied().find(|one| is_in(one, range)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_language_is_found_by_lookup() {
        let languages = ["en", "no", "zh-Hant", "pt-BR"].map(String::from);
        for (accept, expected) in [
            (None, "en"),
            (Some(""), "en"),
            (Some("no"), "no"),
            (Some("NO-no"), "no"),
            (Some("de, no;q=0.5, en;q=0.7"), "en"),
            (Some("de, fr"), "en"),
            (Some("no;q=0, de"), "en"),
            (Some("no;q=0.5, *;q=0.1"), "no"),
            (Some("*"), "en"),
            (Some("zh-Hant-x-private-TW"), "zh-Hant"),
            (Some("zh-Hant-TW-x-y"), "zh-Hant"),
            (Some("pt"), "pt-BR"),
            (Some("p"), "en"),
            (Some("no, en"), "no"),
            (Some("no;q=nonsense, zh-hant;q=0.1"), "zh-Hant"),
            (Some("nb-NO,nb;q=0.9,en;q=0.8"), "no"),
            (Some("NN"), "no"),
            (Some("cmn-Hant-TW"), "zh-Hant"),
            (Some("yue, en;q=0.5"), "zh-Hant"),
            (Some("id, en;q=0.5"), "en"),
        ] {
            assert_eq!(best(&languages, accept), Some(expected), "{accept:?}");
        }
        assert_eq!(best(&[], Some("en")), None);
    }

    #[test]
    fn a_language_that_is_refused_is_not_given_where_there_is_another() {
        let languages = ["en", "no", "pt-BR"].map(String::from);
        for (accept, expected) in [
            ("en;q=0, *;q=0.5", "no"),
            ("*;q=0.5, en;q=0, no;q=0", "pt-BR"),
            ("en;q=0", "no"),
            ("en;q=0, de", "no"),
            ("en-GB, en;q=0", "no"),
            ("EN;q=0.0", "no"),
            ("en-GB;q=0, en", "en"),
            ("pt;q=0, pt-BR;q=0.3, en;q=0.2", "pt-BR"),
            ("en;q=0, no;q=0, pt;q=0", "en"),
            ("*;q=0", "en"),
            ("*;q=0, no;q=0.1", "no"),
        ] {
            assert_eq!(best(&languages, Some(accept)), Some(expected), "{accept:?}");
        }
    }

    #[test]
    fn a_star_is_for_languages_that_no_other_range_speaks_of() {
        let languages = ["en", "no", "pt-BR"].map(String::from);
        for (accept, expected) in [
            ("en;q=0.3, *;q=0.5", "no"),
            ("en-US;q=0.3, no;q=0.4, *;q=0.5", "pt-BR"),
            ("en;q=0.3, *;q=0.2", "en"),
            ("en;q=0.3, no;q=0.2, pt;q=0.1, *;q=0.9", "en"),
            ("*, no", "no"),
            ("de, *;q=0.5", "en"),
        ] {
            assert_eq!(best(&languages, Some(accept)), Some(expected), "{accept:?}");
        }
    }
}
