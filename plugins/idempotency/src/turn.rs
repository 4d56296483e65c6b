//! How many retries may wait for a first attempt: each of them is looked for at every tick, and Envoy
//! goes on with those whose wait ends at one tick on the stack of one another.

use std::cell::Cell;
use std::rc::Rc;

/// Most retries of one worker that wait for the first attempt at once. With
/// several hundred whose wait ended at once Envoy 1.40 would lose the VM.
const MOST_WAITING: usize = 64;

/// One of those that wait for another's answer, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Rc<Cell<usize>>);

impl Turn {
    /// `None` where so many wait already that looking for all of them would keep the worker from work.
    pub(crate) fn take(waiting: &Rc<Cell<usize>>) -> Option<Self> {
        (waiting.get() < MOST_WAITING).then(|| {
            waiting.set(waiting.get() + 1);
            Self(Rc::clone(waiting))
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_and_no_more() {
        let waiting = Rc::default();
        let mut turns: Vec<_> = (0..MOST_WAITING).map(|_| Turn::take(&waiting)).collect();
        assert!(turns.iter().all(Option::is_some));
        assert!(Turn::take(&waiting).is_none());
        turns.pop();
        assert!(Turn::take(&waiting).is_some(), "whoever leaves makes room");
    }
}
