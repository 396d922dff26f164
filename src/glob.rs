//! Globs as Redis reads them: for keys in this process's memory, and for names of files.

/// A text as a glob that matches only it.
pub(crate) fn escape_glob(text: &str) -> String {
    let escaped = |c: char| "*?[]\\".contains(c).then_some('\\').into_iter().chain([c]);
    text.chars().flat_map(escaped).collect()
}

/// Whether a Redis glob matches: `*`, `?`, `[a-z]`, `[^a]` and `\` before what is meant itself.
///
/// In time of the product of both lengths at worst: a star is gone back to only while it is the
/// last one that was met.
pub(crate) fn glob_matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while place < text.len() || at < glob.len() {
        if glob.get(at) == Some(&'*') {
            star = Some((at + 1, place));
            at += 1;
            continue;
        }
        let step = text.get(place).and_then(|char| one_matches(glob.get(at..)?, *char));
        if let Some(step) = step {
            at += step;
            place += 1;
            continue;
        }
        match star {
            Some((after, from)) if from < text.len() => {
                star = Some((after, from + 1));
                (at, place) = (after, from + 1);
            }
            _ => return false,
        }
    }
    true
}

/// Whether the front of a glob matches one character, and how long that front is.
fn one_matches(glob: &[char], char: char) -> Option<usize> {
    match glob {
        ['?', ..] => Some(1),
        ['\\', meant, ..] => (*meant == char).then_some(2),
        ['[', set @ ..] => {
            let (inside, len) = set_matches(set, char);
            inside.then_some(len + 1)
        }
        [meant, ..] => (*meant == char).then_some(1),
        [] => None,
    }
}

/// Whether the set that begins here holds a character, and where it ends; an open one ends at the
/// glob's end, as in Redis.
fn set_matches(set: &[char], char: char) -> (bool, usize) {
    let negated = set.first() == Some(&'^');
    let (mut at, mut inside) = (usize::from(negated), false);
    while let Some(rest) = set.get(at..).filter(|rest| !rest.is_empty()) {
        match rest {
            [']', ..] => return (inside != negated, at + 1),
            ['\\', meant, ..] => {
                inside |= *meant == char;
                at += 2;
            }
            [low, '-', high, ..] => {
                let (low, high) = (low.min(high), low.max(high));
                inside |= (*low..=*high).contains(&char);
                at += 3;
            }
            [meant, ..] => {
                inside |= *meant == char;
                at += 1;
            }
            [] => break,
        }
    }
    (inside != negated, set.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_as_in_redis() {
        let cases = [
            ("*", "", true),
            ("*", "anything:/at all", true),
            ("", "", true),
            ("", "x", false),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*a*b*", "xxaxxb", true),
            ("*/a", "blog:/a/a", true),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[^e]llo", "hbllo", true),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("h\\*llo", "h*llo", true),
            ("h\\*llo", "hello", false),
            ("[\\]]", "]", true),
            ("[", "x", false),
            ("[abc", "c", true),
            ("ø?å", "øæå", true),
        ];
        for (glob, text, matches) in cases {
            assert_eq!(glob_matches(glob, text), matches, "{glob:?} on {text:?}");
        }
        for text in ["a*b", "[x]", "\\", "plain?", "\\*"] {
            assert!(glob_matches(&escape_glob(text), text), "{text:?}");
        }
    }

    #[test]
    fn a_hostile_glob_takes_no_more_than_a_moment() {
        let glob = "*a".repeat(100) + "b";
        assert!(!glob_matches(&glob, &"a".repeat(10_000)));
    }
}
