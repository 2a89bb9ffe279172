//! Ended sessions and the feed of their revocations.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::session::{EndReason, Ending, Session};

use super::sessions::{can_refresh, open, revocations};
use crate::build::{T0, at, ending, new_session};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

/// Of a user's ended sessions the newest are kept, with their tokens. A revocation stays without its
/// session, and no session is deleted that has not ended.
pub async fn a_user_keeps_a_bounded_number_of_ended_sessions(h: Harness) {
    let [user, other] = [h.user().await, h.user().await];
    let (of_other, _) = open(&h, other, 1, T0).await;
    let expired = new_session(at(2));
    let opening = ending(EndReason::DeviceRevoked, at(1));
    h.sessions.open(user, expired.clone(), 1, opening).await.expect(ANSWERS).expect("the session opens");
    let (kept, removed) = (u64::from(Session::ENDED_KEPT), u64::from(Session::ENDED_REMOVED));
    let mut opened = Vec::new();
    for second in 0..=(kept + removed) {
        opened.push(open(&h, user, 1, at(3 + second)).await.0);
    }
    let records = async || h.accounts.records(user).await.expect(ANSWERS).expect("the user exists").sessions;
    let sessions = records().await;
    assert_eq!(sessions.iter().filter(|session| session.ended.is_some()).count() as u64, kept);
    assert_eq!(sessions.len() as u64, kept + 2, "the live one, and the expired one that could still end");
    for (session, removed) in opened.iter().zip((0..removed).map(|_| true).chain(std::iter::repeat(false))) {
        assert_eq!(h.token(&session.hash).await.is_none(), removed);
    }
    let stored = revocations(&h, None, at(3)).await;
    assert_eq!(stored.len() as u64, kept + removed, "each session that ended is still revoked");
    assert!(can_refresh(&h, &of_other, at(4)).await, "the rows of another user stay");

    // When many end at once, they go in steps.
    let now = at(500);
    let mut sessions = Vec::new();
    for _ in 0..removed * 2 {
        sessions.push(open(&h, user, 20, now).await.0);
    }
    h.sessions.end_all(user, None, ending(EndReason::Logout, now)).await.expect(ANSWERS);
    let ended = async || records().await.iter().filter(|session| session.ended.is_some()).count() as u64;
    let over = ended().await - kept;
    open(&h, user, 20, now).await;
    assert_eq!(ended().await - kept, over - removed);
    for _ in 0..over {
        open(&h, user, 20, now).await;
    }
    assert_eq!(ended().await, kept);
}

/// Revocations are listed in the order in which they were committed, whatever their times are, and
/// until their `until`, which is excluded.
pub async fn revocations_are_listed_after_a_position(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let (mut all, mut positions) = (Vec::new(), vec![None]);
    // The clocks of the instances that end the sessions are up to ten minutes apart.
    for (user, reason, when, until) in [
        (ann, EndReason::Logout, 1_600, 2_100),
        (bob, EndReason::AdminRevoke, 1_000, 2_050),
        (ann, EndReason::AccountDeleted, 1_300, 2_200),
        (ann, EndReason::PasswordReset, 1_000, 2_200),
    ] {
        let (session, _) = open(&h, user, 20, T0).await;
        let ending = Ending { reason, at: at(when), until: at(until) };
        all.push(h.sessions.end(user, session.id, ending).await.expect(ANSWERS).expect("was live"));
        let feed = h.sessions.revocations(None, at(0)).await.expect(ANSWERS);
        positions.push(Some(feed.position));
    }
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
    for (count, position) in positions.iter().enumerate() {
        let feed = h.sessions.revocations(*position, at(1_000)).await.expect(ANSWERS);
        let listed: HashSet<_> = feed.revocations.into_iter().collect();
        assert_eq!(listed, all[count..].iter().copied().collect::<HashSet<_>>(), "after {count}");
        assert_eq!(Some(feed.position), positions[4], "after {count}");
    }
    let listed = async |now| revocations(&h, None, now).await;
    let expected = |places: &[usize]| places.iter().map(|place| all[*place]).collect::<HashSet<_>>();
    assert_eq!(listed(at(2_050).minus(Duration::from_micros(1))).await, expected(&[0, 1, 2, 3]));
    assert_eq!(listed(at(2_050)).await, expected(&[0, 2, 3]), "`until` is exclusive");
    assert_eq!(listed(at(2_200)).await, expected(&[]));
}

/// A reader that continues after its last position gets every revocation once, while transactions
/// that revoke commit in any order.
pub async fn a_reader_of_revocations_misses_none(h: Harness) {
    let mut sessions = Vec::new();
    for _ in 0..4 {
        let user = h.user().await;
        for _ in 0..10 {
            sessions.push((user, open(&h, user, 20, T0).await.0.id));
        }
    }
    let count = sessions.len();
    let h = Arc::new(h);
    let writers =
        tokio::spawn(
            all(
                sessions.into_iter().map({
                    let h = Arc::clone(&h);
                    move |(user, id)| {
                        let h = Arc::clone(&h);
                        async move {
                            h.sessions.end(user, id, ending(EndReason::Logout, at(1))).await.expect(ANSWERS)
                        }
                    }
                }),
            ),
        );
    let (mut position, mut read) = (None, Vec::new());
    loop {
        let done = writers.is_finished();
        let feed = h.sessions.revocations(position, at(1)).await.expect(ANSWERS);
        position = Some(feed.position);
        read.extend(feed.revocations);
        if done {
            break;
        }
    }
    assert!(writers.await.expect("no panic").iter().all(Option::is_some));
    let distinct: HashSet<_> = read.iter().copied().collect();
    assert_eq!((read.len(), distinct.len()), (count, count));
}
