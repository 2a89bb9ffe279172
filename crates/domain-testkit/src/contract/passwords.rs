//! Changing a password ends every other session.

use std::collections::HashSet;
use std::sync::Arc;

use domain::account::PasswordSet;
use domain::mail::Template;
use domain::one_time::{PasswordReplacement, Purpose};
use domain::session::{Device, EndReason, NewSession, OpenRefusal, Revocation, Revoked, Rotated};
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
        .expect("it opens");
    session
}

async fn goes_on(h: &Harness, session: &NewSession) -> bool {
    let ending = ending(EndReason::ReuseDetected, at(2));
    let refreshed = h.sessions.rotate(&session.hash, successor(at(1_000)), &Device::default(), ending).await;
    match refreshed.expect(ANSWERS) {
        Rotated::Done { .. } => true,
        Rotated::Ended => false,
        other => panic!("the session goes on or has ended, not {other:?}"),
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
    h.accounts.set_password(user, old, replacement(new.clone(), ending), keep).await.expect(ANSWERS)
}

async fn password(h: &Harness, user: UserId) -> Option<PasswordHash> {
    h.accounts.by_id(user).await.expect(ANSWERS).and_then(|user| user.password)
}

/// The password is replaced, all sessions but the one kept end, and their revocations are stored.
pub async fn a_new_password_ends_every_other_session(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let [kept, lost, lost_too, of_bob] =
        [open(&h, ann).await, open(&h, ann).await, open(&h, ann).await, open(&h, bob).await];
    let [first, second] = ["first", "second"].map(password_hash);
    let PasswordSet::Done(ended) = set(&h, ann, &first, &second, Some(kept.id)).await else {
        panic!("the password was the first");
    };
    let change = ending(EndReason::PasswordChange, at(1));
    let expected: HashSet<_> = [&lost, &lost_too]
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
    assert!(goes_on(&h, &kept).await);
    assert!(!goes_on(&h, &lost).await);
    assert!(!goes_on(&h, &lost_too).await);
    assert!(goes_on(&h, &of_bob).await, "nobody else is logged out");
    assert_eq!(password(&h, bob).await, Some(first));
}

/// The mail that tells of a new password is written where the password is, and only there.
pub async fn a_new_password_and_its_notice_are_written_together(h: Harness) {
    let (user, address) = (h.user().await, email("ann@example.com"));
    let token =
        one_time(Purpose::ResetPassword, Some(user), &h.stored(user).await.email.expect("an address"));
    h.one_time.put(token.clone()).await.expect(ANSWERS);
    let told = |hash: &str, reason: EndReason| PasswordReplacement {
        notice: Some(mail(Some(user), &address, Template::PasswordChanged)),
        ..replacement(password_hash(hash), ending(reason, at(1)))
    };
    let (changed, wrong) =
        (told("second", EndReason::PasswordChange), told("third", EndReason::PasswordChange));
    let (reset, again) = (told("fourth", EndReason::PasswordReset), told("fifth", EndReason::PasswordReset));
    let notices = [&changed, &reset].map(|new| new.notice.as_ref().map(|mail| mail.id));
    for new in [reset, again] {
        h.one_time.reset_password(&token.hash, new).await.expect(ANSWERS);
    }
    for (old, new) in [("fourth", changed), ("fourth", wrong)] {
        h.accounts.set_password(user, &password_hash(old), new, None).await.expect(ANSWERS);
    }
    assert_eq!(password(&h, user).await, Some(password_hash("second")));
    let queued = h.outbox.claim(at(1), at(9), 10).await.expect(ANSWERS);
    let queued: HashSet<_> = queued.iter().map(|queued| Some(queued.mail.id)).collect();
    assert_eq!(queued, HashSet::from(notices));
}

/// Where the password is not the one that was compared, nothing happens.
pub async fn a_password_changed_meanwhile_is_not_replaced(h: Harness) {
    let user = h.user().await;
    let session = open(&h, user).await;
    let [first, second, third] = ["first", "second", "third"].map(password_hash);
    assert_eq!(set(&h, user, &second, &third, None).await, PasswordSet::Changed);
    assert_eq!(password(&h, user).await, Some(first));
    assert!(goes_on(&h, &session).await);
    assert_eq!(h.revocations(None, at(2)).await, []);
}

/// Of two changes at once that prove the same password exactly one is made.
pub async fn of_password_changes_at_once_one_is_made(h: Harness) {
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
        assert!(!goes_on(&h, &session).await, "round {round}");
    }
}

/// A session whose refresh token has expired is ended too: an access token of it may not have.
pub async fn an_expired_session_is_ended_by_a_new_password(h: Harness) {
    let user = h.user().await;
    let session = new_session(at(1));
    let id = session.id;
    h.sessions
        .open(user, session, 20, ending(EndReason::DeviceRevoked, T0))
        .await
        .expect(ANSWERS)
        .expect("it opens");
    let late = ending(EndReason::PasswordChange, at(60));
    let set = h
        .accounts
        .set_password(user, &password_hash("first"), replacement(password_hash("second"), late), None)
        .await
        .expect(ANSWERS);
    let PasswordSet::Done(ended) = set else {
        panic!("the password was the first");
    };
    assert_eq!(ended.iter().map(|revocation| revocation.what).collect::<Vec<_>>(), [Revoked::Session(id)]);
}

/// A session whose password was verified is opened only while that password is the account's.
pub async fn a_session_is_not_opened_on_a_password_that_was_changed(h: Harness) {
    let user = h.user().await;
    let [first, second] = ["first", "second"].map(password_hash);
    let opening = ending(EndReason::DeviceRevoked, at(2));
    let open = async |verified: &PasswordHash| {
        let session = NewSession { verified: Some(verified.clone()), ..new_session(at(1_000)) };
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

/// Of sessions opened on the old password while it is changed none is live afterwards.
pub async fn no_session_opened_on_the_old_password_outlives_its_change(h: Harness) {
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
                let session = NewSession { verified: Some(first), ..new_session(at(1_000)) };
                let opening = ending(EndReason::DeviceRevoked, T0);
                let opened = h.sessions.open(user, session, 20, opening).await.expect(ANSWERS);
                assert!(matches!(opened, Ok(_) | Err(OpenRefusal::PasswordChanged)), "{opened:?}");
            }
        });
        all(tasks.collect::<Vec<_>>()).await;
        assert_eq!(h.sessions.live(user, at(2)).await.expect(ANSWERS), [], "round {round}");
    }
}
