//! Every status of every host call of a module, at every occurrence. Required of all modules: no trap, no
//! refused request passes, and no request waits for ever.

use abi_host::{Chain, Ending, Fault, Faults, HostError, Module, Occurrence, Profile, Report};

use super::outcome;

/// Every status of the ABI, those that no host should answer, and one beyond.
const STATUSES: [u32; 14] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99];

/// Statuses of closing a stream when a refusal cannot be sent; none in the first case.
const CLOSING: [Option<u32>; 5] = [None, Some(0), Some(2), Some(10), Some(99)];

const PROFILES: [Profile; 2] = [Profile::Envoy, Profile::Wasmx];

/// Calls whose failure changes nothing that is decided: a gateway that does not check signatures or
/// share keys leaves that to the module.
const HARMLESS: [&str; 7] = [
    "proxy_log",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_call_foreign_function",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "fd_write",
];

/// Calls that are needed to resume a held stream.
const RESUMING: [&str; 4] = [
    "proxy_continue_stream",
    "proxy_set_effective_context",
    "proxy_send_local_response",
    "proxy_close_stream",
];

/// Longest that a request waits, in nanoseconds.
const PATIENCE: u64 = 500_000_000;

/// The module under test.
pub(crate) struct Subject {
    /// Its name in the chain.
    pub(crate) plugin: &'static str,
    /// The module.
    pub(crate) module: &'static Module,
}

/// A request, and its outcome without faults.
pub(crate) trait Scene {
    fn name(&self) -> &str;

    /// The outcome, as of [`outcome`].
    fn want(&self) -> &str;

    /// Whether a chain serves one request only, because its state affects the next.
    fn alone(&self) -> bool {
        false
    }

    /// Whether the headers pass before the refusal.
    fn leaves_early(&self) -> bool {
        false
    }

    fn start(&self, profile: Profile, faults: &Faults) -> Chain;

    /// The request; a different one each time if caches must not apply.
    fn ask(&self, chain: &mut Chain) -> Report;

    /// Whether this fault has no effect.
    fn survives(&self, failed: &Failed<'_>) -> bool {
        failed.first_look()
    }

    /// Additional requirements of this scene.
    fn judge(&self, report: &Report, failed: &Failed<'_>, case: &str);
}

/// A host call that fails.
pub(crate) struct Failed<'a> {
    profile: Profile,
    pub(crate) call: &'a str,
    pub(crate) status: u32,
    occurrence: Occurrence,
    /// Whether the call is made and its failure has an effect.
    pub(crate) made: bool,
}

impl Failed<'_> {
    /// WasmX's end of stream is read off the headers first; the policy reads them again.
    pub(crate) fn first_look(&self) -> bool {
        self.profile == Profile::Wasmx
            && self.call == "proxy_get_header_map_pairs"
            && self.status != 0
            && self.occurrence == Occurrence::Only(1)
    }

    /// Whether it changes nothing that is decided.
    pub(crate) fn harmless(&self) -> bool {
        // A gateway that returns Ok without a result has not checked the signature.
        let silent = self.is("proxy_call_foreign_function", 0);
        !self.made || (HARMLESS.contains(&self.call) && !silent)
    }

    /// Whether the host returned Ok without an effect, which cannot be detected for writes.
    pub(crate) fn lost_write(&self) -> bool {
        self.status == 0 && !self.call.contains("_get_")
    }

    fn is(&self, call: &str, status: u32) -> bool {
        self.call == call && self.status == status
    }
}

/// Runs a scene once for each call, occurrence and status. How many that were.
pub(crate) fn run_scene(subject: &Subject, scene: &impl Scene, profile: Profile) -> u32 {
    let faults = Faults::new();
    let plugin = subject.plugin;
    let mut chain = scene.start(profile, &faults);
    if !scene.alone() {
        // Counters are defined, what can be remembered is.
        assert_eq!(outcome(&scene.ask(&mut chain)), scene.want(), "{} {profile:?}", scene.name());
    }
    let before = chain.trace(plugin);
    assert_eq!(outcome(&scene.ask(&mut chain)), scene.want(), "{} {profile:?}", scene.name());
    let after = chain.trace(plugin);
    let mut tried = 0;
    for call in subject.module.host_calls() {
        // Each occurrence within one request by itself, and all of them together.
        let made = after.count(call) - before.count(call);
        for occurrence in (1..=made).map(Occurrence::Only).chain([Occurrence::Every]) {
            for status in STATUSES {
                faults.clear();
                if scene.alone() {
                    chain = scene.start(profile, &faults);
                }
                faults.inject(Fault::new(call, status).plugin(plugin).occurrence(occurrence));
                let report = scene.ask(&mut chain);
                let case = format!("{profile:?} {} {call} {status} {occurrence:?}", scene.name());
                let mut failed = Failed { profile, call, status, occurrence, made: made > 0 };
                failed.made &= !scene.survives(&failed);
                judge(scene, &report, &failed, &case);
                tried += 1;
            }
        }
    }
    faults.clear();
    if !scene.alone() {
        assert_eq!(outcome(&scene.ask(&mut chain)), scene.want(), "the VM has come to harm");
    }
    tried
}

