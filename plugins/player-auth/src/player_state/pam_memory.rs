//! The PAM's responses about players, cached, and its failures. Players are keyed by the path of the
//! call: if the path has the brand or the issuer, players with the same id are kept apart.

use policy_kit::Lru;

use super::state::{PamPlayer, PlayerStates};
use crate::names::SECOND;

/// After a failed call, the PAM is not asked about the same player for this long, in nanoseconds.
const PAUSE: u64 = SECOND;
/// While the PAM is unavailable, a restrictive state applies for this long after it was reported, in
/// nanoseconds.
const KEEP_RESTRICTIONS: u64 = 3_600 * SECOND;

/// The cached players; the least recently used is dropped first.
#[derive(Debug)]
pub struct PamMemory {
    players: Lru<String, Entry>,
    /// How long a response is cached, in nanoseconds.
    cache: u64,
    /// Whether the last call succeeded.
    available: bool,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    /// The last report, and when it was received.
    report: Option<(PamPlayer, u64)>,
    /// When the last call failed, if none has succeeded since.
    failed: Option<u64>,
}

impl Entry {
    /// What applies while there is no fresh report: states that restrict. A failure must never lift a
    /// restriction.
    fn restrictions(&self, now: u64) -> PamPlayer {
        let kept = self.report.as_ref().filter(|(_, at)| now.abs_diff(*at) <= KEEP_RESTRICTIONS);
        let Some((player, _)) = kept else { return PamPlayer::default() };
        let states = PlayerStates { states: player.states.states.restrictive(), certain: false };
        PamPlayer { states, jurisdiction: player.jurisdiction }
    }
}

impl Default for PamMemory {
    fn default() -> Self {
        Self::new(0, 0)
    }
}

impl PamMemory {
    /// An empty cache of so many players, each for so many seconds.
    pub fn new(players: usize, seconds: u64) -> Self {
        Self { players: Lru::new(players), cache: seconds.saturating_mul(SECOND), available: true }
    }

    /// The player with this path at `now`, in nanoseconds; `None` if the PAM has to be asked.
    pub fn get(&mut self, path: &str, now: u64) -> Option<PamPlayer> {
        let entry = self.players.get(path)?;
        if entry.failed.is_some_and(|at| now.abs_diff(at) < PAUSE) {
            return Some(entry.restrictions(now));
        }
        let (player, at) = entry.report.as_ref()?;
        let fresh = entry.failed.is_none() && now.abs_diff(*at) < self.cache;
        fresh.then(|| player.clone())
    }

    /// The player for a request that has waited for the PAM: it must not wait again.
    pub fn after_call(&mut self, path: &str, now: u64) -> PamPlayer {
        match self.players.get(path) {
            Some(Entry { report: Some((player, _)), failed: None }) => player.clone(),
            Some(entry) => entry.restrictions(now),
            None => PamPlayer::default(),
        }
    }

    /// The player for a request that may not wait: the last report has expired.
    pub fn without_call(&mut self, path: &str, now: u64) -> PamPlayer {
        self.players.get(path).map(|entry| entry.restrictions(now)).unwrap_or_default()
    }

    /// Stores a report. One that is not certain does not lift restrictions of the report before it.
    pub fn store(&mut self, path: &str, mut player: PamPlayer, now: u64) {
        if !player.states.certain {
            let before = self.without_call(path, now);
            player.states.states = player.states.states.and(before.states.states);
            player.jurisdiction = player.jurisdiction.or(before.jurisdiction);
        }
        self.available = true;
        let entry = Entry { report: Some((player, now)), failed: None };
        self.players.insert(path.to_owned(), entry);
    }

