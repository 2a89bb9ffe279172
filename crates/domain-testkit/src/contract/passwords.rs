//! Changing a password, which ends every other session.

use std::collections::HashSet;
use std::sync::Arc;

use domain::account::{KeepSession, PasswordSet};
use domain::mail::Template;
use domain::one_time::{PasswordReplacement, Purpose};
use domain::session::{Device, EndReason, NewSession, OpenRefusal, Proof, Revocation, Revoked, Rotated};
use domain::user::PasswordHash;
use domain::{SessionId, UserId};

use crate::build::{
    T0, at, email, ending, mail, new_session, one_time, password_hash, replacement, successor,
};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

async fn open(h: &Harness, user: UserId) -> NewSession {
    let session = new_session(at(1_000));
    h.sessions
        .open(user, session.clone(), 20, ending(EndReason::DeviceRevoked, T0))
        .await
        .expect(ANSWERS)
        .expect("the session opens");
    session
}

async fn can_refresh(h: &Harness, session: &NewSession) -> bool {
    let ending = ending(EndReason::ReuseDetected, at(2));
    let refreshed = h.sessions.rotate(&session.hash, successor(at(1_000)), &Device::default(), ending).await;
    match refreshed.expect(ANSWERS) {
        Rotated::Done { .. } => true,
        Rotated::Ended => false,
        other => panic!("expected a refreshed or an ended session, got {other:?}"),
    }
}

async fn set(
    h: &Harness,
    user: UserId,
    old: &PasswordHash,
    new: &PasswordHash,
    keep: Option<SessionId>,
) -> PasswordSet {
    let ending = ending(EndReason::PasswordChange, at(1));
    let which = keep.map_or(KeepSession::None, |_| KeepSession::Own);
    h.accounts.set_password(user, old, replacement(new.clone(), ending), keep, which).await.expect(ANSWERS)
}

async fn password(h: &Harness, user: UserId) -> Option<PasswordHash> {
    h.accounts.by_id(user).await.expect(ANSWERS).and_then(|user| user.password)
}

/// A change replaces the password, ends all sessions except the kept one, and stores their
/// revocations.
pub async fn a_new_password_ends_every_other_session(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let [kept, ended_one, ended_two, of_bob] =
        [open(&h, ann).await, open(&h, ann).await, open(&h, ann).await, open(&h, bob).await];
    let [first, second] = ["first", "second"].map(password_hash);
    let PasswordSet::Done(ended) = set(&h, ann, &first, &second, Some(kept.id)).await else {
        panic!("the old password matches");
    };
    let change = ending(EndReason::PasswordChange, at(1));
    let expected: HashSet<_> = [&ended_one, &ended_two]
        .map(|session| Revocation {
            what: Revoked::Session(session.id),
            user: ann,
            reason: EndReason::PasswordChange,
            at: change.at,
            until: change.until,
        })
        .into();
    assert_eq!(ended.into_iter().collect::<HashSet<_>>(), expected);
    let stored = h.revocations(None, at(2)).await;
    assert_eq!(stored.into_iter().collect::<HashSet<_>>(), expected);
    assert_eq!(password(&h, ann).await, Some(second));
    assert!(can_refresh(&h, &kept).await);
    assert!(!can_refresh(&h, &ended_one).await);
    assert!(!can_refresh(&h, &ended_two).await);
    assert!(can_refresh(&h, &of_bob).await, "no other user is logged out");
    assert_eq!(password(&h, bob).await, Some(first));
}

/// The notice of a new password is queued if the password is replaced, and only then.
pub async fn a_new_password_and_its_notice_are_written_together(h: Harness) {
    let (user, address) = (h.user().await, email("ann@example.com"));
    let token =
        one_time(Purpose::ResetPassword, Some(user), &h.stored(user).await.email.expect("an address"));
    h.one_time.put(token.clone()).await.expect(ANSWERS);
    let with_notice = |hash: &str, reason: EndReason| PasswordReplacement {
        notice: Some(mail(Some(user), &address, Template::PasswordChanged)),
        ..replacement(password_hash(hash), ending(reason, at(1)))
    };
    let (changed, wrong) =
        (with_notice("second", EndReason::PasswordChange), with_notice("third", EndReason::PasswordChange));
    let (reset, again) =
        (with_notice("fourth", EndReason::PasswordReset), with_notice("fifth", EndReason::PasswordReset));
    let notices = [&changed, &reset].map(|new| new.notice.as_ref().map(|mail| mail.id));
    for new in [reset, again] {
        h.one_time.reset_password(&token.hash, new).await.expect(ANSWERS);
    }
    for (old, new) in [("fourth", changed), ("fourth", wrong)] {
        h.accounts
            .set_password(user, &password_hash(old), new, None, KeepSession::None)
            .await
            .expect(ANSWERS);
    }
    assert_eq!(password(&h, user).await, Some(password_hash("second")));
    let queued = h.outbox.claim(at(1), at(9), 10).await.expect(ANSWERS);
    let queued: HashSet<_> = queued.iter().map(|queued| Some(queued.mail.id)).collect();
    assert_eq!(queued, HashSet::from(notices));
}

