//! A fixed number of slots that keys share.

use std::array;
use std::hash::{BuildHasher as _, RandomState};

/// `N` slots, of which each key has one, with other keys. What is counted or waited for by key
/// needs no map that grows with the keys, where it does no harm that two keys share a slot.
pub(crate) struct Stripes<T, const N: usize> {
    slots: Box<[T; N]>,
    hasher: RandomState,
}

impl<T: Default, const N: usize> Default for Stripes<T, N> {
    fn default() -> Self {
        let slots = Box::new(array::from_fn(|_| T::default()));
        Self { slots, hasher: RandomState::new() }
    }
}

impl<T, const N: usize> Stripes<T, N> {
    /// The slot of `key`.
    pub(crate) fn of(&self, key: &str) -> &T {
        let [low, high, ..] = self.hasher.hash_one(key).to_le_bytes();
        &self.slots[usize::from(u16::from_le_bytes([low, high])) % N]
    }

    pub(crate) fn all(&self) -> &[T] {
        &*self.slots
    }
}