    /// Records a failed call. Returns whether it is the first since the last success.
    pub fn failed(&mut self, path: &str, now: u64) -> bool {
        let mut entry = self.players.get(path).cloned().unwrap_or_default();
        entry.failed = Some(now);
        self.players.insert(path.to_owned(), entry);
        std::mem::replace(&mut self.available, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::player_state::jurisdiction::Jurisdiction;
    use crate::player_state::state::{PlayerState, States};

    const NOW: u64 = 1_000_000 * SECOND;

    fn player(state: PlayerState, certain: bool) -> PamPlayer {
        let states: States = [state].into_iter().collect();
        let states = PlayerStates { states, certain };
        PamPlayer { states, jurisdiction: Jurisdiction::read("MT") }
    }

    fn shown(player: Option<PamPlayer>) -> String {
        let Some(PamPlayer { states, .. }) = player else { return "ask".to_owned() };
        let names = states.states.names().unwrap_or_else(|| "-".to_owned());
        names + if states.certain { "" } else { "?" }
    }

    #[test]
    fn a_report_is_cached_for_its_seconds() {
        let mut memory = PamMemory::new(8, 5);
        assert_eq!(shown(memory.get("p", NOW)), "ask");
        memory.store("p", player(PlayerState::Active, true), NOW);
        assert_eq!(shown(memory.get("p", NOW)), "active");
        assert_eq!(shown(memory.get("p", NOW + 5 * SECOND - 1)), "active");
        assert_eq!(shown(memory.get("p", NOW + 5 * SECOND)), "ask");
        assert_eq!(shown(memory.get("q", NOW)), "ask");
        assert_eq!(shown(memory.get("p", NOW - 3_600 * SECOND)), "ask", "a clock set back");
    }

    #[test]
    fn restrictions_apply_while_the_pam_is_unavailable() {
        for (state, rest) in [(PlayerState::Active, "-?"), (PlayerState::CoolOff, "cool_off?")] {
            let mut memory = PamMemory::new(8, 5);
            memory.store("p", player(state, true), NOW);
            let later = NOW + 10 * SECOND;
            assert_eq!(shown(Some(memory.without_call("p", later))), rest);
            assert_eq!(shown(Some(memory.without_call("q", later))), "-?");
            assert_eq!(shown(memory.get("p", later)), "ask", "no failure is recorded");
            assert!(memory.failed("p", later), "the first failure");
            assert!(!memory.failed("q", later), "a later failure");
            assert_eq!(shown(Some(memory.after_call("p", later))), rest);
            assert_eq!(shown(memory.get("p", later + SECOND - 1)), rest, "not asked again");
            assert_eq!(shown(memory.get("p", later + SECOND)), "ask");
            assert_eq!(shown(Some(memory.after_call("p", NOW + 3_600 * SECOND))), rest);
            assert_eq!(
                shown(Some(memory.after_call("p", NOW + 3_601 * SECOND))),
                "-?",
                "an hour on"
            );
            assert_eq!(shown(Some(memory.after_call("q", later))), "-?");
            memory.store("p", player(PlayerState::Active, true), later);
            assert_eq!(shown(Some(memory.after_call("p", later))), "active");
            assert!(memory.failed("p", later), "the first failure again");
        }
    }

    #[test]
    fn an_uncertain_report_lifts_no_restriction() {
        let mut memory = PamMemory::new(8, 5);
        memory.store("p", player(PlayerState::SelfExcluded, true), NOW);
        let unknown = PamPlayer::default();
        memory.store("p", unknown, NOW + SECOND);
        assert_eq!(shown(memory.get("p", NOW + SECOND)), "self_excluded?");
        memory.store("p", player(PlayerState::Active, true), NOW + 2 * SECOND);
        assert_eq!(shown(memory.get("p", NOW + 2 * SECOND)), "active");
    }

    #[test]
    fn the_number_of_players_is_bounded() {
        let mut memory = PamMemory::new(100, 5);
        for n in 0..10_000 {
            memory.failed(&n.to_string(), NOW);
            memory.store(&n.to_string(), player(PlayerState::Active, true), NOW);
        }
        assert_eq!(memory.players.len(), 100);
    }
}