fn judge(scene: &impl Scene, report: &Report, failed: &Failed<'_>, case: &str) {
    assert_eq!(report.traps, [], "{case}");
    let got = outcome(report);
    if failed.harmless() {
        assert_eq!(got, scene.want(), "{case}");
    }
    let waited = report.ended - report.started;
    // A gateway that accepts a call and never completes it holds the stream itself.
    let held = failed.is("proxy_http_call", 0) || RESUMING.contains(&failed.call);
    assert!(held || waited <= PATIENCE, "{case}: {waited} ns, {:?}", report.ending);
    if scene.want() != "allow" {
        assert_stopped(scene, report, case);
        assert_ne!(got, "allow", "{case}");
    }
    scene.judge(report, failed, case);
}

/// Nothing of it reached the upstream, or nothing but its headers.
fn assert_stopped(scene: &impl Scene, report: &Report, case: &str) {
    let stopped = match &report.upstream {
        Some(upstream) => scene.leaves_early() && !upstream.complete,
        None => true,
    };
    assert!(stopped, "{case}: {:?}", report.upstream);
}

/// A refusal that the gateway does not send is not a pass.
pub(crate) fn refusals_that_cannot_be_sent<'a, S: Scene + 'a>(
    subject: &Subject,
    scenes: impl IntoIterator<Item = &'a S>,
) {
    let plugin = subject.plugin;
    let mut refused = 0;
    for scene in scenes.into_iter().filter(|scene| scene.want() != "allow") {
        for profile in PROFILES {
            let mut well = scene.start(profile, &Faults::new());
            assert_eq!(
                outcome(&scene.ask(&mut well)),
                scene.want(),
                "{} {profile:?}",
                scene.name()
            );
            for (status, close) in
                STATUSES.into_iter().flat_map(|status| CLOSING.map(|close| (status, close)))
            {
                let faults = Faults::new();
                let mut chain = scene.start(profile, &faults);
                faults.inject(Fault::new("proxy_send_local_response", status).plugin(plugin));
                if let Some(close) = close {
                    faults.inject(Fault::new("proxy_close_stream", close).plugin(plugin));
                }
                let report = scene.ask(&mut chain);
                let name = scene.name();
                let case = format!("{name} {profile:?} {status} {close:?}: {:?}", report.ending);
                assert_stopped(scene, &report, &case);
                assert_eq!(report.traps, [], "{case}");
                assert_ne!(report.ending, Ending::Completed, "{case}");
            }
        }
        refused += 1;
    }
    assert!(refused > 0, "no scene is refused");
}

/// During configuration: the module starts or refuses to start, and does not trap. Once started, it decides
/// as usual, which `decides` asserts.
pub(crate) fn configuring(
    subject: &Subject,
    start: impl Fn(Profile, &Faults) -> Result<Chain, HostError>,
    decides: impl Fn(&mut Chain, &str),
) {
    for profile in PROFILES {
        for call in subject.module.host_calls() {
            for status in STATUSES {
                let faults = Faults::new();
                faults.inject(Fault::new(call, status).plugin(subject.plugin));
                let case = format!("{profile:?} {call} {status}");
                match start(profile, &faults) {
                    Ok(mut chain) => {
                        faults.clear();
                        decides(&mut chain, &case);
                    }
                    Err(error) => {
                        let text = error.to_string();
                        assert!(text.contains("on_configure returned false"), "{case}: {text}");
                        assert_eq!(call, "proxy_get_buffer_bytes", "{case}");
                    }
                }
            }
        }
    }
}
