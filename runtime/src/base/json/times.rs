//! The JSON forms of `google.protobuf.Timestamp` and `google.protobuf.Duration`.

use std::ops::RangeInclusive;

const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// Seconds between the years 1 and 9999, counted from 1970.
const TIMESTAMPS: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// The seconds of a duration are at most 10,000 years.
const DURATIONS: RangeInclusive<i64> = -315_576_000_000..=315_576_000_000;

/// Formats a time by RFC 3339. Returns `None` if the time is out of range, or the nanoseconds are not a fraction of a second.
pub(super) fn timestamp(seconds: i64, nanos: i32) -> Option<String> {
    let nanos = i64::from(nanos);
    if !TIMESTAMPS.contains(&seconds) || !(0..NANOS).contains(&nanos) {
        return None;
    }
    let (year, month, day) = date_of(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let mut text = String::with_capacity(30);
    digits(&mut text, year, 4);
    for (before, number) in [
        ('-', month),
        ('-', day),
        ('T', second / 3600),
        (':', second / 60 % 60),
        (':', second % 60),
    ] {
        text.push(before);
        digits(&mut text, number, 2);
    }
    fraction(&mut text, nanos);
    text.push('Z');
    Some(text)
}

/// Formats a duration as seconds. Returns `None` if the duration is out of range, or the nanoseconds are not a fraction of a second
/// with the sign of the seconds.
pub(super) fn duration(seconds: i64, nanos: i32) -> Option<String> {
    let nanos = i64::from(nanos);
    let signs_differ = seconds.signum() * nanos.signum() < 0;
    if !DURATIONS.contains(&seconds) || nanos.abs() >= NANOS || signs_differ {
        return None;
    }
    let mut text = String::with_capacity(24);
    if seconds < 0 || nanos < 0 {
        text.push('-');
    }
    text.push_str(&seconds.abs().to_string());
    fraction(&mut text, nanos.abs());
    text.push('s');
    Some(text)
}

/// Parses a time of RFC 3339 with capital letters. Returns the seconds and nanoseconds.
pub(super) fn parse_timestamp(text: &str) -> Option<(i64, i32)> {
    let mut rest = text;
    let year = number(&mut rest, 4)?;
    let month = number(after(&mut rest, '-')?, 2)?;
    let day = number(after(&mut rest, '-')?, 2)?;
    let hour = number(after(&mut rest, 'T')?, 2)?;
    let minute = number(after(&mut rest, ':')?, 2)?;
    let second = number(after(&mut rest, ':')?, 2)?;
    let nanos = parse_fraction(&mut rest)?;
    let offset = match rest {
        "Z" => 0,
        _ => {
            let sign = if rest.starts_with('+') { 1 } else { -1 };
            rest = rest.strip_prefix(['+', '-'])?;
            let hours = number(&mut rest, 2)?;
            let minutes = number(after(&mut rest, ':')?, 2)?;
            (rest.is_empty() && hours < 24 && minutes < 60)
                .then_some(sign * (hours * 3600 + minutes * 60))?
        }
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(is_leap),
        1..=12 => 31,
        _ => return None,
    };
    // A leap second is the last second before it.
    if !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let second = hour * 3600 + minute * 60 + second.min(59);
    let seconds = days_until(year, month, day) * DAY + second - offset;
    TIMESTAMPS.contains(&seconds).then_some((seconds, nanos))
}

/// Parses a duration. Returns the seconds and nanoseconds, which have the same sign.
pub(super) fn parse_duration(text: &str) -> Option<(i64, i32)> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let mut rest = unsigned;
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let seconds: i64 = rest.get(..length)?.parse().ok()?;
    rest = rest.get(length..)?;
    let nanos = parse_fraction(&mut rest)?;
    if rest != "s" || !DURATIONS.contains(&seconds) {
        return None;
    }
    Some(if unsigned.len() == text.len() {
        (seconds, nanos)
    } else {
        (-seconds, -nanos)
    })
}

/// Returns the rest of a text after a character.
fn after<'a, 't>(rest: &'a mut &'t str, c: char) -> Option<&'a mut &'t str> {
    *rest = rest.strip_prefix(c)?;
    Some(rest)
}

/// Reads a number of exactly so many digits.
fn number(rest: &mut &str, digits: usize) -> Option<i64> {
    let (number, after) = rest.split_at_checked(digits)?;
    *rest = after;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| number.parse().ok())?
}

