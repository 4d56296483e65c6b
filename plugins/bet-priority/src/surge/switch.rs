//! The switch: a small document that the operator's systems serve, polled by one worker for all of its node.
//!
//! A switch that cannot be reached, or that says something malformed, keeps its last state: neither a suspension nor
//! the profile ends because nobody knows. The profile ends at the `until` of the last document. Before the first
//! document the profile is off and no market is suspended by it; another worker's document, or that of an earlier
//! configuration, counts as one's own.

use policy_kit::{
    invalid, member_within, shared_name, CallReply, ConfigError, Host, HttpCall, Service,
};
use policy_kit::{SharedCall, SECOND};

use crate::names::NAME;
use crate::surge::config::SwitchConfig;
use crate::surge::document::SwitchDocument;
use crate::surge::progress::Progress;

/// The key of the shared call that polls the switch.
pub const SWITCH_CALL: &str = "surge switch";
/// Longest document, in bytes.
const MAX_DOCUMENT: usize = 256 << 10;

/// The compiled `surge.switch`.
#[derive(Debug)]
pub struct SwitchRules {
    call: HttpCall,
    every: u64,
    stale: u64,
    progress: String,
    document: String,
}

/// What is known of the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchState {
    /// Nothing: it has not been read yet.
    Unknown,
    /// What it says.
    Fresh,
    /// What it said: it is out of reach.
    Stale,
}

impl SwitchState {
    /// One word, for evidence and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Fresh => "fresh",
            Self::Stale => "stale",
        }
    }
}

impl SwitchRules {
    /// Compiles the configuration's `surge.switch`.
    ///
    /// # Errors
    /// Names the field.
    pub(crate) fn compile(raw: &SwitchConfig, host: &mut dyn Host) -> Result<Self, ConfigError> {
        let at = "surge.switch";
        let service = Service {
            at,
            cluster: &raw.cluster,
            authority: raw.authority.as_deref(),
            path: &raw.path,
            authorization: raw.authorization.as_ref(),
            headers: Some(&raw.headers),
            timeout_ms: raw.timeout_ms,
            max_reply: MAX_DOCUMENT,
        };
        let call = service.call("GET", host)?;
        member_within(raw.poll_s, (1, 60), at, "poll_s")?;
        if raw.stale_s <= raw.poll_s || raw.stale_s > 86_400 {
            let problem = "expected more than `poll_s`, at most 86400";
            return Err(invalid(format!("{at}.stale_s"), problem));
        }
        let name = |kind: &str| shared_name(NAME, kind, &call.parts());
        let (progress, document) = (name("surge.control"), name("surge.document"));
        Ok(Self { call, every: raw.poll_s, stale: raw.stale_s, progress, document })
    }

    /// Timeout of a poll in whole seconds, rounded up.
    fn timeout(&self) -> u64 {
        self.call.timeout.as_secs().saturating_add(1)
    }
}

/// The switch as one worker knows it.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    pub(crate) document: SwitchDocument,
    progress: Progress,
    /// The generation of the shared document that this worker has; 0 for none.
    adopted: u64,
    /// The turn of the pending poll, if it serves all workers.
    turn: Option<Progress>,
    /// Whether this worker's document is one that the shared one lacks.
    unshared: bool,
    /// Whether the gateway does not share so long a document: then each worker polls for itself.
    alone: bool,
}

impl Switch {
    /// What is known of it at `now`, in nanoseconds since the epoch.
    pub(crate) fn state(&self, rules: &SwitchRules, now: u64) -> SwitchState {
        match self.progress.loaded {
            0 => SwitchState::Unknown,
            loaded if (now / SECOND).abs_diff(loaded) > rules.stale => SwitchState::Stale,
            _ => SwitchState::Fresh,
        }
    }

