//! Workers over one fake gateway: which one polls, what the others adopt, and what a failure loses.

use super::*;
use crate::revocation::owners::Owners;
use policy_kit::fake::FakeHost;
use policy_kit::Headers;

const NOW: u64 = 1_700_000_000;

fn feed(extra: &str) -> Feed {
    let json = format!(r#"{{"cluster": "pam", "max_entries": 5{extra}}}"#);
    let raw = policy_kit::parse(json.as_bytes()).unwrap();
    Feed::compile(raw, &[], 60, Owners::default(), &mut FakeHost::default()).unwrap()
}

fn page(players: &[(&str, u64)], cursor: &str, more: bool) -> CallReply {
    let item = |(id, at): &(&str, u64)| format!(r#"{{"player": "{id}", "revoked_at": {at}}}"#);
    let items: Vec<_> = players.iter().map(item).collect();
    let body = format!(
        r#"{{"revocations": [{}], "cursor": "{cursor}", "more": {more}}}"#,
        items.join(",")
    );
    answer(200, &body)
}

fn answer(status: u16, body: &str) -> CallReply {
    let headers = Headers::default();
    CallReply::Response { status, headers, body: body.as_bytes().to_vec(), cut: false }
}

fn token(player: &str) -> TokenMarks {
    TokenMarks::new(("", None), player, None, NOW - 100)
}

/// The path that a worker polls at its tick; `-` if it does not poll.
fn tick(worker: &mut Revocations, feed: &Feed, host: &mut FakeHost, now: u64) -> String {
    let poll = worker.tick(feed, host, now);
    let mut headers = poll.into_iter().flat_map(|poll| poll.call.headers);
    let path = headers.find(|(name, _)| name == ":path").map(|(_, path)| path);
    path.unwrap_or_else(|| "-".to_owned())
}

fn status(worker: &Revocations, feed: &Feed, player: &str, now: u64) -> &'static str {
    match worker.check(feed, &token(player), now) {
        RevocationCheck::Clear => "clear",
        RevocationCheck::Revoked => "revoked",
        RevocationCheck::Unknown(evidence) => evidence,
    }
}

#[test]
fn a_worker_reads_the_feed_and_then_polls_after_its_cursor() {
    let (feed, mut host, mut w) = (feed(""), FakeHost::default(), Revocations::default());
    assert_eq!(status(&w, &feed, "p", NOW), "revocations_unloaded");
    assert_eq!(tick(&mut w, &feed, &mut host, NOW), "/revocations");
    assert_eq!(tick(&mut w, &feed, &mut host, NOW + 1), "-", "one at a time");
    w.on_poll(&feed, &mut host, &page(&[("p", NOW)], "a/1", true), NOW);
    assert_eq!(status(&w, &feed, "p", NOW), "revoked", "as soon as it is known");
    assert_eq!(status(&w, &feed, "q", NOW), "revocations_unloaded", "there is more");
    assert_eq!(tick(&mut w, &feed, &mut host, NOW), "/revocations?since=a%2F1", "at once");
    w.on_poll(&feed, &mut host, &page(&[], "2", false), NOW);
    assert_eq!(status(&w, &feed, "q", NOW), "clear");
    assert_eq!(tick(&mut w, &feed, &mut host, NOW), "-", "not before a second is over");
    assert_eq!(tick(&mut w, &feed, &mut host, NOW + 1), "/revocations?since=2");
    w.on_poll(&feed, &mut host, &page(&[("q", NOW + 1)], "3", false), NOW + 1);
    assert_eq!(status(&w, &feed, "q", NOW + 1), "revoked");
    assert_eq!(status(&w, &feed, "r", NOW + 61), "clear");
    assert_eq!(status(&w, &feed, "r", NOW + 62), "revocations_stale");
    assert_eq!(status(&w, &feed, "q", NOW + 62), "revoked", "however old that is");
    let ok = "pitboss.player-auth.revocations.result=ok";
    assert_eq!(host.counters.get(ok), Some(&3));
}

#[test]
fn a_failed_poll_loses_nothing() {
    let (feed, mut host, mut w) = (feed(""), FakeHost::default(), Revocations::default());
    tick(&mut w, &feed, &mut host, NOW);
    w.on_poll(&feed, &mut host, &page(&[("p", NOW)], "1", false), NOW);
    let bad = [answer(500, ""), answer(200, "{"), CallReply::NoResponse, page(&[], "1", true)];
    let mut now = NOW + 1;
    for (reply, pause) in bad.iter().zip([1, 2, 4, 8]) {
        assert_eq!(tick(&mut w, &feed, &mut host, now), "/revocations?since=1", "{reply:?}");
        w.on_poll(&feed, &mut host, reply, now);
        assert_eq!(status(&w, &feed, "p", now), "revoked");
        assert_eq!(status(&w, &feed, "q", now), "clear");
        assert_eq!(tick(&mut w, &feed, &mut host, now + pause - 1), "-", "{reply:?}");
        now += pause;
    }
    assert_eq!(host.logs.len(), 1, "logged once: {:?}", host.logs);
    assert_eq!(tick(&mut w, &feed, &mut host, now), "/revocations?since=1");
    w.on_poll(&feed, &mut host, &page(&[("q", now)], "2", false), now);
    assert_eq!(status(&w, &feed, "q", now), "revoked");
    // A feed that forgot its cursors is read again, and known revocations stay.
    assert_eq!(tick(&mut w, &feed, &mut host, now + 1), "/revocations?since=2");
    w.on_poll(&feed, &mut host, &answer(410, ""), now + 1);
    assert_eq!(tick(&mut w, &feed, &mut host, now + 2), "/revocations");
    w.on_poll(&feed, &mut host, &answer(410, ""), now + 2);
    assert_eq!(status(&w, &feed, "q", now + 2), "revoked");
}

#[test]
fn workers_share_one_poll() {
    let (feed, mut host) = (feed(""), FakeHost::default());
    let (mut a, mut b) = (Revocations::default(), Revocations::default());
    assert_eq!(tick(&mut a, &feed, &mut host, NOW), "/revocations");
    assert_eq!(tick(&mut b, &feed, &mut host, NOW), "-", "the other one asks");
    a.on_poll(&feed, &mut host, &page(&[("p", NOW)], "1", true), NOW);
    assert_eq!(tick(&mut b, &feed, &mut host, NOW), "/revocations?since=1", "either goes on");
    assert_eq!(status(&b, &feed, "p", NOW), "revoked");
    b.on_poll(&feed, &mut host, &page(&[("q", NOW)], "2", false), NOW);
    assert_eq!(tick(&mut a, &feed, &mut host, NOW), "-");
    for worker in [&a, &b] {
        assert_eq!(
            ["p", "q", "r"].map(|id| status(worker, &feed, id, NOW)),
            ["revoked", "revoked", "clear"]
        );
    }
    // A new worker adopts the table without a poll.
    let mut c = Revocations::default();
    c.adopt(&feed, &mut host, NOW);
    assert_eq!(status(&c, &feed, "q", NOW), "revoked");
    assert_eq!(status(&c, &feed, "r", NOW), "clear");
    // A table that has not changed is not read.
    let reads = host.shared.len();
    assert_eq!(reads, 2, "two entries, whatever happens");
}

#[test]
fn a_worker_that_dies_during_a_poll_is_replaced() {
    let (feed, mut host) = (feed(""), FakeHost::default());
    let (mut a, mut b) = (Revocations::default(), Revocations::default());
    assert_eq!(tick(&mut a, &feed, &mut host, NOW), "/revocations");
    assert_eq!(tick(&mut b, &feed, &mut host, NOW + 3), "-");
    assert_eq!(tick(&mut b, &feed, &mut host, NOW + 4), "/revocations");
    // Its turn is over, but it keeps what it has read.
    a.on_poll(&feed, &mut host, &page(&[("p", NOW)], "1", false), NOW + 4);
    assert_eq!(status(&a, &feed, "p", NOW + 4), "revoked");
    b.on_poll(&feed, &mut host, &page(&[("q", NOW)], "2", false), NOW + 4);
    assert_eq!(tick(&mut a, &feed, &mut host, NOW + 5), "/revocations?since=2");
    assert_eq!(status(&a, &feed, "q", NOW + 5), "revoked");
    a.on_poll(&feed, &mut host, &page(&[], "2", false), NOW + 5);
    assert_eq!(tick(&mut b, &feed, &mut host, NOW + 5), "-");
    assert_eq!(status(&b, &feed, "p", NOW + 5), "revoked", "shared with the next turn");
}

#[test]
fn without_shared_data_each_worker_polls() {
    for call in ["proxy_get_shared_data", "proxy_set_shared_data"] {
        let (feed, mut host) = (feed(""), FakeHost::default().failing(call, 10));
        for mut worker in [Revocations::default(), Revocations::default()] {
            assert_eq!(tick(&mut worker, &feed, &mut host, NOW), "/revocations", "{call}");
            worker.on_poll(&feed, &mut host, &page(&[("p", NOW)], "1", false), NOW);
            assert_eq!(status(&worker, &feed, "p", NOW), "revoked", "{call}");
            assert_eq!(tick(&mut worker, &feed, &mut host, NOW), "-", "{call}");
            assert_eq!(tick(&mut worker, &feed, &mut host, NOW + 1), "/revocations?since=1");
        }
    }
}

#[test]
fn a_lost_or_invalid_table_is_read_again() {
    for shared in [None, Some(&b""[..]), Some(b"\x01"), Some(b"\x02\0\0\0\0\0\0\0\x09")] {
        let (feed, mut host) = (feed(""), FakeHost::default());
        let (mut a, mut b) = (Revocations::default(), Revocations::default());
        tick(&mut a, &feed, &mut host, NOW);
        a.on_poll(&feed, &mut host, &page(&[("p", NOW)], "1", false), NOW);
        let key = host.shared.keys().find(|key| key.contains("table")).unwrap().clone();
        match shared {
            Some(value) => host.shared.get_mut(&key).unwrap().0 = value.to_vec(),
            None => drop(host.shared.remove(&key)),
        }
        assert_eq!(tick(&mut b, &feed, &mut host, NOW), "/revocations", "{shared:?}");
        b.on_poll(&feed, &mut host, &page(&[("p", NOW)], "1", false), NOW);
        assert_eq!(status(&b, &feed, "p", NOW), "revoked", "{shared:?}");
        assert_eq!(status(&b, &feed, "q", NOW), "clear", "{shared:?}");
        // What is shared next is whole again.
        tick(&mut a, &feed, &mut host, NOW + 1);
        a.on_poll(&feed, &mut host, &page(&[("q", NOW)], "2", false), NOW + 1);
        tick(&mut b, &feed, &mut host, NOW + 1);
        assert_eq!(status(&b, &feed, "q", NOW + 1), "revoked", "{shared:?}");
    }
}

#[test]
fn a_feed_that_overflows_is_unavailable() {
    let (feed, mut host, mut w) = (feed(""), FakeHost::default(), Revocations::default());
    let six = ["p0", "p1", "p2", "p3", "p4", "p5"].map(|id| (id, NOW));
    for (start, log) in [(NOW, 1), (NOW + 60, 1)] {
        assert_eq!(tick(&mut w, &feed, &mut host, start), "/revocations");
        w.on_poll(&feed, &mut host, &page(&six, "1", true), start);
        assert_eq!(status(&w, &feed, "q", start), "revocations_overflow");
        assert_eq!(host.logs.len(), log, "logged once");
        assert_eq!(tick(&mut w, &feed, &mut host, start + 59), "-");
    }
    let overflows = "pitboss.player-auth.revocations.result=overflow";
    assert_eq!(host.counters.get(overflows), Some(&2));
    // A day later most of them have expired; the feed is available only after it was read to its end.
    let later = NOW + 86_461;
    assert_eq!(tick(&mut w, &feed, &mut host, later), "/revocations");
    w.on_poll(&feed, &mut host, &page(&[("r", later)], "7", true), later);
    assert_eq!(status(&w, &feed, "q", later), "revocations_overflow");
    assert_eq!(tick(&mut w, &feed, &mut host, later), "/revocations?since=7");
    w.on_poll(&feed, &mut host, &page(&[], "7", false), later);
    assert_eq!(
        ["p0", "q", "r"].map(|id| status(&w, &feed, id, later)),
        ["clear", "clear", "revoked"]
    );
}

#[test]
fn a_clock_that_is_set_back_does_not_block_polls() {
    let (feed, mut host, mut w) = (feed(""), FakeHost::default(), Revocations::default());
    tick(&mut w, &feed, &mut host, NOW + 1_000_000);
    w.on_poll(&feed, &mut host, &page(&[], "1", false), NOW + 1_000_000);
    assert_eq!(status(&w, &feed, "p", NOW), "revocations_stale");
    assert_eq!(tick(&mut w, &feed, &mut host, NOW), "/revocations?since=1");
    w.on_poll(&feed, &mut host, &page(&[], "2", false), NOW);
    assert_eq!(status(&w, &feed, "p", NOW), "clear");
    assert_eq!(tick(&mut w, &feed, &mut host, NOW + 1), "/revocations?since=2");
}
