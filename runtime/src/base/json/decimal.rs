//! Numbers of JSON as they are written.

/// A number of JSON: its text, which is never rounded before its type is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decimal<'t> {
    text: &'t str,
    /// Set if the number has neither a fraction nor an exponent.
    is_plain: bool,
}

impl<'t> Decimal<'t> {
    /// Returns the number at the beginning of a text, and its length.
    pub(super) fn prefix(text: &'t str) -> Option<(Decimal<'t>, usize)> {
        let bytes = text.as_bytes();
        let digits = |from: usize| {
            let rest = bytes.get(from..).unwrap_or_default();
            let is_other = |byte: &u8| !byte.is_ascii_digit();
            let count = rest.iter().position(is_other).unwrap_or(rest.len());
            (count > 0).then_some(from + count)
        };
        let start = usize::from(bytes.first() == Some(&b'-'));
        let mut end = match bytes.get(start) {
            Some(b'0') => start + 1,
            _ => digits(start)?,
        };
        let mut is_plain = true;
        if bytes.get(end) == Some(&b'.') {
            is_plain = false;
            end = digits(end + 1)?;
        }
        if let Some(b'e' | b'E') = bytes.get(end) {
            is_plain = false;
            let signed = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
            end = digits(end + 1 + usize::from(signed))?;
        }
        let text = text.get(..end)?;
        Some((Decimal { text, is_plain }, end))
    }

    /// Parses a text that is a number.
    pub(super) fn parse(text: &'t str) -> Option<Decimal<'t>> {
        let (number, length) = Decimal::prefix(text)?;
        (length == text.len()).then_some(number)
    }

    /// Returns the number as it is written.
    pub(super) fn text(self) -> &'t str {
        self.text
    }

    /// Returns the value, if it is an integer of at most 64 bits and a sign. A number such as `1.0` or `1e2` is an integer too.
    pub(super) fn integer(self) -> Option<i128> {
        let digits = self.text.strip_prefix('-').unwrap_or(self.text);
        let magnitude: u64 = if self.is_plain {
            digits.parse().ok()?
        } else {
            exact(digits)?
        };
        let magnitude = i128::from(magnitude);
        Some(if digits.len() == self.text.len() {
            magnitude
        } else {
            -magnitude
        })
    }

    /// Returns the closest double, or `None` if the number is out of range.
    pub(super) fn double(self) -> Option<f64> {
        let number: f64 = self.text.parse().ok()?;
        number.is_finite().then_some(number)
    }

    /// Returns the closest float, or `None` if the number is out of range.
    pub(super) fn float(self) -> Option<f32> {
        let number: f32 = self.text.parse().ok()?;
        number.is_finite().then_some(number)
    }
}

/// Returns the value of an unsigned number with a fraction or an exponent, if it is an integer of 64 bits.
fn exact(number: &str) -> Option<u64> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = [whole, fraction].concat();
    let significant = digits.trim_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    // An exponent that is no i64 is far out of range, or makes a fraction.
    let exponent: i64 = exponent.parse().ok()?;
    let places = i64::try_from(fraction.len()).ok()?;
    let power = exponent.checked_sub(places)?;
    let power = power.checked_add(i64::try_from(zeros).ok()?)?;
    let significant: u64 = significant.parse().ok()?;
    significant.checked_mul(10_u64.checked_pow(u32::try_from(power).ok()?)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_are_exact() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("-0.0e7", Some(0)),
            ("1.0", Some(1)),
            ("1e2", Some(100)),
            ("-1.50e1", Some(-15)),
            ("1200e-2", Some(12)),
            ("0.00012e5", Some(12)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("18446744073709551615", Some(i128::from(u64::MAX))),
            ("18446744073709551615.000", Some(i128::from(u64::MAX))),
            ("18446744073709551616", None),
            ("1.5", None),
            ("1e-1", None),
            ("1e20", None),
            ("1e99999999999999999999", None),
            ("0e99999999999999999999", Some(0)),
            ("1e-99999999999999999999", None),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().integer(), expected, "{text}");
        }
    }

    #[test]
    fn only_numbers_of_json_are_numbers() {
        for text in [
            "", "-", "+1", "01", "-01", ".5", "1.", "1.e1", "1e", "1e+", " 1", "1 ", "0x1", "inf",
            "NaN", "1_0", "１",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn floats_out_of_range_are_none() {
        let number = |text| Decimal::parse(text).unwrap();
        assert_eq!(number("1e309").double(), None);
        assert_eq!(number("1e39").float(), None);
        assert_eq!(number("-3.4028235e38").float(), Some(f32::MIN));
        assert!(number("-0.0").double().unwrap().is_sign_negative());
    }

    proptest! {
        #[test]
        fn a_shifted_point_does_not_change_an_integer(number: u64, places in 0..25_usize) {
            let digits = format!("{number:025}");
            let (whole, fraction) = digits.split_at(25 - places);
            let whole = whole.trim_start_matches('0');
            let whole = if whole.is_empty() { "0" } else { whole };
            let point = if places == 0 { "" } else { "." };
            let text = format!("{whole}{point}{fraction}e{places}");
            prop_assert_eq!(Decimal::parse(&text).unwrap().integer(), Some(i128::from(number)), "{}", text);
        }
    }
}