/// Reads a fraction of a second, if there is one. Digits after the ninth are dropped.
fn parse_fraction(rest: &mut &str) -> Option<i32> {
    let Some(fraction) = rest.strip_prefix('.') else {
        return Some(0);
    };
    let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, after) = fraction.split_at_checked(length)?;
    *rest = after;
    let digits = digits.get(..length.min(9))?;
    let nanos: i32 = digits.parse().ok()?;
    Some(nanos * 10_i32.pow(9 - digits.len() as u32))
}

/// Appends a fraction of a second with three, six or nine digits, unless it is zero.
fn fraction(text: &mut String, nanos: i64) {
    if nanos == 0 {
        return;
    }
    text.push('.');
    if nanos % 1_000_000 == 0 {
        digits(text, nanos / 1_000_000, 3);
    } else if nanos % 1_000 == 0 {
        digits(text, nanos / 1_000, 6);
    } else {
        digits(text, nanos, 9);
    }
}

/// Appends a number that is not negative, with so many digits, at most nine.
fn digits(text: &mut String, number: i64, count: usize) {
    let number = number as u32;
    let places = [
        100_000_000,
        10_000_000,
        1_000_000,
        100_000,
        10_000,
        1_000,
        100,
        10,
        1,
    ];
    for place in places.iter().skip(9 - count) {
        let digit = number / place % 10;
        text.push(char::from(b'0' + digit as u8));
    }
}

/// Returns the days from 1970 until a date of the Gregorian calendar. The years of the computation begin in March, so that a leap day
/// is the last of a year.
fn days_until(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Returns the year, month and day of a number of days since 1970, the reverse of [`days_until`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost_types::{Duration, Timestamp};

    use super::*;

    proptest! {
        #[test]
        fn times_agree_with_prost(seconds in TIMESTAMPS, nanos in 0..1_000_000_000_i32, unit in 0..3_u32) {
            let unit = 1000_i32.pow(unit);
            let nanos = nanos / unit * unit;
            let text = timestamp(seconds, nanos).unwrap();
            prop_assert_eq!(&text, &Timestamp { seconds, nanos }.to_string());
            prop_assert_eq!(parse_timestamp(&text), Some((seconds, nanos)));
        }

        #[test]
        fn durations_agree_with_prost(seconds in DURATIONS, nanos in 0..1_000_000_000_i32) {
            let nanos = if seconds < 0 { -nanos } else { nanos };
            let text = duration(seconds, nanos).unwrap();
            prop_assert_eq!(&text, &Duration { seconds, nanos }.to_string());
            prop_assert_eq!(parse_duration(&text), Some((seconds, nanos)));
        }

        #[test]
        fn any_numbers_and_texts_are_formatted_or_refused(seconds: i64, nanos: i32, text in "[0-9TZs:+.\\-]{0,32}") {
            let _ = (timestamp(seconds, nanos), duration(seconds, nanos));
            let _ = (parse_timestamp(&text), parse_duration(&text));
        }
    }

    #[test]
    fn times_are_strict() {
        for text in [
            "2024-01-01",
            "2024-01-01T00:00:00",
            "2024-01-01t00:00:00Z",
            "2024-01-01T00:00:00z",
            "2024-01-01 00:00:00Z",
            "2024-01-01T00:00:00.Z",
            "2024-1-01T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "2024-01-01T00:00:61Z",
            "2024-01-01T00:00:00+24:00",
            "2024-01-01T00:00:00+0100",
            "+2024-01-01T00:00:00Z",
            "2024-01-01T00:00:00Zx",
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "２024-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
        assert_eq!(
            parse_timestamp("1972-06-30T23:59:60Z"),
            parse_timestamp("1972-06-30T23:59:59Z")
        );
        assert_eq!(parse_timestamp("1970-01-01T01:00:00+01:00"), Some((0, 0)));
    }

    #[test]
    fn durations_are_strict() {
        for text in [
            "",
            "s",
            "1",
            "1.s",
            ".5s",
            "+1s",
            "--1s",
            "1S",
            "1s ",
            "315576000001s",
            "1e1s",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(parse_duration("-0.5s"), Some((0, -500_000_000)));
        assert_eq!(duration(0, -500_000_000).as_deref(), Some("-0.500s"));
        assert_eq!(duration(315_576_000_001, 0), None);
    }

    #[test]
    fn nanoseconds_are_a_fraction_of_a_second() {
        for nanos in [-1, 1_000_000_000, i32::MIN, i32::MAX] {
            assert_eq!(timestamp(0, nanos), None, "{nanos}");
        }
        for (seconds, nanos) in [
            (1, -1),
            (-1, 1),
            (0, 1_000_000_000),
            (0, -1_000_000_000),
            (0, i32::MIN),
            (i64::MIN, 0),
        ] {
            assert_eq!(duration(seconds, nanos), None, "{seconds} {nanos}");
        }
    }
}
