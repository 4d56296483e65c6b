//! How many retries may wait for a first attempt: each of them is looked for at the ticks, 64 at each, and
//! holds a stream. Nobody takes all places.

use std::cell::RefCell;
use std::rc::Rc;

use crate::share::{Scarce, Shares};
use crate::{Owner, PerPart};

/// Most retries of one worker that wait at once; the shell has as many places. While more than a quarter
/// are taken, a player has one in half an hour.
const PLACES: Scarce = Scarce {
    most: PerPart { players: 896, partners: 1_024 },
    share: PerPart { players: 16, partners: 128 },
    enough: 256,
    pause: 1_800_000_000_000,
};

/// The places of one worker.
#[derive(Clone, Debug)]
pub(crate) struct Places(Rc<RefCell<Shares>>);

/// One of those that wait for another's answer, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    places: Places,
    owner: Owner,
    /// When it was last looked for.
    pub(crate) looked: u64,
}

impl Default for Places {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(Shares::new(PLACES))))
    }
}

impl Places {
    /// A place for a retry of `owner`; `None` where it has its share, or others have all places.
    pub(crate) fn take(&self, owner: &Owner, now: u64) -> Option<Box<Turn>> {
        let mut shares = self.0.try_borrow_mut().ok()?;
        let turn = || Box::new(Turn { places: self.clone(), owner: *owner, looked: now });
        shares.take(owner, now).then(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Ok(mut shares) = self.places.0.try_borrow_mut() {
            shares.give_back(&self.owner, self.looked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_has_sixteen_places_and_leaves_the_others() {
        let (places, owner) = (Places::default(), Owner::new("otter", "player", "p-1"));
        let mut turns: Vec<_> = (0..64).map(|_| places.take(&owner, 0)).collect();
        assert_eq!(turns.iter().flatten().count(), 16);
        assert!(places.take(&Owner::new("otter", "player", "p-2"), 0).is_some());
        turns.pop();
        turns.clear();
        assert!(places.take(&owner, 1).is_some(), "there is enough");
    }
}
