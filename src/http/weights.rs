//! Fields that list names with weights: `Accept`, `Accept-Encoding`, `Accept-Language`.

/// The elements of such a field: each name, and its weight in thousandths (RFC 9110 §12.4.2). An
/// unreadable weight is 0, so that garbage never chooses anything.
pub(super) fn weighted(field: &str) -> impl Iterator<Item = (&str, u16)> {
    field.split(',').map(element).filter(|(name, _)| !name.is_empty())
}

fn element(text: &str) -> (&str, u16) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (name, weight.map_or(1000, |text| thousandths(text).unwrap_or(0)))
}

/// `0`, `0.5`, `1.000`; nothing for anything else.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    let fraction = digits.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read_as_rfc_9110_writes_them() {
        let field =
            "a, b;q=0.5 , c; q=0.125;x=1,, d;q=1.000, e;q=0, f;q=2, g;q=.5, h;q=0.1234, i;Q=0.2";
        let expected = [
            ("a", 1000),
            ("b", 500),
            ("c", 125),
            ("d", 1000),
            ("e", 0),
            ("f", 0),
            ("g", 0),
            ("h", 0),
            ("i", 200),
        ];
        assert_eq!(weighted(field).collect::<Vec<_>>(), expected);
    }
}
