//! The result as text.
use super::goals::{Aim, Reached};
use super::measurement::Measurement;
use super::stats::{Ratio, Significance, Spread};
use std::fmt::{self, Display};

impl Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.envoy.is_empty() {
            writeln!(
                f,
                "CPU time of Envoy's worker per request: median of {} rounds of {} requests, and the \
                 quartiles\n",
                self.rounds, self.requests
            )?;
            let (first, second) = ("x no filter", "x no-op");
            let (cost, added) = ("us a request", "us added");
            writeln!(f, "{:26} {cost:>19} {added:>19} {first:>17} {second:>17}", "")?;
            for (index, one) in self.envoy.iter().enumerate() {
                let (cost, added) = (micros(&one.micros), micros(&one.added));
                // Nothing is compared with itself.
                let added = if index == 0 { String::new() } else { added };
                let first = if index == 0 { "1".to_owned() } else { ratio(&one.to_first) };
                let second = if index == 1 { "1".to_owned() } else { ratio(&one.to_second) };
                writeln!(f, "{:26} {cost:>19} {added:>19} {first:>17} {second:>17}", one.name)?;
            }
            let first = self.envoy.iter().skip(1).map(|it| it.to_first);
            let second = self.envoy.iter().enumerate().filter(|(index, _)| *index != 1);
            let ratios: Vec<Ratio> = first.chain(second.map(|(_, it)| it.to_second)).collect();
            if ratios.iter().any(|it| it.verdict == Significance::Noisy) {
                writeln!(f, "\n?  the rounds differ too much for a ratio, or are fewer than 4: measure again, longer")?;
            }
            if ratios.iter().any(|it| it.verdict == Significance::WithinSpread) {
                writeln!(f, "\n=  no difference beyond the spread of the rounds")?;
            }
        }
        for (index, Reached { goal, ratio: it, met }) in self.goals.iter().enumerate() {
            let aim = match goal.aim {
                Aim::None => String::new(),
                Aim::AtMost(most) => format!("at most {most:.1}: {}", word(*met)),
                Aim::AtLeast(least) => format!("at least {least:.1}: {}", word(*met)),
            };
            let Spread { low, median, high } = it.spread;
            let doubt = if it.verdict == Significance::Noisy { " ?" } else { "" };
            let gap = if index == 0 { "\n" } else { "" };
            writeln!(f, "{gap}{:34} {median:.2} ({low:.2}-{high:.2}){doubt}  {aim}", goal.name)?;
        }
        if let Some(rate) = &self.abi_host {
            let Spread { low, median, high } = rate.requests_per_second;
            writeln!(
                f,
                "\nabi-host replays {median:.0} requests a second on one core ({low:.0} to {high:.0})"
            )?;
        }
        Ok(())
    }
}

fn word(met: bool) -> &'static str {
    if met {
        "met"
    } else {
        "missed"
    }
}

fn micros(spread: &Spread) -> String {
    format!("{:.1} ({:.1}-{:.1})", spread.median, spread.low, spread.high)
}

fn ratio(ratio: &Ratio) -> String {
    let Spread { low, median, high } = ratio.spread;
    match ratio.verdict {
        Significance::Clear => format!("{median:.2} ({low:.2}-{high:.2})"),
        Significance::WithinSpread => format!("= ({low:.2}-{high:.2})"),
        Significance::Noisy => format!("? ({low:.2}-{high:.2})"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::goals::Goal;
    use super::super::measurement::{EmulatedRate, Measured};
    use super::*;

    #[test]
    fn insignificant_ratios_are_marked() {
        let line = |name, own: &[f64]| Measured {
            name,
            micros: Spread::of(own).unwrap(),
            added: Spread::of(&[1.0]).unwrap(),
            to_first: Ratio::of(own, &[10.0; 4]).unwrap(),
            to_second: Ratio::of(own, &[5.0; 4]).unwrap(),
        };
        let rate = Spread { low: 29_000.4, median: 30_000.0, high: 31_000.0 };
        let text = Measurement {
            rounds: 4,
            requests: 100,
            envoy: vec![
                line("a", &[10.0; 4]),
                line("b", &[12.0; 4]),
                line("c", &[10.0, 20.0, 90.0, 90.0]),
            ],
            goals: vec![Goal { name: "b to c", above: "b", below: "c", aim: Aim::AtMost(1.0) }
                .reached(&[12.0; 4], &[10.0; 4])
                .unwrap()],
            abi_host: Some(EmulatedRate { recorded: 68, requests_per_second: rate }),
        }
        .to_string();
        for part in [
            "1.20 (1.20-1.20)",
            "? (1.50-9.00)",
            "30000 requests a second",
            "measure again",
            "1.20 (1.20-1.20)  at most 1.0: missed",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains("no difference"), "{text}");
    }
}
