//! The text form of `grpc-timeout`.

use std::time::Duration;

/// The longest timeout that the field can express: 99,999,999 hours.
const LONGEST: Duration = Duration::from_secs(99_999_999 * 3600);

/// The field's units with their length in nanoseconds, finest first.
const UNITS: [(u8, u128); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60_000_000_000),
    (b'H', 3_600_000_000_000),
];

/// Writes a timeout in the finest unit that expresses it in eight digits. It is rounded up, so that a call never gets less time
/// than its caller gave it.
pub(crate) fn format_timeout(timeout: Duration) -> String {
    let nanos = timeout.min(LONGEST).as_nanos();
    let (unit, count) = UNITS
        .iter()
        .map(|&(unit, size)| (unit, nanos.div_ceil(size)))
        .find(|&(_, count)| count <= 99_999_999)
        .unwrap_or((b'H', 99_999_999));
    format!("{count}{}", char::from(unit))
}

/// Parses a timeout of one to eight digits and a unit. Returns `None` for anything else.
pub(crate) fn parse_timeout(value: &[u8]) -> Option<Duration> {
    let (&unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count = digits
        .iter()
        .fold(0_u64, |count, digit| count * 10 + u64::from(digit - b'0'));
    // Eight digits of hours are 3.6e11 seconds, so no unit overflows.
    Some(match unit {
        b'H' => Duration::from_secs(count * 3600),
        b'M' => Duration::from_secs(count * 60),
        b'S' => Duration::from_secs(count),
        b'm' => Duration::from_millis(count),
        b'u' => Duration::from_micros(count),
        b'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn malformed_timeouts_are_refused() {
        for value in [
            "",
            "S",
            "1x",
            "1.5S",
            "123456789S",
            "-1S",
            "+1S",
            " 1S",
            "1 S",
            "1",
            "١S",
        ] {
            assert_eq!(parse_timeout(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn every_unit_is_read() {
        for (value, expected) in [
            ("0n", Duration::ZERO),
            ("7u", Duration::from_micros(7)),
            ("99999999m", Duration::from_millis(99_999_999)),
            ("2S", Duration::from_secs(2)),
            ("3M", Duration::from_secs(180)),
            ("99999999H", LONGEST),
        ] {
            assert_eq!(parse_timeout(value.as_bytes()), Some(expected), "{value}");
        }
    }

    #[test]
    fn the_longest_is_written_too() {
        assert_eq!(format_timeout(Duration::MAX), "99999999H");
        assert_eq!(format_timeout(Duration::from_secs(1)), "1000000u");
    }

    proptest! {
        #[test]
        fn a_written_timeout_is_never_shorter(secs in 0_u64..1 << 38, nanos in 0_u32..1_000_000_000) {
            let timeout = Duration::new(secs, nanos);
            let read = parse_timeout(format_timeout(timeout).as_bytes());
            prop_assert!(read.is_some_and(|read| read >= timeout.min(LONGEST)));
        }

        #[test]
        fn anything_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            parse_timeout(&bytes);
        }
    }
}
