//! The wallet contracts of partners: three shapes of the same four things (balance, bet, win,
//! rollback), each with its own signature, its own way to tell errors and its own idea of what a
//! duplicate is. Modelled after what is publicly known of Hub88, Beexar and Fundist OneWallet;
//! the texts and the amounts' units are ours.
//!
//! What they share is here: a book of the partner's transactions, and decimal amounts.

mod bee;
mod book;
mod hub;
mod one;

pub(crate) use bee::{balance as bee_balance, betwin, finish, rollback as bee_rollback};
pub(crate) use book::Book;
pub(crate) use hub::{
    balance as hub_balance, bet as hub_bet, info as hub_info, rollback as hub_rollback,
    win as hub_win,
};
pub(crate) use one::single as one_single;

/// Minor units of a decimal with at most two places: `"12.3"` is 1230. No sign, no exponent.
fn minor_units(text: &str) -> Option<i64> {
    let (whole, cents) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || cents.len() > 2 || !digits(whole) || !digits(cents) {
        return None;
    }
    let cents: i64 = format!("{cents:0<2}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(cents)
}

/// The decimal of minor units: 1230 is `"12.30"`.
fn decimal(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
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
