//! What the PAM said of players, for the seconds that it is believed; and that it said nothing.

use policy_kit::Lru;

use super::Answer;
use crate::check::SECOND;
use crate::standing::Told;

/// A PAM that did not answer about a player is not asked about that player again for so long, in
/// nanoseconds.
const PAUSE: u64 = SECOND;
/// A restrictive state still counts so long after it was told, while the PAM tells nothing; in
/// nanoseconds.
const REMEMBERED: u64 = 3_600 * SECOND;

/// Players, the least recently asked for forgotten first.
#[derive(Debug)]
pub struct Memory {
    players: Lru<String, Entry>,
    /// How long an answer is believed, in nanoseconds.
    believed: u64,
    /// Whether the last question was answered.
    well: bool,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    /// The last answer, and when it was given.
    answer: Option<(Answer, u64)>,
    /// When the last question failed, where none was answered since.
    failed: Option<u64>,
}

impl Entry {
    /// What still counts while nothing better is to be had: a state that restricts. Not to know may
    /// never loosen.
    fn rest(&self, now: u64) -> Answer {
        let young = self.answer.as_ref().filter(|(_, at)| now.abs_diff(*at) <= REMEMBERED);
        let Some((answer, _)) = young else { return Answer::default() };
        let told = Told { states: answer.told.states.restrictive(), certain: false };
        Answer { told, jurisdiction: answer.jurisdiction }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(0, 0)
    }
}

impl Memory {
    /// Nothing is known yet.
    pub fn new(players: usize, seconds: u64) -> Self {
        Self { players: Lru::new(players), believed: seconds.saturating_mul(SECOND), well: true }
    }

    /// What is known of a player at `now`, in nanoseconds; `None` where the PAM has to be asked.
    pub fn known(&mut self, player: &str, now: u64) -> Option<Answer> {
        let entry = self.players.get(player)?;
        if entry.failed.is_some_and(|at| now.abs_diff(at) < PAUSE) {
            return Some(entry.rest(now));
        }
        let (answer, at) = entry.answer.as_ref()?;
        let fresh = entry.failed.is_none() && now.abs_diff(*at) < self.believed;
        fresh.then(|| answer.clone())
    }

    /// The same once the PAM has been asked: nobody waits twice.
    pub fn landed(&mut self, player: &str, now: u64) -> Answer {
        match self.players.get(player) {
            Some(Entry { answer: Some((answer, _)), failed: None }) => answer.clone(),
            Some(entry) => entry.rest(now),
            None => Answer::default(),
        }
    }

    /// The same where the PAM is being asked, and nobody waits for what it says: what it said before
    /// is old.
    pub fn unheard(&mut self, player: &str, now: u64) -> Answer {
        self.players.get(player).map(|entry| entry.rest(now)).unwrap_or_default()
    }

    /// The PAM has answered. What it says in words that nobody knows takes nothing back.
    pub fn answered(&mut self, player: &str, mut answer: Answer, now: u64) {
        if !answer.told.certain {
            let before = self.players.get(player).map(|entry| entry.rest(now)).unwrap_or_default();
            answer.told.states = answer.told.states.and(before.told.states);
            answer.jurisdiction = answer.jurisdiction.or(before.jurisdiction);
        }
        self.well = true;
        let entry = Entry { answer: Some((answer, now)), failed: None };
        self.players.insert(player.to_owned(), entry);
    }

    /// The PAM has not answered. Tells whether that is news.
    pub fn failed(&mut self, player: &str, now: u64) -> bool {
        let mut entry = self.players.get(player).cloned().unwrap_or_default();
        entry.failed = Some(now);
        self.players.insert(player.to_owned(), entry);
        std::mem::replace(&mut self.well, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::jurisdiction::Jurisdiction;
    use crate::standing::{PlayerState, States};

    const NOW: u64 = 1_000_000 * SECOND;

    fn answer(state: PlayerState, certain: bool) -> Answer {
        let states: States = [state].into_iter().collect();
        Answer { told: Told { states, certain }, jurisdiction: Jurisdiction::read("MT") }
    }

    fn said(answer: Option<Answer>) -> String {
        let Some(Answer { told, .. }) = answer else { return "ask".to_owned() };
        let names = told.states.names().unwrap_or_else(|| "-".to_owned());
        names + if told.certain { "" } else { "?" }
    }

    #[test]
    fn an_answer_and_its_seconds() {
        let mut memory = Memory::new(8, 5);
        assert_eq!(said(memory.known("p", NOW)), "ask");
        memory.answered("p", answer(PlayerState::Active, true), NOW);
        assert_eq!(said(memory.known("p", NOW)), "active");
        assert_eq!(said(memory.known("p", NOW + 5 * SECOND - 1)), "active");
        assert_eq!(said(memory.known("p", NOW + 5 * SECOND)), "ask");
        assert_eq!(said(memory.known("q", NOW)), "ask");
        assert_eq!(said(memory.known("p", NOW - 3_600 * SECOND)), "ask", "a clock set back");
    }

    #[test]
    fn what_counts_while_the_pam_is_down() {
        for (state, rest) in [(PlayerState::Active, "-?"), (PlayerState::CoolOff, "cool_off?")] {
            let mut memory = Memory::new(8, 5);
            memory.answered("p", answer(state, true), NOW);
            let later = NOW + 10 * SECOND;
            assert_eq!(said(Some(memory.unheard("p", later))), rest);
            assert_eq!(said(Some(memory.unheard("q", later))), "-?");
            assert_eq!(said(memory.known("p", later)), "ask", "it is no failure");
            assert!(memory.failed("p", later), "news");
            assert!(!memory.failed("q", later), "no news any more");
            assert_eq!(said(Some(memory.landed("p", later))), rest);
            assert_eq!(said(memory.known("p", later + SECOND - 1)), rest, "not asked again");
            assert_eq!(said(memory.known("p", later + SECOND)), "ask");
            assert_eq!(said(Some(memory.landed("p", NOW + 3_600 * SECOND))), rest);
            assert_eq!(said(Some(memory.landed("p", NOW + 3_601 * SECOND))), "-?", "an hour on");
            assert_eq!(said(Some(memory.landed("q", later))), "-?");
            memory.answered("p", answer(PlayerState::Active, true), later);
            assert_eq!(said(Some(memory.landed("p", later))), "active");
            assert!(memory.failed("p", later), "news again");
        }
    }

    #[test]
    fn unknown_words_take_nothing_back() {
        let mut memory = Memory::new(8, 5);
        memory.answered("p", answer(PlayerState::SelfExcluded, true), NOW);
        let unknown = Answer::default();
        memory.answered("p", unknown, NOW + SECOND);
        assert_eq!(said(memory.known("p", NOW + SECOND)), "self_excluded?");
        memory.answered("p", answer(PlayerState::Active, true), NOW + 2 * SECOND);
        assert_eq!(said(memory.known("p", NOW + 2 * SECOND)), "active");
    }

    #[test]
    fn players_are_remembered_in_bounds() {
        let mut memory = Memory::new(100, 5);
        for n in 0..10_000 {
            memory.failed(&n.to_string(), NOW);
            memory.answered(&n.to_string(), answer(PlayerState::Active, true), NOW);
        }
        assert_eq!(memory.players.len(), 100);
    }
}
