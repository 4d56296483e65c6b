//! What is written can be read.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn answers_round_trip(
        status in 200..600_u16,
        headers in prop::collection::vec(("[a-z-]{1,9}", prop::collection::vec(any::<u8>(), 0..9)), 0..4),
        body in prop::collection::vec(any::<u8>(), 0..99),
        cut in 0..99_usize,
    ) {
        let answer = Answer { status, headers, body };
        let mut out = Writer::default();
        answer.write(&mut out);
        let bytes = out.done();
        prop_assert_eq!(Answer::read(&bytes), Some(answer));
        let cut = cut.min(bytes.len() - 1);
        prop_assert_eq!(Answer::read(&bytes[..cut]), None);
    }

    #[test]
    fn entries_round_trip(
        fence: u64, expires: u64, deadline: u64, status: u16, length: u32, kind in 0..5_u8,
    ) {
        let completed = |body| KeyState::Settled(Outcome::Completed(KeptAnswer { status, body }));
        let state = match kind {
            0 => KeyState::InProgress,
            1 => completed(KeptBody::Whole(length)),
            2 => completed(KeptBody::Digest([7; 32])),
            3 => KeyState::Settled(Outcome::NotKept { status }),
            _ => KeyState::Settled(Outcome::Unknown),
        };
        let fingerprint = Fingerprint([9; 32]);
        let entry = Entry { fingerprint, fence: Fence(fence), deadline, expires, state };
        let mut out = Writer::default();
        entry.write(&mut out);
        let bytes = out.done();
        prop_assert_eq!(bytes.len(), Entry::LENGTH);
        prop_assert_eq!(Entry::written_answer_bytes(&bytes), entry.answer_bytes());
        prop_assert_eq!(Entry::read(expires, &mut Reader::new(&bytes)), Some(entry));
        prop_assert_eq!(Entry::read(expires, &mut Reader::new(&bytes[1..])), None);
    }
}
