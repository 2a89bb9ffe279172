//! Refresh tokens: rotation, repeats and reuse.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::session::refresh::{GRACE, KEPT};
use domain::session::{Device, EndReason, NewSession, RefreshToken, Revocation, Revoked, Rotated, TokenHash};
use domain::{Stamp, UserId};

use crate::build::{T0, at, ending, new_session, successor, token_hash};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";
/// The default expiry of tokens in these tests, in seconds after [`T0`].
const LATER: u64 = 10_000;

async fn open(h: &Harness, user: UserId, expires_at: Stamp) -> NewSession {
    let session = new_session(expires_at);
    h.sessions
        .open(user, session.clone(), 20, ending(EndReason::DeviceRevoked, T0))
        .await
        .expect(ANSWERS)
        .expect("the session opens");
    session
}

async fn rotate(h: &Harness, presented: &TokenHash, now: Stamp) -> Rotated {
    let ending = ending(EndReason::ReuseDetected, now);
    h.sessions.rotate(presented, successor(at(LATER)), &Device::default(), ending).await.expect(ANSWERS)
}

async fn next(h: &Harness, presented: &TokenHash, now: Stamp) -> TokenHash {
    match rotate(h, presented, now).await {
        Rotated::Done { hash, .. } => hash,
        other => panic!("expected a rotated token, got {other:?}"),
    }
}

async fn find(h: &Harness, hash: &TokenHash) -> RefreshToken {
    h.token(hash).await.expect("the token is stored")
}

/// A rotation replaces the token by one of the next generation, with a later expiry, and returns
/// its user and session.
pub async fn a_rotation_replaces_the_token(h: Harness) {
    let user = h.user().await;
    let session = open(&h, user, at(100)).await;
    let new = successor(at(500));
    let ending = ending(EndReason::ReuseDetected, at(7));
    let refreshed = h.sessions.rotate(&session.hash, new, &Device::default(), ending).await.expect(ANSWERS);
    let stored = h.accounts.by_id(user).await.expect(ANSWERS).expect("the user exists");
    assert_eq!(refreshed, Rotated::Done { user: Box::new(stored), session: session.id, hash: new.hash });
    let old = find(&h, &session.hash).await;
    assert_eq!((old.generation, old.replaced), (0, Some((at(7), new.id))));
    let expected = RefreshToken {
        id: new.id,
        session: session.id,
        user,
        generation: 1,
        hash: new.hash,
        expires_at: at(500),
        replaced: None,
    };
    assert_eq!(find(&h, &new.hash).await, expected);
    let third = next(&h, &new.hash, at(400)).await;
    assert_eq!(find(&h, &third).await.generation, 2, "the session outlives its first expiry");
}

/// The rotation of an unknown token returns `Unknown`.
pub async fn an_unknown_token_is_reported_as_unknown(h: Harness) {
    h.user().await;
    assert_eq!(rotate(&h, &token_hash(), T0).await, Rotated::Unknown);
}

/// Two hundred concurrent refreshes of one token all succeed with the same successor.
pub async fn two_hundred_concurrent_rotations_leave_one_live_token(h: Harness) {
    let user = h.user().await;
    let session = open(&h, user, at(100)).await;
    let h = Arc::new(h);
    let answers = all((0..200).map(|_| {
        let h = Arc::clone(&h);
        async move {
            let own = successor(at(LATER));
            let ending = ending(EndReason::ReuseDetected, at(1));
            let device = Device::default();
            (own.hash, h.sessions.rotate(&session.hash, own, &device, ending).await.expect(ANSWERS))
        }
    }))
    .await;
    let mut hashes = HashSet::new();
    for (_, answer) in &answers {
        match answer {
            Rotated::Done { hash, session: of, .. } if *of == session.id => hashes.insert(*hash),
            other => panic!("expected a rotated token, got {other:?}"),
        };
    }
    assert_eq!(hashes.len(), 1, "all callers get the same token");
    let mut stored = Vec::new();
    for (own, _) in &answers {
        stored.extend(h.token(own).await);
    }
    assert_eq!(stored.len(), 1, "one successor is stored: {stored:?}");
    assert_eq!((stored[0].generation, stored[0].replaced), (1, None));
    assert!(hashes.contains(&stored[0].hash), "the stored successor is the returned one");
    assert_eq!(find(&h, &session.hash).await.replaced, Some((at(1), stored[0].id)));
    assert_eq!(h.revocations(None, at(1)).await, []);
}

