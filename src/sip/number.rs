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

/// Fewer digits are an extension, or an emergency number.
const LEAST_DIGITS: usize = 6;
/// ITU-T E.164 6.1.
const MOST_DIGITS: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

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