/// If the stored password is not the expected one, the change does nothing.
pub async fn a_password_other_than_the_expected_one_is_not_replaced(h: Harness) {
    let user = h.user().await;
    let session = open(&h, user).await;
    let [first, second, third] = ["first", "second", "third"].map(password_hash);
    assert_eq!(set(&h, user, &second, &third, None).await, PasswordSet::Changed);
    assert_eq!(password(&h, user).await, Some(first));
    assert!(can_refresh(&h, &session).await);
    assert_eq!(h.revocations(None, at(2)).await, []);
}

/// Of two concurrent changes of the same password, exactly one succeeds.
pub async fn exactly_one_of_concurrent_password_changes_succeeds(h: Harness) {
    let h = Arc::new(h);
    let [first, second, third] = ["first", "second", "third"].map(password_hash);
    for round in 0..10 {
        let user = h.user().await;
        let session = open(&h, user).await;
        let made = all([second.clone(), third.clone()].map(|new| {
            let (h, first) = (Arc::clone(&h), first.clone());
            async move { (set(&h, user, &first, &new, None).await, new) }
        }))
        .await;
        let done: Vec<_> = made
            .iter()
            .filter(|(set, _)| matches!(set, PasswordSet::Done(ended) if ended.len() == 1))
            .collect();
        assert_eq!(done.len(), 1, "round {round}: {made:?}");
        assert!(made.iter().any(|(set, _)| *set == PasswordSet::Changed), "round {round}: {made:?}");
        assert_eq!(password(&h, user).await.as_ref(), Some(&done[0].1), "round {round}");
        assert!(!can_refresh(&h, &session).await, "round {round}");
    }
}

/// A session with an expired refresh token is ended too: its access token may still be valid.
pub async fn a_new_password_also_ends_expired_sessions(h: Harness) {
    let user = h.user().await;
    let session = new_session(at(1));
    let id = session.id;
    h.sessions
        .open(user, session, 20, ending(EndReason::DeviceRevoked, T0))
        .await
        .expect(ANSWERS)
        .expect("the session opens");
    let late = ending(EndReason::PasswordChange, at(60));
    let set = h
        .accounts
        .set_password(
            user,
            &password_hash("first"),
            replacement(password_hash("second"), late),
            None,
            KeepSession::None,
        )
        .await
        .expect(ANSWERS);
    let PasswordSet::Done(ended) = set else {
        panic!("the old password matches");
    };
    assert_eq!(ended.iter().map(|revocation| revocation.what).collect::<Vec<_>>(), [Revoked::Session(id)]);
}

/// A login that verified a password opens a session only if that password is still the current one.
pub async fn a_session_is_not_opened_with_a_replaced_password(h: Harness) {
    let user = h.user().await;
    let [first, second] = ["first", "second"].map(password_hash);
    let opening = ending(EndReason::DeviceRevoked, at(2));
    let open = async |verified: &PasswordHash| {
        let session = NewSession { proof: Proof::Password(verified.clone()), ..new_session(at(1_000)) };
        h.sessions
            .open(user, session, 20, opening)
            .await
            .expect(ANSWERS)
            .map(|opened| assert_eq!(opened.ended, []))
    };
    assert_eq!(open(&first).await, Ok(()));
    assert!(matches!(set(&h, user, &first, &second, None).await, PasswordSet::Done(_)));
    let before = h.stored(user).await;
    assert_eq!(open(&first).await, Err(OpenRefusal::PasswordChanged));
    assert_eq!((h.stored(user).await, h.sessions.live(user, at(2)).await.expect(ANSWERS)), (before, vec![]));
    assert_eq!(open(&second).await, Ok(()));
    h.operator.set_active(user, false).await;
    assert_eq!(open(&first).await, Err(OpenRefusal::NoSuchUser), "the account is disabled");
}

/// Sessions that concurrent logins open with the old password have ended after its change.
pub async fn no_session_opened_with_the_old_password_survives_its_change(h: Harness) {
    let h = Arc::new(h);
    let [first, second] = ["first", "second"].map(password_hash);
    for round in 0..10 {
        let user = h.user().await;
        let tasks = (0..9).map(|place| {
            let (h, first, second) = (Arc::clone(&h), first.clone(), second.clone());
            async move {
                if place == 4 {
                    assert!(matches!(set(&h, user, &first, &second, None).await, PasswordSet::Done(_)));
                    return;
                }
                let session = NewSession { proof: Proof::Password(first), ..new_session(at(1_000)) };
                let opening = ending(EndReason::DeviceRevoked, T0);
                let opened = h.sessions.open(user, session, 20, opening).await.expect(ANSWERS);
                assert!(matches!(opened, Ok(_) | Err(OpenRefusal::PasswordChanged)), "{opened:?}");
            }
        });
        all(tasks.collect::<Vec<_>>()).await;
        assert_eq!(h.sessions.live(user, at(2)).await.expect(ANSWERS), [], "round {round}");
    }
}