/// Within the grace period, a repeat returns the same successor, even if that has been used.
pub async fn a_repeat_within_the_grace_period_gets_the_same_successor(h: Harness) {
    let session = open(&h, h.user().await, at(100)).await;
    let second = next(&h, &session.hash, at(1)).await;
    assert_eq!(next(&h, &session.hash, at(1)).await, second);
    let third = next(&h, &second, at(2)).await;
    assert_ne!(third, second);
    assert_eq!(
        next(&h, &session.hash, at(1).plus(GRACE)).await,
        second,
        "the last instant of the grace period"
    );
    assert_eq!(next(&h, &second, at(3)).await, third);
    assert_eq!(find(&h, &third).await.replaced, None, "repeats create no tokens");
}

/// A repeat much later returns the successor once if that was never used: the first response may
/// have been lost.
pub async fn a_lost_response_can_be_fetched_much_later_once(h: Harness) {
    let user = h.user().await;
    let session = open(&h, user, at(100)).await;
    let second = next(&h, &session.hash, at(1)).await;
    assert_eq!(next(&h, &session.hash, at(5_000)).await, second);
    assert_eq!(next(&h, &session.hash, at(5_000).plus(GRACE)).await, second, "a retry of the same device");
    let third = next(&h, &second, at(5_031)).await;
    assert_eq!(find(&h, &third).await.generation, 2);

    let twice = open(&h, user, at(100)).await;
    let second = next(&h, &twice.hash, at(1)).await;
    assert_eq!(next(&h, &twice.hash, at(5_000)).await, second);
    let again = rotate(&h, &twice.hash, at(5_000).plus(GRACE).next()).await;
    assert!(matches!(again, Rotated::Reused(_)), "{again:?}");
}

/// A thief who presents each token after its owner rotated it, while the successor is unused, ends
/// the session at the second attempt.
pub async fn a_thief_in_lock_step_ends_the_session(h: Harness) {
    let session = open(&h, h.user().await, at(LATER)).await;
    let second = next(&h, &session.hash, at(100)).await;
    assert_eq!(next(&h, &session.hash, at(132)).await, second, "as if a response had been lost");
    next(&h, &second, at(1_000)).await;
    let theft = rotate(&h, &second, at(1_032)).await;
    assert!(matches!(theft, Rotated::Reused(_)), "{theft:?}");
}

/// After the grace period, the use of a token whose successor was used ends the session. The
/// revocation is stored.
pub async fn reuse_after_the_grace_period_ends_the_session(h: Harness) {
    let user = h.user().await;
    let (session, other) = (open(&h, user, at(100)).await, open(&h, user, at(100)).await);
    let second = next(&h, &session.hash, at(1)).await;
    let third = next(&h, &second, at(2)).await;
    let late = at(1).plus(GRACE + Duration::from_micros(1));
    let h = Arc::new(h);
    let answers = all((0..10).map(|_| {
        let h = Arc::clone(&h);
        async move { rotate(&h, &session.hash, late).await }
    }))
    .await;
    let end = ending(EndReason::ReuseDetected, late);
    let revocation = Revocation {
        what: Revoked::Session(session.id),
        user,
        reason: EndReason::ReuseDetected,
        at: end.at,
        until: end.until,
    };
    let reused = answers.iter().filter(|answer| **answer == Rotated::Reused(revocation)).count();
    let ended = answers.iter().filter(|answer| **answer == Rotated::Ended).count();
    assert_eq!(
        (reused, ended),
        (1, 9),
        "one detects the reuse, the others find the session ended: {answers:?}"
    );
    assert_eq!(h.revocations(None, late).await, [revocation]);
    for hash in [session.hash, second, third] {
        assert_eq!(rotate(&h, &hash, late).await, Rotated::Ended, "every token of the session is invalid");
    }
    next(&h, &other.hash, at(40)).await;
}

