//! What the literal text before a value says of an address: whether the value can still choose its
//! scheme or host.

use super::name::Name;

/// How far an address is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Prefix {
    /// Nothing yet.
    #[default]
    Start,
    /// What may be a scheme or the first segment of a path.
    Word(Name),
    /// A value of the site's own, or one that is percent-encoded: a scheme and host, a path, or
    /// nothing.
    Given,
    /// A lone `/`.
    Slash,
    /// `/` and a value that may be empty.
    SlashGiven(Between),
    /// The same and `/`: where that value is empty, a host follows.
    Perhaps(Between),
    /// `https:` and so many slashes.
    Scheme(u8),
    /// `https://host`, not ended.
    Host,
    /// Scheme and host are decided.
    Decided,
    /// A scheme or a beginning that no value may follow.
    Bad,
}

impl Prefix {
    /// With one more character of the template's text.
    pub(super) fn step(self, c: char) -> Self {
        // A character reference may stand for any character; browsers leave out tabs and line
        // ends, and take `\` for `/`.
        let hidden = c == '&' || c == '\\' || c.is_ascii_control();
        match self {
            Self::Start if c.is_ascii_whitespace() => self,
            Self::Decided | Self::Bad => self,
            _ if hidden => Self::Bad,
            Self::Start | Self::Word(_) => self.begin(c),
            Self::Given => match c {
                '/' => Self::Slash,
                '?' | '#' => Self::Decided,
                ':' => Self::Bad,
                _ => self,
            },
            Self::Slash if c == '/' => Self::Bad,
            Self::SlashGiven(between) if c == '/' => Self::Perhaps(between),
            Self::Slash | Self::SlashGiven(_) => Self::Decided,
            Self::Scheme(2) if is_of_host(c) => Self::Host,
            Self::Scheme(count) if c == '/' && count < 2 => Self::Scheme(count + 1),
            // Browsers take any number of slashes for two.
            Self::Perhaps(_) if c == '/' => self,
            Self::Host | Self::Perhaps(_) if matches!(c, '/' | '?' | '#') => Self::Decided,
            Self::Host | Self::Perhaps(_) if is_of_host(c) => Self::Host,
            Self::Scheme(_) | Self::Host | Self::Perhaps(_) => Self::Bad,
        }
    }

    fn begin(self, c: char) -> Self {
        let mut word = match self {
            Self::Word(word) => word,
            _ => Name::default(),
        };
        match c {
            '/' if word.is_empty() => Self::Slash,
            '/' | '?' | '#' => Self::Decided,
            ':' if word.is("mailto") => Self::Decided,
            ':' if word.is("http") || word.is("https") => Self::Scheme(0),
            c if c.is_ascii_alphanumeric() || "-._~+%".contains(c) => {
                word.push(c);
                Self::Word(word)
            }
            _ => Self::Bad,
        }
    }

    /// After a value that does not decide it by what it holds.
    pub(super) fn after_value(self, given: Given) -> Self {
        match (self, given) {
            (Self::Start | Self::Given | Self::Host, Given::Path) => Self::Decided,
            (Self::Start | Self::Word(_) | Self::Given, _) => Self::Given,
            // A visitor leaves it out, and what follows stands behind the slash.
            (Self::Slash, Given::Open) => Self::Slash,
            (Self::Slash, Given::Named(way)) => Self::SlashGiven(Some(way)),
            (Self::Slash, _) => Self::SlashGiven(None),
            (other, _) => other,
        }
    }
}

/// Which value stands between two slashes: the number that its way has, where it is the value of
/// one, as it is.
pub(super) type Between = Option<u16>;

/// What is known of a value in an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Given {
    /// Nothing.
    Any,
    /// A visitor chooses it, and may leave it out.
    Open,
    /// It is the path that was asked for.
    Path,
    /// It is what stands at the way of this number.
    Named(u16),
}

fn is_of_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':')
}
