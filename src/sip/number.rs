//! Telephone numbers in one spelling: E.164, with the plus sign.
//!
//! A few rules of dialling, not a directory of numbering plans: enough to know one number again however a trunk writes it.

/// The number as `+` and digits, where it is a telephone number; everything else stays as it is.
///
/// `00` begins an international number; the rest is a national one of `country` (digits; empty takes no number for
/// national), whose leading zero stays, as Italy's does. What has fewer digits than any subscriber's number, such as an
/// extension, is no number of the public network.
pub fn e164(number: &str, country: &str) -> String {
    let bare: String = number.chars().filter(|sign| !matches!(sign, ' ' | '-' | '.' | '(' | ')' | '/')).collect();
    let (international, digits) = match (bare.strip_prefix('+'), bare.strip_prefix("00")) {
        (Some(digits), _) | (None, Some(digits)) => (true, digits),
        (None, None) => (false, bare.as_str()),
    };
    let is_number = (LEAST_DIGITS..=MOST_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    match (is_number, international, country) {
        (false, ..) | (true, false, "") => number.to_owned(),
        (true, true, _) => format!("+{digits}"),
        (true, false, country) => format!("+{country}{digits}"),
    }
}

/// Numbers that are named together: one, or all that begin alike (`+3906*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    start: String,
    is_open: bool,
}

impl Numbers {
    /// From a number, with `*` at its end for all that begin so; none for anything else.
    pub fn parse(text: &str) -> Option<Numbers> {
        let (start, is_open) = text.strip_suffix('*').map_or((text, false), |start| (start, true));
        let digits = start.strip_prefix('+').unwrap_or(start);
        let is_number = digits.len() <= MOST_DIGITS && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_number && (is_open || !digits.is_empty())).then(|| Numbers { start: start.to_owned(), is_open })
    }

    /// Whether a number is one of them, in any of its spellings.
    pub fn contains(&self, number: &str, country: &str) -> bool {
        let known = |number: &str| match self.is_open {
            true => number.starts_with(&self.start),
            false => number == self.start || number == e164(&self.start, country),
        };
        known(number) || known(&e164(number, country))
    }
}

impl std::fmt::Display for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.start, if self.is_open { "*" } else { "" })
    }
}

/// Fewer digits are an extension, or an emergency number.
const LEAST_DIGITS: usize = 6;
/// ITU-T E.164 6.1.
const MOST_DIGITS: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_named_together() {
        let rows = [
            ("+3906*", "0612345678", true),
            ("+3906*", "003906 12345678", true),
            ("+3906*", "0212345678", false),
            ("0612345678", "+390612345678", true),
            ("+390612345678", "0612345678", true),
            ("101", "101", true),
            ("101", "1011", false),
            ("*", "anybody", true),
        ];
        for (named, number, expected) in rows {
            let numbers = Numbers::parse(named).expect("numbers");
            assert_eq!((numbers.contains(number, "39"), numbers.to_string()), (expected, named.to_owned()), "{number}");
        }
        for wrong in ["", "+", "0 6", "**", "06*1", "1234567890123456"] {
            assert_eq!(Numbers::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn one_number_has_one_spelling() {
        let rows = [
            ("800000100", "+39800000100"),
            ("+39800000100", "+39800000100"),
            ("0039 800 000100", "+39800000100"),
            ("06 1234.5678", "+390612345678"),
            ("+39 (06) 1234-5678", "+390612345678"),
            ("0044 20 7946 0000", "+442079460000"),
            ("101", "101"),
            ("112", "112"),
            ("a001", "a001"),
            ("agent.smith", "agent.smith"),
            ("", ""),
            ("+", "+"),
            ("1234567890123456", "1234567890123456"),
            ("80000010\u{0660}", "80000010\u{0660}"),
        ];
        for (written, expected) in rows {
            assert_eq!(e164(written, "39"), expected, "{written}");
        }
        assert_eq!(e164("0612345678", ""), "0612345678", "without a country, national numbers stay");
        assert_eq!(e164("00390612345678", ""), "+390612345678");
    }
}
