//! The pending calls of a VM, and which streams wait for each: one stream for its own call, several for a
//! shared call.

use policy_kit::{Fault, HttpCall};

/// Sends a call and returns its token.
pub(crate) type Send = fn(&HttpCall) -> Result<u32, Fault>;

/// Whose calls and attributes the gateway is asked for.
#[derive(Clone, Copy)]
pub(crate) struct At {
    /// The context of the configuration.
    pub(crate) root: u32,
    /// The context of the stream; the same where there is none.
    pub(crate) context: u32,
}

/// Every pending call of a VM. Lists, because they are short, and a module without calls should not carry a
/// map's code.
#[derive(Default)]
pub(crate) struct PendingCalls {
    /// Set where the module exports the callback that brings replies. A function, so that modules without it
    /// do not import the call.
    pub(crate) send: Option<Send>,
    /// Tokens of streams' own calls, and the stream of each.
    pub(crate) own: Vec<(u32, u32)>,
    pub(crate) shared: Vec<PendingShared>,
}

/// A shared call, and its token.
pub(crate) struct PendingShared {
    pub(crate) token: u32,
    pub(crate) call: WaitedFor,
}

/// What a shared call is about, and who waits for it.
pub(crate) struct WaitedFor {
    /// The configuration that it belongs to.
    pub(crate) root: u32,
    /// Its key.
    pub(crate) key: String,
    /// Most bytes of body to read.
    pub(crate) max_reply: usize,
    /// Streams that wait for it, in the order they came.
    pub(crate) waiting: Vec<u32>,
}

/// The call that a token belongs to.
pub(crate) enum Completed {
    /// A stream's own.
    Own {
        /// The stream.
        stream: u32,
    },
    /// A shared one.
    Shared(WaitedFor),
}

impl PendingCalls {
    /// The pending shared call of a configuration with this key.
    pub(crate) fn find(&mut self, root: u32, key: &str) -> Option<&mut WaitedFor> {
        let found = self.shared.iter_mut().find(|it| it.call.root == root && it.call.key == key);
        found.map(|it| &mut it.call)
    }

    /// Whether a shared call of a configuration is pending.
    pub(crate) fn is_pending(&self, root: u32) -> bool {
        self.shared.iter().any(|it| it.call.root == root)
    }

    /// Takes out the call of a token. A token counts once.
    pub(crate) fn complete(&mut self, token: u32) -> Option<Completed> {
        if let Some(at) = self.own.iter().position(|(own, _)| *own == token) {
            return Some(Completed::Own { stream: self.own.swap_remove(at).1 });
        }
        let at = self.shared.iter().position(|it| it.token == token)?;
        Some(Completed::Shared(self.shared.swap_remove(at).call))
    }

    /// A context is gone: a stream waits no longer, and the shared calls of a configuration have no owner.
    pub(crate) fn forget(&mut self, context: u32) {
        for shared in &mut self.shared {
            shared.call.waiting.retain(|stream| *stream != context);
        }
        self.own.retain(|(_, stream)| *stream != context);
        self.shared.retain(|shared| shared.call.root != context);
    }
}
