//! Globs as Redis reads them: for keys in this process's memory, and for names of files.

/// A text as a glob that matches only it.
pub(crate) fn escape_glob(text: &str) -> String {
    let escaped = |c: char| "*?[]\\".contains(c).then_some('\\').into_iter().chain([c]);
    text.chars().flat_map(escaped).collect()
}

/// The longest glob that is taken for keys, in bytes.
pub(crate) const GLOB_AT_MOST: usize = 256;
/// A bit for each place in a glob, and one behind its end.
type Places = [u64; GLOB_AT_MOST / 64 + 1];

/// A Redis glob: `*`, `?`, `[a-z]`, `[^a]` and `\` before what is meant itself.
///
/// All the places in the glob where a match may have come to are followed at once, as bits: so the
/// time is that of the text's length, whatever the glob is.
#[derive(Debug)]
pub(crate) struct Glob {
    /// What stands for one character each, stars left out.
    ones: Vec<Vec<char>>,
    /// Before which of them stars are.
    stars: Places,
    /// Which of them match a character of ASCII.
    ascii: Box<[Places; 128]>,
}

impl Glob {
    /// Reads a glob; nothing where it is longer than [`GLOB_AT_MOST`].
    pub(crate) fn new(text: &str) -> Option<Self> {
        if text.len() > GLOB_AT_MOST {
            return None;
        }
        let chars: Vec<char> = text.chars().collect();
        let (mut ones, mut stars, mut at) = (Vec::new(), Places::default(), 0);
        while let Some(rest) = chars.get(at..).filter(|rest| !rest.is_empty()) {
            if rest[0] == '*' {
                set(&mut stars, ones.len());
                at += 1;
                continue;
            }
            let len = one_len(rest);
            ones.push(rest[..len].to_vec());
            at += len;
        }
        let mut glob = Self { ones, stars, ascii: Box::new([Places::default(); 128]) };
        for char in 0..128_u8 {
            glob.ascii[usize::from(char)] = glob.places_of(char.into());
        }
        Some(glob)
    }

    fn places_of(&self, char: char) -> Places {
        let mut places = Places::default();
        for (place, one) in self.ones.iter().enumerate() {
            if one_matches(one, char).is_some() {
                set(&mut places, place);
            }
        }
        places
    }

    /// Whether it matches the whole of a text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (mut there, end) = (Places::default(), self.ones.len());
        set(&mut there, 0);
        let used = end / 64 + 1;
        let mut last: Option<(char, Places)> = None;
        for char in text.chars() {
            let taking = match self.ascii.get(char as usize) {
                Some(places) => *places,
                None => match last {
                    Some((same, places)) if same == char => places,
                    _ => last.insert((char, self.places_of(char))).1,
                },
            };
            let mut carried = 0;
            for (word, there) in there.iter_mut().enumerate().take(used) {
                let taken = *there & taking[word];
                *there = *there & self.stars[word] | taken << 1 | carried;
                carried = taken >> 63;
            }
            if there.iter().all(|word| *word == 0) {
                return false;
            }
        }
        there[end / 64] >> (end % 64) & 1 == 1
    }
}

fn set(places: &mut Places, place: usize) {
    places[place / 64] |= 1 << (place % 64);
}

/// The text with which all that a glob matches begins.
pub(crate) fn literal_head(glob: &str) -> &str {
    glob.split(['*', '?', '[', '\\']).next().unwrap_or_default()
}

/// Whether a Redis glob matches; in time of the product of both lengths at worst, for names that
/// are short.
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

/// How long the front of a glob is that stands for one character.
fn one_len(glob: &[char]) -> usize {
    match glob {
        ['\\', _, ..] => 2,
        ['[', set @ ..] => set_matches(set, ' ').1 + 1,
        _ => 1,
    }
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
            let read = Glob::new(glob).expect("a short one");
            assert_eq!(read.matches(text), matches, "{glob:?} on {text:?}, read");
        }
        for text in ["a*b", "[x]", "\\", "plain?", "\\*"] {
            assert!(glob_matches(&escape_glob(text), text), "{text:?}");
        }
        assert_eq!(Glob::new(&"*".repeat(257)).map(drop), None);
        let longest = Glob::new(&"a".repeat(256)).expect("it is as long as it may be");
        assert!(longest.matches(&"a".repeat(256)) && !longest.matches(&"a".repeat(257)));
    }

    #[test]
    fn a_glob_takes_no_longer_than_the_text_is_long() {
        let glob = Glob::new(&("*a".repeat(127) + "b")).expect("a short one");
        let text = "a".repeat(1_000_000);
        let began = std::time::Instant::now();
        assert!(!glob.matches(&text));
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }

    #[test]
    fn a_hostile_glob_takes_no_more_than_a_moment() {
        let glob = "*a".repeat(100) + "b";
        assert!(!glob_matches(&glob, &"a".repeat(10_000)));
    }
}
