//! The visitor's best language: lookup of RFC 4647 §3.4.

use super::headers::weighted;

/// The one of `languages` that `Accept-Language` likes best; the first where it likes none or is
/// absent. Nothing only where `languages` is empty.
///
/// Each range is cut from the right until a language has that name (`no-NO` finds `no`); a range
/// that finds none that way takes a more special one (`en` finds `en-GB`).
pub(crate) fn best<'a>(languages: &'a [String], accept: Option<&str>) -> Option<&'a str> {
    let first = languages.first()?.as_str();
    let mut best = (0, first);
    for (range, weight) in weighted(accept.unwrap_or_default()) {
        // Of two equally liked ones the earlier counts.
        if weight > best.0
            && let Some(found) = lookup(languages, range)
        {
            best = (weight, found);
        }
    }
    Some(best.1)
}

fn lookup<'a>(languages: &'a [String], range: &str) -> Option<&'a str> {
    if range == "*" {
        return languages.first().map(String::as_str);
    }
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
    languages.iter().map(String::as_str).find(|one| {
        let start = one.get(..range.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(range))
            && one.get(range.len()..).is_some_and(|rest| rest.starts_with('-'))
    })
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
        ] {
            assert_eq!(best(&languages, accept), Some(expected), "{accept:?}");
        }
        assert_eq!(best(&[], Some("en")), None);
    }
}
