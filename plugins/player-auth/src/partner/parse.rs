//! Digests and times as operators write them.

use policy_kit::{invalid, ConfigError};

/// Parses a SHA-256; errors name the path `at`.
pub(super) fn digest(text: &str, at: &str) -> Result<[u8; 32], ConfigError> {
    let digest = hex(text.as_bytes()).and_then(|bytes| bytes.try_into().ok());
    digest.ok_or_else(|| invalid(at, "expected a SHA-256 of 64 hexadecimal digits"))
}

/// Decodes hexadecimal digits of either case.
pub(super) fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    text.chunks(2).map(pair).collect()
}

/// Parses a time in the form `2027-01-01T00:00:00Z` (RFC 3339 in UTC) as seconds since the epoch.
///
/// # Errors
/// Names `at`.
pub(super) fn moment(text: &str, at: &str) -> Result<u64, ConfigError> {
    let problem = "expected a time such as `2027-01-01T00:00:00Z`";
    seconds(text.as_bytes()).ok_or_else(|| invalid(at, problem))
}

fn seconds(text: &[u8]) -> Option<u64> {
    const FORM: &[u8; 20] = b"0000-00-00T00:00:00Z";
    let fits = |(byte, form): (&u8, &u8)| byte == form || (*form == b'0' && byte.is_ascii_digit());
    if text.len() != FORM.len() || !text.iter().zip(FORM).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to).unwrap_or_default().iter();
        digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
    };
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let (hour, minute, second) = (number(11, 13), number(14, 16), number(17, 19));
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let length = |month: u64| match month {
        2 => 28 + u64::from(leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let date = (1970..=9999).contains(&year) && (1..=12).contains(&month);
    if !date || !(1..=length(month)).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let years: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
    let days = years + (1..month).map(length).sum::<u64>() + day - 1;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    #[test]
    fn parses_one_form_only() {
        for (text, want) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2027-01-15T08:00:00Z", Some(1_800_000_000)),
            ("2024-02-29T23:59:59Z", Some(1_709_251_199)),
            ("2000-03-01T00:00:00Z", Some(951_868_800)),
            ("2023-02-29T00:00:00Z", None),
            ("2100-02-29T00:00:00Z", None),
            ("2027-00-01T00:00:00Z", None),
            ("2027-13-01T00:00:00Z", None),
            ("2027-04-31T00:00:00Z", None),
            ("2027-01-00T00:00:00Z", None),
            ("2027-01-01T24:00:00Z", None),
            ("2027-01-01T00:60:00Z", None),
            ("1969-12-31T23:59:59Z", None),
            ("2027-01-01T00:00:00", None),
            ("2027-01-01T00:00:00z", None),
            ("2027-01-01 00:00:00Z", None),
            ("2027-01-01T00:00:00+00:00", None),
            ("2027-01-01", None),
            ("", None),
        ] {
            assert_eq!(super::seconds(text.as_bytes()), want, "{text}");
        }
    }
}
