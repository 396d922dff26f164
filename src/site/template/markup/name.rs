//! A short name in a state that is copied.

const BYTES: usize = 26;

/// A name in lower case; of one that is too long to be any that matters, its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Name {
    bytes: [u8; BYTES],
    len: u8,
}

impl Name {
    pub(super) fn of(text: &str) -> Self {
        let mut name = Self::default();
        text.chars().for_each(|c| name.push(c));
        name
    }

    pub(super) fn push(&mut self, c: char) {
        let byte = u8::try_from(c.to_ascii_lowercase()).ok().filter(u8::is_ascii).unwrap_or(b'?');
        if let Some(slot) = self.bytes.get_mut(usize::from(self.len)) {
            *slot = byte;
        }
        self.len = self.len.saturating_add(1).min(u8::try_from(BYTES).unwrap_or(u8::MAX) + 1);
    }

    pub(super) fn as_str(&self) -> &str {
        let held = self.bytes.get(..usize::from(self.len)).unwrap_or(&self.bytes);
        std::str::from_utf8(held).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether it is `name`, in lower case.
    pub(super) fn is(&self, name: &str) -> bool {
        usize::from(self.len) == name.len() && self.as_str() == name
    }

    pub(super) fn is_one_of(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.is(name))
    }
}
