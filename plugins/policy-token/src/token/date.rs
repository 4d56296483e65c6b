//! Dates in tokens (NumericDate, RFC 7519 section 2): seconds since the epoch, with an optional fraction.

use serde_json::Value;

/// From here on (2^53) a float cannot represent every second: it is not accepted as a date.
const MAX_FLOAT: f64 = 9_007_199_254_740_992.0;
/// Rounding error that is ignored in the difference of two dates, in nanoseconds. A float of this size is exact
/// to a quarter of a microsecond.
const NOISE: u32 = 1_000_000;

/// A claim that is a date. `null` counts as absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Date {
    /// No claim.
    Absent,
    /// A claim that is no date.
    Unreadable,
    /// A date.
    At(Moment),
}

impl Date {
    /// Reads a claim.
    #[inline(never)] // a module has twenty callers
    pub fn of(claim: Option<&Value>) -> Self {
        match claim {
            None | Some(Value::Null) => Self::Absent,
            Some(value) => Moment::of(value).map_or(Self::Unreadable, Self::At),
        }
    }

    /// The date; `None` if it is absent or unreadable.
    pub fn moment(self) -> Option<Moment> {
        match self {
            Self::At(moment) => Some(moment),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

/// A date with nanoseconds. It is compared in whole seconds, rounded to the stricter side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    seconds: u64,
    nanos: u32,
}

impl Moment {
    /// Reads a JSON number: whole, with a fraction, or with an exponent. Negative numbers count as 0. `None`
    /// for other values, and for floats from 2^53.
    pub fn of(value: &Value) -> Option<Self> {
        if let Some(seconds) = value.as_u64() {
            return Some(Self { seconds, nanos: 0 });
        }
        let number = value.as_f64()?.max(0.0);
        let whole = number.floor();
        // In range if `fits`.
        let fits = number < MAX_FLOAT;
        let (seconds, nanos) = (whole as u64, ((number - whole) * 1e9).ceil() as u32);
        fits.then_some(Self { seconds, nanos })
    }

    /// In whole seconds, rounded down: for ends, and for dates that must not be too long ago.
    pub fn down(self) -> u64 {
        self.seconds
    }

    /// In whole seconds, rounded up: for beginnings.
    pub fn up(self) -> u64 {
        self.seconds.saturating_add(u64::from(self.nanos > 0))
    }

    /// Whole seconds from an earlier moment to this one, rounded up.
    pub fn since(self, earlier: Self) -> u64 {
        let more = self.nanos > earlier.nanos.saturating_add(NOISE);
        self.seconds.saturating_sub(earlier.seconds).saturating_add(u64::from(more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_numbers() {
        for (value, want) in [
            (json!(0), Some((0, 0))),
            (json!(1_790_003_600_u64), Some((1_790_003_600, 1_790_003_600))),
            (json!(1_790_003_600.0), Some((1_790_003_600, 1_790_003_600))),
            (json!(1.789_999_94e9), Some((1_789_999_940, 1_789_999_940))),
            (json!(1_789_999_940.403_285), Some((1_789_999_940, 1_789_999_941))),
            (json!(1_789_999_940.999_999), Some((1_789_999_940, 1_789_999_941))),
            (json!(1e-9), Some((0, 1))),
            (json!(-0.5), Some((0, 0))),
            (json!(-1), Some((0, 0))),
            (json!(u64::MAX), Some((u64::MAX, u64::MAX))),
            (json!(9_007_199_254_740_991.0), Some((9_007_199_254_740_991, 9_007_199_254_740_991))),
            (json!(9_007_199_254_740_992.0), None),
            (json!(1e99), None),
            (json!("1790003600"), None),
            (json!("2026-09-21T12:01:01.180Z"), None),
            (json!(true), None),
            (json!([1_790_003_600]), None),
            (json!(null), None),
        ] {
            let got = Moment::of(&value).map(|moment| (moment.down(), moment.up()));
            assert_eq!(got, want, "{value}");
        }
    }

    #[test]
    fn reads_claims() {
        for (claim, want) in [
            (None, Date::Absent),
            (Some(json!(null)), Date::Absent),
            (Some(json!("soon")), Date::Unreadable),
            (Some(json!(7)), Date::At(Moment { seconds: 7, nanos: 0 })),
        ] {
            assert_eq!(Date::of(claim.as_ref()), want, "{claim:?}");
        }
    }

    #[test]
    fn rounds_differences_up() {
        for (from, to, want) in [
            (json!(100), json!(700), 600),
            (json!(100), json!(700.5), 601),
            (json!(100.5), json!(700), 600),
            // Issuers add whole seconds to a time with a fraction.
            (json!(1_789_999_940.403_285), json!(1_790_003_540.403_285), 3_600),
            (json!(1_789_999_940.403_285), json!(1_790_003_540.403_285_3), 3_600),
            (json!(1_789_999_940.403_285), json!(1_790_003_540.405), 3_601),
            (json!(700), json!(100), 0),
        ] {
            let moment = |value| Moment::of(value).unwrap();
            assert_eq!(moment(&to).since(moment(&from)), want, "{from} {to}");
        }
    }
}
