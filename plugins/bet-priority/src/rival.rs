//! A gateway whose other workers change shared data between this worker's reads and writes.

use policy_kit::fake::FakeHost;
use policy_kit::{forward_host, Fault, Host};

/// What another worker does.
pub(crate) type Act = Box<dyn FnMut(&mut FakeHost)>;

/// A gateway in which another worker acts after each of the first reads of shared data.
pub(crate) struct RivalHost {
    /// The gateway itself.
    pub(crate) host: FakeHost,
    wins: usize,
    act: Act,
}

impl RivalHost {
    /// The other worker acts after so many reads.
    pub(crate) fn new(host: FakeHost, wins: usize, act: Act) -> Self {
        Self { host, wins, act }
    }
}

impl Host for RivalHost {
    fn shared(&mut self, key: &str) -> Result<Option<(Vec<u8>, u32)>, Fault> {
        let mine = self.host.shared(key);
        if self.wins > 0 {
            self.wins -= 1;
            (self.act)(&mut self.host);
        }
        mine
    }
    fn set_shared(&mut self, key: &str, value: &[u8], at: Option<u32>) -> Result<bool, Fault> {
        self.host.set_shared(key, value, at)
    }
    fn now(&mut self) -> Result<u64, Fault> {
        self.host.now()
    }
    fn random(&mut self) -> Option<[u8; 16]> {
        self.host.random()
    }

    forward_host!(host);
}
