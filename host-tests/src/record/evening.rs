//! The second recording: a whole evening of players, partners, bots and broken clients.
//!
//! 1. Each client is a script that waits for each answer: it uses the tokens, bets and rounds that the casino
//!    issued.
//! 2. All scripts share one virtual time. The script with the earliest request sends next, and the next
//!    request is sent only after the answer: requests of one recording never overlap.
//! 3. Each script has its own seeded dice, so that the same seed and the same answers give the same evening.
mod bots;
mod broken;
mod client;
mod dice;
mod goal;
mod impostor;
mod mailbox;
mod partners;
mod player;
mod schedule;
mod sender;
mod table;

pub use goal::Crowd;
pub use schedule::Evening;

use dice::Dice;

impl Evening {
    /// The evening of a seed.
    pub fn new(seed: u64) -> Self {
        let mut evening = Self::empty();
        let mut dice = Dice::new(seed);
        player::add_scripts(&mut evening, &mut dice);
        partners::add_scripts(&mut evening, &mut dice);
        bots::add_scripts(&mut evening, &mut dice);
        broken::add_scripts(&mut evening, &mut dice);
        impostor::add_scripts(&mut evening, &mut dice);
        evening.begin();
        evening
    }

    /// The minutes around a goal, with so many clients, of a seed.
    pub fn goal(seed: u64, crowd: Crowd) -> Self {
        let mut evening = Self::empty();
        goal::add_scripts(&mut evening, &mut Dice::new(seed), crowd);
        evening.begin();
        evening
    }
}