    /// The poll, if one is due at `now` and it is this worker's turn.
    pub(crate) fn due(
        &mut self,
        rules: &SwitchRules,
        host: &mut dyn Host,
        now: u64,
    ) -> Option<SharedCall> {
        let shared = self.adopt(rules, host, now);
        let now = now / SECOND;
        if !self.progress.is_due(now, rules.every, rules.timeout()) {
            return None;
        }
        let turn = Progress { polled: now, pending: true, ..self.progress.clone() };
        self.turn = match shared {
            // Another worker may have been first.
            Some(version) => match host.set_shared(&rules.progress, &turn.value(), version) {
                Ok(false) => return None,
                Ok(true) => Some(turn.clone()),
                Err(_) => None,
            },
            None => None,
        };
        self.progress = turn;
        Some(SharedCall { key: SWITCH_CALL.to_owned(), call: rules.call.clone() })
    }

    /// Takes over what other workers have shared, and returns its version. The outer `None` where this worker has to
    /// poll for itself.
    pub(crate) fn adopt(
        &mut self,
        rules: &SwitchRules,
        host: &mut dyn Host,
        now: u64,
    ) -> Option<Option<u32>> {
        if self.alone {
            return None;
        }
        let Some((value, version)) = host.shared(&rules.progress).ok()? else { return Some(None) };
        let Some(shared) = Progress::of(&value) else { return Some(Some(version)) };
        if shared.generation != self.adopted {
            let (value, _) = host.shared(&rules.document).ok()??;
            let (generation, document) = value.split_first_chunk::<8>()?;
            self.document = SwitchDocument::of(document)?;
            (self.adopted, self.unshared) = (u64::from_be_bytes(*generation), false);
        }
        if !self.progress.is_after(&shared, now / SECOND) {
            self.progress = shared;
        }
        Some(Some(version))
    }

    /// Reads the reply to a poll at `now`.
    pub(crate) fn take(
        &mut self,
        rules: &SwitchRules,
        host: &mut dyn Host,
        reply: &CallReply,
        now: u64,
    ) {
        self.progress.pending = false;
        let read = match reply.document() {
            Ok(body) => SwitchDocument::read(body).map_err(|why| ("malformed", why.to_owned())),
            Err(why) => Err(("failed", why)),
        };
        let result = match read {
            Ok(document) => {
                self.unshared |= self.progress.loaded == 0 || document != self.document;
                self.document = document;
                self.progress.failures = 0;
                // Not when it began, if the clock was set back since.
                self.progress.loaded = self.progress.polled.min(now / SECOND).max(1);
                "ok"
            }
            Err((result, why)) => {
                if self.progress.failures == 0 {
                    let line = format!("{NAME}: the surge switch keeps its last state: {why}");
                    host.log(log::Level::Warn, &line);
                }
                self.progress.failures = self.progress.failures.saturating_add(1);
                result
            }
        };
        host.count(&format!("pitboss.{NAME}.surge_switch.result={result}"));
        if let Some(turn) = self.turn.take() {
            self.share(rules, host, &turn);
        }
    }

    /// Shares document and progress, unless the poll took so long that another worker has taken its turn. Then that
    /// worker's document counts for this one, too.
    fn share(&mut self, rules: &SwitchRules, host: &mut dyn Host, turn: &Progress) {
        let Ok(Some((value, version))) = host.shared(&rules.progress) else { return };
        if Progress::of(&value).as_ref() != Some(turn) {
            self.adopted = 0;
            return;
        }
        if self.unshared {
            self.progress.generation = turn.generation.wrapping_add(1).max(1);
            let generation = self.progress.generation.to_be_bytes();
            let value = [&generation[..], &self.document.value()].concat();
            let there = host.shared(&rules.document);
            let written = there.and_then(|there| {
                host.set_shared(&rules.document, &value, there.map(|(_, version)| version))
            });
            match written {
                Ok(true) => {}
                Ok(false) => {
                    self.adopted = 0;
                    return;
                }
                Err(_) => {
                    self.alone = true;
                    let line = "the gateway does not share the surge switch, each worker polls it";
                    return host.log(log::Level::Warn, &format!("{NAME}: {line}"));
                }
            }
            (self.adopted, self.unshared) = (self.progress.generation, false);
        }
        // A failure means that another worker has taken its turn.
        _ = host.set_shared(&rules.progress, &self.progress.value(), Some(version));
    }
}

#[cfg(test)]
#[path = "switch_tests.rs"]
mod tests;
