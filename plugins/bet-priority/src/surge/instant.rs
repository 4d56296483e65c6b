//! Moments as RFC 3339 writes them, in UTC.

use policy_kit::SECOND;

/// Reads `2026-06-11T19:00:00Z` or `2026-06-11T19:00:00.250+00:00`, in nanoseconds since the epoch. `None` for other
/// forms, other offsets, days that are not in the calendar, and years outside 1970 to 2500.
pub(crate) fn utc(text: &str) -> Option<u64> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, time) = text.split_once('T')?;
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) => (time, nanos(fraction)?),
        None => (time, 0),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let fits = (1970..=2500).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        // A leap second is none that the gateway's clock has.
        && second < 60;
    let seconds = ((days_before(year, month) + day - 1) * 24 + hour) * 3_600 + minute * 60 + second;
    fits.then_some(seconds * SECOND + fraction)
}

fn numbers(text: &str, mark: char, lengths: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(mark);
    let mut out = [0; 3];
    for (number, length) in out.iter_mut().zip(lengths) {
        *number = digits(parts.next()?, length)?;
    }
    parts.next().is_none().then_some(out)
}

fn digits(text: &str, length: usize) -> Option<u64> {
    let plain = text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

fn nanos(fraction: &str) -> Option<u64> {
    let number = digits(fraction, fraction.len()).filter(|_| fraction.len() <= 9)?;
    let missing = u32::try_from(9 - fraction.len()).ok()?;
    Some(number * 10u64.pow(missing))
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

fn days_of(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the epoch to the first of a month.
fn days_before(year: u64, month: u64) -> u64 {
    let years: u64 = (1970..year.min(2_501)).map(|year| 365 + u64::from(is_leap(year))).sum();
    let months: u64 = (1..month.min(13)).map(|month| days_of(year, month)).sum();
    years + months
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn moments_are_read() {
        let at = |seconds: u64, nanos| Some(seconds * SECOND + nanos);
        for (text, want) in [
            ("1970-01-01T00:00:00Z", at(0, 0)),
            ("2026-06-11T19:00:00Z", at(1_781_204_400, 0)),
            ("2026-06-11T19:00:00+00:00", at(1_781_204_400, 0)),
            ("2026-06-11T19:00:00.25Z", at(1_781_204_400, 250_000_000)),
            ("2026-06-11T19:00:00.123456789Z", at(1_781_204_400, 123_456_789)),
            ("2024-02-29T23:59:59Z", at(1_709_251_199, 0)),
            ("2000-03-01T00:00:00Z", at(951_868_800, 0)),
            ("2026-02-29T00:00:00Z", None),
            ("2100-02-29T00:00:00Z", None),
            ("2026-04-31T00:00:00Z", None),
            ("2026-00-01T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-01-00T00:00:00Z", None),
            ("2026-01-01T24:00:00Z", None),
            ("2026-01-01T00:60:00Z", None),
            ("2026-01-01T00:00:60Z", None),
            ("1969-12-31T23:59:59Z", None),
            ("2501-01-01T00:00:00Z", None),
            ("2026-06-11T19:00:00", None),
            ("2026-06-11T19:00:00+02:00", None),
            ("2026-06-11 19:00:00Z", None),
            ("2026-06-11t19:00:00z", None),
            ("2026-6-11T19:00:00Z", None),
            ("2026-06-11T19:00Z", None),
            ("2026-06-11T19:00:00.Z", None),
            ("2026-06-11T19:00:00.1234567890Z", None),
            ("+026-06-11T19:00:00Z", None),
            ("2026-06-11T19:00:00ZZ", None),
            ("2026-06-11T19:00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(utc(text), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[0-9TZ:.+-]{0,30}|\\PC{0,30}") {
            _ = utc(&text);
        }

        /// Each second of the calendar follows the one before.
        #[test]
        fn days_follow_each_other(day in 0u64..190_000) {
            let (mut year, mut left) = (1970, day);
            while left >= 365 + u64::from(is_leap(year)) {
                left -= 365 + u64::from(is_leap(year));
                year += 1;
            }
            let mut month = 1;
            while left >= days_of(year, month) {
                left -= days_of(year, month);
                month += 1;
            }
            let text = format!("{year}-{month:02}-{:02}T00:00:01Z", left + 1);
            prop_assert_eq!(utc(&text), Some((day * 86_400 + 1) * SECOND));
        }
    }
}
