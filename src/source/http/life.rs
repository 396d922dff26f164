//! What a server says of how long its answer may be kept (RFC 9111, section 5.2.2).

use std::time::Duration;

/// What must not be kept is kept for so long all the same: a page is made of it.
const LEAST: Duration = Duration::from_secs(1);
/// Nothing is kept longer for what a server says.
const MOST: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an answer may be kept by the lines of its `Cache-Control`; nothing where they say
/// nothing of it.
pub(super) fn life<'l>(lines: impl Iterator<Item = &'l str>) -> Option<Duration> {
    let directives: Vec<String> =
        lines.flat_map(|line| line.split(',')).map(|it| it.trim().to_ascii_lowercase()).collect();
    let is_forbidden = |it: &String| {
        let name = it.split('=').next().unwrap_or_default();
        ["no-store", "no-cache", "private"].contains(&name)
    };
    if directives.iter().any(is_forbidden) {
        return Some(LEAST);
    }
    let seconds = |name: &str| {
        let value = directives.iter().find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
        // One that is no number counts as none at all.
        value.map(|value| value.trim_matches('"').parse().unwrap_or(0))
    };
    let seconds = seconds("s-maxage").or_else(|| seconds("max-age"))?;
    Some(Duration::from_secs(seconds).clamp(LEAST, MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_of_an_answers_life() {
        for (lines, expected) in [
            (&[][..], None),
            (&["public"], None),
            (&["max-age=60"], Some(60)),
            (&["max-age=60, s-maxage=5"], Some(5)),
            (&["public", "Max-Age=\"90\""], Some(90)),
            (&["max-age=60, no-cache"], Some(1)),
            (&["private=\"x\", max-age=60"], Some(1)),
            (&["no-store"], Some(1)),
            (&["max-age=0"], Some(1)),
            (&["max-age=x"], Some(1)),
            (&["max-age=99999999"], Some(86_400)),
        ] {
            let found = life(lines.iter().copied());
            assert_eq!(found, expected.map(Duration::from_secs), "{lines:?}");
        }
    }
}
