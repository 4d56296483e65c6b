//! What one worker has of something scarce, and which owner has how much of it: places of those that wait,
//! questions that are out. As long as there is enough, everybody has what it wants up to its share. Where it
//! gets scarce, a player has one, and only if it had none for some time: so a crowd of players who want all of
//! it, over and over, does not keep out those who want it now and then. Partners have a reserve besides.

use policy_kit::SortedMap;

use crate::{Owner, Part, PerPart};

/// How much there is of something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scarce {
    /// In all, by whom it may be taken: what players cannot have is the partners' reserve.
    pub(crate) most: PerPart<usize>,
    /// For one owner at once.
    pub(crate) share: PerPart<usize>,
    /// Until so much is taken there is enough.
    pub(crate) enough: usize,
    /// For how long a player that had one has none where it is scarce, in nanoseconds.
    pub(crate) pause: u64,
}

/// Most owners that are told apart; those who find no room share one turn.
const OWNERS: usize = 16_384;

/// Who has how much.
#[derive(Debug)]
pub(crate) struct Shares {
    scarce: Scarce,
    owners: SortedMap<[u8; 16], Share>,
    /// Of all owners that found no room.
    rest: Share,
    /// How much is taken, by players and partners together.
    taken: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    held: usize,
    pauses_until: u64,
}

impl Shares {
    pub(crate) fn new(scarce: Scarce) -> Self {
        Self { scarce, owners: SortedMap::default(), rest: Share::default(), taken: 0 }
    }

    /// Takes one for an owner, if it may have one: `false` where not.
    pub(crate) fn take(&mut self, owner: &Owner, now: u64) -> bool {
        let (part, scarce, taken) = (owner.part(), self.scarce, self.taken);
        let is_scarce = part == Part::Players && taken >= scarce.enough;
        let share = self.share(owner, now);
        let most = if is_scarce { 1 } else { *scarce.share.of(part) };
        // More than any pause: the clock was set back.
        let pauses = share.pauses_until > now && share.pauses_until - now <= scarce.pause;
        if taken >= *scarce.most.of(part) || share.held >= most || (is_scarce && pauses) {
            return false;
        }
        share.held += 1;
        self.taken += 1;
        true
    }

    /// Gives one back.
    pub(crate) fn give_back(&mut self, owner: &Owner, now: u64) {
        self.taken = self.taken.saturating_sub(1);
        let pauses_until = now.saturating_add(self.scarce.pause);
        let share = match self.owners.get_mut(&owner.short()) {
            Some(share) => share,
            None => &mut self.rest,
        };
        share.held = share.held.saturating_sub(1);
        share.pauses_until = pauses_until;
        if self.taken == 0 {
            // Whoever moved from the rest to a place of its own gave back there.
            self.rest.held = 0;
        }
    }

    fn share(&mut self, owner: &Owner, now: u64) -> &mut Share {
        let id = owner.short();
        if !self.owners.contains_key(&id) {
            if self.owners.len() >= OWNERS {
                self.owners.retain(|_, share| share.held > 0 || share.pauses_until > now);
            }
            if self.owners.len() < OWNERS {
                self.owners.insert(id, Share::default());
            }
        }
        match self.owners.get_mut(&id) {
            Some(share) => share,
            None => &mut self.rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn shares(enough: usize) -> Shares {
        let (most, share) =
            (PerPart { players: 6, partners: 8 }, PerPart { players: 2, partners: 3 });
        Shares::new(Scarce { most, share, enough, pause: 10 * SECOND })
    }

    fn owner(kind: &str, number: usize) -> Owner {
        Owner::new("otter", kind, &number.to_string())
    }

    #[test]
    fn one_owner_has_its_share_and_partners_a_reserve() {
        let mut shares = shares(4);
        for (kind, number, want) in [
            ("player", 1, [true, true, false]),
            ("player", 2, [true, true, false]),
            // It gets scarce.
            ("player", 3, [true, false, false]),
            ("player", 4, [true, false, false]),
            ("player", 5, [false, false, false]),
            ("partner", 1, [true, true, false]),
        ] {
            let took = [(); 3].map(|()| shares.take(&owner(kind, number), 0));
            assert_eq!(took, want, "{kind} {number}");
        }
        for _ in 0..3 {
            shares.give_back(&owner("player", 1), 0);
        }
        assert!(shares.take(&owner("player", 5), 0), "what is given back is there again");
    }

    #[test]
    fn whoever_had_one_pauses_where_it_is_scarce() {
        for (enough, kind, after) in [(0, "player", 10), (1, "player", 0), (0, "partner", 0)] {
            let (mut shares, who) = (shares(enough), owner(kind, 1));
            assert!(shares.take(&who, 0));
            shares.give_back(&who, 0);
            let first = (0..20).find(|at| shares.take(&who, at * SECOND));
            assert_eq!(first, Some(after), "{kind}, {enough}");
        }
    }

    #[test]
    fn a_flood_of_owners_takes_no_room() {
        let mut shares = shares(0);
        for number in 0..2 * OWNERS {
            let took = shares.take(&owner("player", number), 0);
            assert_eq!(took, number <= OWNERS, "{number}");
            if took {
                shares.give_back(&owner("player", number), 0);
            }
        }
        assert_eq!(shares.owners.len(), OWNERS);
        assert!(
            shares.take(&owner("player", 3 * OWNERS), 10 * SECOND),
            "those who paused are gone"
        );
    }
}
