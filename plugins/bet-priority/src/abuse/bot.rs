//! The score of a bot detection in front of the gateway: requests with a bad one cost more.

use policy_kit::{header_name, invalid, within, ConfigError, Headers, One};

use crate::abuse::config::{BotConfig, Worse};

const AT: &str = "abuse.bot";
/// Highest score, in thousandths.
const HIGHEST: u32 = 1_000_000;

/// The compiled `abuse.bot`.
#[derive(Debug)]
pub struct BotRules {
    /// The header with the score.
    pub header: String,
    worse: Worse,
    /// Scores in thousandths and costs, from mild to bad.
    factors: Vec<(u32, u32)>,
    /// The highest cost.
    most: u32,
}

impl BotRules {
    /// Compiles the configuration's `abuse.bot`.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(raw: BotConfig) -> Result<Self, ConfigError> {
        let field = |name: &str| format!("{AT}.{name}");
        let header = header_name(&field("header"), &raw.header)?;
        let named = &raw.headers_stripped_by;
        if named.is_empty() || !named.bytes().all(|b| b.is_ascii_graphic()) {
            let problem = "expected the name of what sets the header and strips the clients' own";
            return Err(invalid(field("headers_stripped_by"), problem));
        }
        if raw.factors.is_empty() || raw.factors.len() > 16 {
            return Err(invalid(field("factors"), "expected 1 to 16 entries"));
        }
        let mut factors: Vec<(u32, u32)> = Vec::with_capacity(raw.factors.len());
        for (i, factor) in raw.factors.iter().enumerate() {
            let field = |name: &str| format!("{AT}.factors[{i}].{name}");
            if !(0.0..=1_000.0).contains(&factor.at) {
                return Err(invalid(field("at"), "expected 0 to 1000"));
            }
            // In range.
            let at = (factor.at * 1_000.0).round() as u32;
            within(factor.cost.into(), (2, 1_000), || field("cost"))?;
            if let Some((mild, cheap)) = factors.last() {
                let is_worse = match raw.worse {
                    Worse::Higher => at > *mild,
                    Worse::Lower => at < *mild,
                };
                if !is_worse {
                    return Err(invalid(field("at"), "expected a worse score than the one before"));
                }
                if factor.cost <= *cheap {
                    let problem = "expected more than the one before, or it has no effect";
                    return Err(invalid(field("cost"), problem));
                }
            }
            factors.push((at, factor.cost));
        }
        let most = factors.last().map_or(1, |(_, cost)| *cost);
        Ok(Self { header, worse: raw.worse, factors, most })
    }

    /// How many requests a request counts as. 1 without a score: not everything is scored, and whoever strips the
    /// clients' own header sets it where it has one. What is no score, or several, counts as the worst.
    pub fn factor(&self, headers: &Headers) -> u32 {
        let score = match headers.one(&self.header) {
            One::Absent => return 1,
            One::Many => None,
            One::Value(value) => thousandths(value),
        };
        let Some(score) = score else { return self.most };
        let reached = |at: u32| match self.worse {
            Worse::Higher => score >= at,
            Worse::Lower => score <= at,
        };
        let found = self.factors.iter().rev().find(|(at, _)| reached(*at));
        found.map_or(1, |(_, cost)| *cost)
    }
}

/// Reads a score such as `87`, `87.5` or `0.93`, in thousandths.
fn thousandths(text: &[u8]) -> Option<u32> {
    let mut parts = text.trim_ascii().splitn(2, |b| *b == b'.');
    let (whole, fraction) = (parts.next()?, parts.next().unwrap_or(b"0"));
    let digits =
        |text: &[u8], most| (1..=most).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    if !digits(whole, 4) || !digits(fraction, 18) {
        return None;
    }
    let number = |text: &[u8]| {
        text.iter().fold(0u32, |sum, digit| sum * 10 + u32::from(digit.saturating_sub(b'0')))
    };
    let mut small = [b'0'; 3];
    small.iter_mut().zip(fraction).for_each(|(to, from)| *to = *from);
    let score = number(whole) * 1_000 + number(&small);
    (score <= HIGHEST).then_some(score)
}

#[cfg(test)]
#[path = "bot_tests.rs"]
mod tests;
