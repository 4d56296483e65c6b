//! Who is asked what became of calls: once for each key, however many retries want to know. Those that come
//! while it is out share its answer, and an answer that tells nothing is remembered for a moment. Nobody keeps
//! others from asking.

use std::cell::RefCell;

use policy_kit::SortedMap;

use crate::share::{Scarce, Shares};
use crate::{Fence, Owner, PerPart, Scope};

/// Questions of one worker that are out at once: fewer than the shell sends. While more than forty are out, a
/// player asks once in ten minutes.
const QUESTIONS: Scarce = Scarce {
    most: PerPart { players: 200, partners: 248 },
    share: PerPart { players: 4, partners: 64 },
    enough: 40,
    pause: 600_000_000_000,
};
/// How long it is remembered that nobody could tell.
const MEMORY: u64 = 5_000_000_000;
/// How many such answers are remembered.
const ANSWERS: usize = 4_096;

/// The questions of one worker, by what they are about.
#[derive(Debug)]
pub(crate) struct Inquiries {
    asked: RefCell<SortedMap<String, Question>>,
    shares: RefCell<Shares>,
}

#[derive(Debug)]
struct Question {
    /// Who asked first, while it is out.
    by: Option<Owner>,
    /// When it was asked, or until when it is not asked again.
    at: u64,
}

impl Default for Inquiries {
    fn default() -> Self {
        let shares = RefCell::new(Shares::new(QUESTIONS));
        Self { asked: RefCell::default(), shares }
    }
}

/// What a question is about.
pub(crate) fn question(scope: &Scope, fence: Fence) -> String {
    let id: u128 = scope.0.first_chunk().map_or(0, |first| u128::from_be_bytes(*first));
    format!("reconcile.{id:032x}.{}", fence.0)
}

/// The flight of a question that was asked at this time: one that never came back holds up no other.
pub(crate) fn flight(about: &str, asked: u64) -> String {
    format!("{about}@{asked}")
}

impl Inquiries {
    /// Joins the question `about`, or asks it. When it was asked: what is told holds for then. `None`
    /// where it is not to be asked now: nobody could tell a moment ago, or the owner has its share. One that
    /// has not come back after `patience` is lost.
    pub(crate) fn join(&self, about: &str, owner: &Owner, patience: u64, now: u64) -> Option<u64> {
        let mut asked = self.asked.try_borrow_mut().ok()?;
        match asked.get(about) {
            Some(Question { by: Some(_), at }) if now.abs_diff(*at) <= patience => {
                return Some(*at);
            }
            Some(Question { by: Some(by), .. }) => {
                self.shares.try_borrow_mut().ok()?.give_back(by, now);
            }
            // A clock that was set back does not forbid anything for long.
            Some(Question { by: None, at }) if *at > now && *at - now <= MEMORY => return None,
            _ => {}
        }
        if !self.shares.try_borrow_mut().ok()?.take(owner, now) {
            return None;
        }
        asked.insert(about.to_owned(), Question { by: Some(*owner), at: now });
        Some(now)
    }

    /// A [`flight`] is not out any more.
    pub(crate) fn landed(&self, flight: &str, now: u64) {
        let Some((about, since)) = flight.rsplit_once('@') else { return };
        let Ok(mut asked) = self.asked.try_borrow_mut() else { return };
        let question = asked.get_mut(about).filter(|it| Ok(it.at) == since.parse());
        let by = question.and_then(|question| {
            question.at = now;
            question.by.take()
        });
        if let (Some(owner), Ok(mut shares)) = (by, self.shares.try_borrow_mut()) {
            shares.give_back(&owner, now);
        }
        if asked.len() >= ANSWERS {
            asked.retain(|_, question| question.by.is_some() || question.at > now);
        }
    }

    /// Nobody could tell.
    pub(crate) fn remember(&self, about: &str, now: u64) {
        let Ok(mut asked) = self.asked.try_borrow_mut() else { return };
        if let Some(question) = asked.get_mut(about).filter(|question| question.by.is_none()) {
            question.at = now.saturating_add(MEMORY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_key_is_asked_about_once() {
        let (inquiries, owner) = (Inquiries::default(), Owner::new("otter", "player", "p-1"));
        let join = |about, now| inquiries.join(about, &owner, 2 * SECOND, now);
        assert_eq!(join("a", SECOND), Some(SECOND));
        assert_eq!(join("a", 2 * SECOND), Some(SECOND), "it is out");
        inquiries.landed(&flight("a", SECOND), 3 * SECOND);
        inquiries.remember("a", 3 * SECOND);
        assert_eq!(join("a", 7 * SECOND), None, "nobody could tell just now");
        assert_eq!(join("a", 8 * SECOND), Some(8 * SECOND));
        // It never comes back: after a while it is asked anew, and what comes late is not about that.
        assert_eq!(join("a", 11 * SECOND), Some(11 * SECOND));
        inquiries.landed(&flight("a", 8 * SECOND), 11 * SECOND);
        assert_eq!(join("a", 12 * SECOND), Some(11 * SECOND));
        for (about, want) in [("b", true), ("c", true), ("d", true), ("e", false)] {
            assert_eq!(join(about, 12 * SECOND).is_some(), want, "{about}: four at a time");
        }
    }

    #[test]
    fn claims_of_one_key_are_two_questions() {
        let scope = Scope([7; 32]);
        assert_eq!(question(&scope, Fence(3)), format!("reconcile.{}.3", "07".repeat(16)));
        assert_ne!(question(&scope, Fence(3)), question(&scope, Fence(4)));
    }
}
