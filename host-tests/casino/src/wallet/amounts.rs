//! Amounts of money as decimals.

/// Minor units of a decimal with at most two places: `"12.3"` is 1230. No sign, no exponent.
pub(super) fn minor_units(text: &str) -> Option<i64> {
    let (whole, cents) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || cents.len() > 2 || !digits(whole) || !digits(cents) {
        return None;
    }
    let cents: i64 = format!("{cents:0<2}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(cents)
}

/// The decimal of minor units: 1230 is `"12.30"`.
pub(super) fn decimal(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_convert_to_minor_units() {
        for (text, want) in [
            ("12.34", Some(1234)),
            ("12.3", Some(1230)),
            ("12", Some(1200)),
            ("0.00", Some(0)),
            ("12.", Some(1200)),
            ("12.345", None),
            (".5", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(minor_units(text), want, "{text}");
        }
        assert_eq!(decimal(1230), "12.30");
        assert_eq!(decimal(5), "0.05");
    }
}
