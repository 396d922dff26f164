//! Numbers that no 64-bit number holds: written so in a file they would lose digits, or become
//! infinite, in silence. One rule for YAML, JSON and TOML; fractions are rounded as everywhere.

use crate::diagnostic::{Code, Diagnostic, Span};

/// How much of a number is shown.
const SHOWN: usize = 40;

/// What is wrong with the number at `span`, which says `text`; nothing where it is one that is
/// kept as it is, or no number.
pub(crate) fn inexact(text: &str, span: &Span) -> Option<Diagnostic> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_endless = matches!(
        digits.trim_start_matches('.').to_ascii_lowercase().as_str(),
        "inf" | "nan" | "infinity"
    );
    let shown: String = text.chars().take(SHOWN).collect();
    let is_whole = shown.len() == text.len();
    let message = match is_endless {
        true => format!("`{shown}` is a number that JSON does not have"),
        false if !is_beyond(text, digits) => return None,
        false if is_whole => format!("`{shown}` does not fit a 64-bit number"),
        false => format!("`{shown}…` does not fit a 64-bit number"),
    };
    let quoted = if is_whole { format!("quote it: \"{shown}\"") } else { "quote it".to_owned() };
    Some(Diagnostic::new(Code::NumberInexact, message, span).help(quoted))
}

/// Whether a number is beyond what 64 bits hold; `digits` is its text without the sign.
fn is_beyond(text: &str, digits: &str) -> bool {
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().find_map(|(mark, radix)| {
        let digits = digits.strip_prefix(mark)?;
        digits.chars().all(|digit| digit.is_digit(radix)).then_some((digits, radix))
    });
    if let Some((digits, radix)) = radix {
        return !digits.is_empty() && u64::from_str_radix(digits, radix).is_err();
    }
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return false;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        // With a zero in front it is a text.
        let is_text = digits.len() > 1 && digits.starts_with('0');
        let fits = if text.starts_with('-') {
            text.parse::<i64>().is_ok()
        } else {
            digits.parse::<u64>().is_ok()
        };
        return !is_text && !fits;
    }
    text.parse::<f64>().is_ok_and(f64::is_infinite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;

    #[test]
    fn a_number_is_kept_as_it_is_or_refused() {
        for (text, is_kept) in [
            ("18446744073709551615", true),
            ("18446744073709551616", false),
            ("-9223372036854775808", true),
            ("-9223372036854775809", false),
            ("+18446744073709551616", false),
            ("12345678901234567890123", false),
            ("00012345678901234567890", true),
            ("0.1", true),
            ("0.1234567890123456789012345", true),
            ("12345678901234567890123.5", true),
            ("1e22", true),
            ("1e308", true),
            ("1e309", false),
            ("-1e999", false),
            ("1e-999", true),
            ("0xffffffffffffffff", true),
            ("0x1ffffffffffffffff", false),
            ("0o7777777777777777777777777", false),
            (".inf", false),
            ("-.INF", false),
            (".NaN", false),
            ("nan", false),
            ("1.2.3", true),
            ("1e5e", true),
            ("2026-11-27", true),
            ("", true),
            (".", true),
            ("0x", true),
        ] {
            let span = Span::new(&SourceFile::new("a.yaml", text), 0..text.len());
            assert_eq!(inexact(text, &span).is_none(), is_kept, "{text}");
        }
    }
}
