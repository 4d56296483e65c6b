//! Medians, their spread, and whether a ratio is significant.
use serde::Serialize;

/// With fewer rounds the quartiles do not show the spread.
const FEWEST: usize = 4;

/// With quartiles wider apart than this part of the median a ratio is not significant.
const WORTHLESS: f64 = 0.25;

/// A median and its quartiles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// A quarter of the values are lower.
    pub low: f64,
    /// Half of the values are lower.
    pub median: f64,
    /// A quarter of the values are higher.
    pub high: f64,
}

impl Spread {
    /// The spread of these values; `None` of none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |quarters: usize| {
            // Between two values, the mean of both.
            let position = (sorted.len().checked_sub(1)?) * quarters;
            let (below, above) = (position / 4, position.div_ceil(4));
            Some((sorted.get(below)? + sorted.get(above)?) / 2.0)
        };
        Some(Self { low: at(1)?, median: at(2)?, high: at(3)? })
    }
}

/// The significance of a ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Significance {
    /// More, or less, in three quarters of the rounds at least.
    Clear,
    /// 1 lies between the quartiles: no difference was seen.
    WithinSpread,
    /// The quartiles are too far apart, or the rounds too few, for any statement; measure again on a quieter machine.
    Noisy,
}

/// One variant over another, round by round.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ratio {
    /// The ratios of the rounds.
    #[serde(flatten)]
    pub spread: Spread,
    /// Their significance.
    pub verdict: Significance,
}

impl Ratio {
    /// The ratio of two series of rounds.
    pub fn of(own: &[f64], base: &[f64]) -> Option<Self> {
        let ratios: Vec<f64> = own.iter().zip(base).map(|(own, base)| own / base).collect();
        let spread = Spread::of(&ratios)?;
        let width = (spread.high - spread.low) / spread.median;
        let verdict = if ratios.len() < FEWEST || !width.is_finite() || width > WORTHLESS {
            Significance::Noisy
        } else if spread.low <= 1.0 && spread.high >= 1.0 {
            Significance::WithinSpread
        } else {
            Significance::Clear
        };
        Some(Self { spread, verdict })
    }
}

/// `total` shared by `count`.
pub(super) fn per(total: u64, count: usize) -> f64 {
    total as f64 / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quartiles() {
        for (values, low, median, high) in [
            (&[3.0][..], 3.0, 3.0, 3.0),
            (&[2.0, 1.0], 1.5, 1.5, 1.5),
            (&[5.0, 1.0, 3.0], 2.0, 3.0, 4.0),
            (&[5.0, 4.0, 3.0, 2.0, 1.0], 2.0, 3.0, 4.0),
        ] {
            assert_eq!(Spread::of(values), Some(Spread { low, median, high }), "{values:?}");
        }
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn ratios_have_a_significance() {
        for (own, verdict) in [
            (&[11.0, 12.0, 11.5, 11.4][..], Significance::Clear),
            (&[8.0, 8.1, 8.2, 8.0], Significance::Clear),
            (&[9.8, 10.0, 10.3, 10.1], Significance::WithinSpread),
            (&[11.0, 14.0, 40.0, 20.0], Significance::Noisy),
            // However well three agree: one more may not.
            (&[11.0, 11.0, 11.0], Significance::Noisy),
            (&[11.0], Significance::Noisy),
        ] {
            assert_eq!(Ratio::of(own, &[10.0; 4]).unwrap().verdict, verdict, "{own:?}");
        }
        assert_eq!(Ratio::of(&[1.0], &[0.0]).unwrap().verdict, Significance::Noisy);
    }
}
