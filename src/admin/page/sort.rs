//! The order in which the page lists keys: by a column, either way round.

use std::cmp::Ordering;

use super::super::entries::EntryRow;
use crate::cache::KeyInfo;

/// A column of the table of keys.
#[derive(Debug)]
pub(super) struct Column {
    /// In the page's address.
    name: &'static str,
    pub(super) label: &'static str,
    pub(super) is_number: bool,
    /// Whether the first click puts the largest first.
    is_descending: bool,
    compare: fn(&KeyInfo, &KeyInfo) -> Ordering,
}

pub(super) const COLUMNS: [Column; 6] = [
    text("key", "Key", |one, two| one.key.cmp(&two.key)),
    text("route", "Route", |one, two| one.route.cmp(&two.route)),
    number("left", "Life left", false, |one, two| one.stored.ttl_ms.cmp(&two.stored.ttl_ms)),
    number("age", "Age", false, |one, two| one.stored.age_ms.cmp(&two.stored.age_ms)),
    number("size", "Size", true, |one, two| one.stored.size_bytes.cmp(&two.stored.size_bytes)),
    number("status", "Status", true, |one, two| one.stored.status.cmp(&two.stored.status)),
];

const fn text(
    name: &'static str,
    label: &'static str,
    compare: fn(&KeyInfo, &KeyInfo) -> Ordering,
) -> Column {
    Column { name, label, is_number: false, is_descending: false, compare }
}

const fn number(
    name: &'static str,
    label: &'static str,
    is_descending: bool,
    compare: fn(&KeyInfo, &KeyInfo) -> Ordering,
) -> Column {
    Column { name, label, is_number: true, is_descending, compare }
}

/// The order of the keys: by a column, as a first click on it puts them or the other way round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sort {
    /// Which of [`COLUMNS`].
    column: usize,
    is_reversed: bool,
}

impl Sort {
    /// As [`Sort::name`] gives it; by the first column where there is none of that name.
    pub(super) fn named(name: &str) -> Self {
        let (is_reversed, name) = match name.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, name),
        };
        let column = COLUMNS.iter().position(|column| column.name == name);
        column.map(|column| Self { column, is_reversed }).unwrap_or_default()
    }

    /// `size`, or `-size` for the other way round.
    pub(super) fn name(self) -> String {
        let sign = if self.is_reversed { "-" } else { "" };
        format!("{sign}{}", COLUMNS[self.column].name)
    }

    /// What a click on a column's head leads to.
    pub(super) fn after_click(self, column: usize) -> Self {
        Self { column, is_reversed: self.column == column && !self.is_reversed }
    }

    /// Whether the largest comes first.
    fn is_descending(self) -> bool {
        COLUMNS[self.column].is_descending != self.is_reversed
    }

    /// What a screen reader is told of a column's order; nothing where it is not the one.
    pub(super) fn order_of(self, column: usize) -> Option<&'static str> {
        let order = if self.is_descending() { "descending" } else { "ascending" };
        (self.column == column).then_some(order)
    }

    /// Puts keys into this order.
    pub(super) fn sort(self, keys: &mut [EntryRow]) {
        let compare = COLUMNS[self.column].compare;
        keys.sort_by(|one, two| {
            let order = compare(&one.info, &two.info);
            let order = if self.is_descending() { order.reverse() } else { order };
            order.then_with(|| one.info.key.cmp(&two.info.key))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_click_turns_the_order_round_and_a_third_turns_it_back() {
        let at = |name| COLUMNS.iter().position(|column| column.name == name).unwrap();
        let first = Sort::default().after_click(at("size"));
        assert_eq!(
            (first.name(), first.order_of(at("size"))),
            ("size".to_owned(), Some("descending"))
        );
        let second = first.after_click(at("size"));
        let expected = ("-size".to_owned(), Some("ascending"));
        assert_eq!((second.name(), second.order_of(at("size"))), expected);
        assert_eq!(second.after_click(at("size")), first);
        assert_eq!(second.after_click(at("age")).name(), "age");
        assert_eq!(Sort::named("-size"), second);
        assert_eq!(Sort::named("nonsense"), Sort::default());
    }
}