/// However often a session is refreshed, it keeps its newest two tokens, and of the others those that
/// were replaced a short time ago. The newest one shows that a forgotten one was reused.
pub async fn replaced_tokens_are_forgotten_after_a_while(h: Harness) {
    let user = h.user().await;
    let [session, other] = [open(&h, user, at(LATER)).await, open(&h, user, at(LATER)).await];
    let replaced_other = next(&h, &other.hash, T0).await;
    let mut hashes = vec![session.hash];
    let mut now = T0;
    for _ in 0..100 {
        now = now.plus(Duration::from_mins(1));
        hashes.push(next(&h, hashes.last().expect("the first token"), now).await);
    }
    let minutes = usize::try_from(KEPT.as_secs() / 60).expect("a few");
    for (generation, hash) in hashes.iter().enumerate() {
        let is_kept = h.token(hash).await.is_some();
        assert_eq!(is_kept, generation + minutes + 1 >= 100, "generation {generation}");
    }
    let [last, first] = [hashes[100], hashes[0]];
    for presented in [hashes[99], last] {
        assert!(matches!(rotate(&h, &presented, now).await, Rotated::Done { .. }));
    }
    assert_eq!(rotate(&h, &first, now).await, Rotated::Unknown);
    let newest = h.sessions.newest(user, session.id).await.expect(ANSWERS).expect("the session exists");
    assert_eq!((newest.token.generation, newest.session.id, newest.user.id), (101, session.id, user));
    assert!(find(&h, &other.hash).await.replaced.is_some(), "the tokens of another session stay");
    assert_eq!(find(&h, &replaced_other).await.generation, 1);
    let stranger = h.user().await;
    assert_eq!(h.sessions.newest(stranger, session.id).await.expect(ANSWERS), None);
}

/// A token is expired from `expires_at` on. The refused rotation changes nothing.
pub async fn an_expired_token_is_refused(h: Harness) {
    let session = open(&h, h.user().await, at(100)).await;
    let before = find(&h, &session.hash).await;
    assert_eq!(rotate(&h, &session.hash, at(100)).await, Rotated::Expired);
    assert_eq!(find(&h, &session.hash).await, before);
    assert_eq!(h.revocations(None, at(100)).await, []);
    next(&h, &session.hash, at(100).minus(Duration::from_micros(1))).await;
}

/// The tokens of an ended session are refused and do not change.
pub async fn a_token_of_an_ended_session_is_refused(h: Harness) {
    let user = h.user().await;
    let session = open(&h, user, at(100)).await;
    let second = next(&h, &session.hash, at(1)).await;
    h.sessions.end(user, session.id, ending(EndReason::Logout, at(2))).await.expect(ANSWERS);
    for hash in [session.hash, second] {
        let before = find(&h, &hash).await;
        assert_eq!(rotate(&h, &hash, at(3)).await, Rotated::Ended);
        assert_eq!(find(&h, &hash).await, before);
    }
}

/// After a logout and a concurrent refresh, in either order, no token of the session is valid.
pub async fn a_logout_wins_over_a_concurrent_refresh(h: Harness) {
    let user = h.user().await;
    let h = Arc::new(h);
    for round in 0..15 {
        let session = open(&h, user, at(100)).await;
        let refresh = tokio::spawn({
            let h = Arc::clone(&h);
            async move { rotate(&h, &session.hash, at(1)).await }
        });
        let ended = h.sessions.end(user, session.id, ending(EndReason::Logout, at(1))).await.expect(ANSWERS);
        assert!(ended.is_some(), "round {round}: the logout ends it");
        let refreshed = refresh.await.expect("the refresh is answered");
        let mut presented = vec![session.hash];
        match refreshed {
            Rotated::Done { hash, .. } => presented.push(hash),
            Rotated::Ended => {}
            other => panic!(
                "round {round}: expected a rotation before the logout or an ended session, got {other:?}"
            ),
        }
        for hash in presented {
            assert_eq!(rotate(&h, &hash, at(2)).await, Rotated::Ended, "round {round}");
        }
    }
}
