//! The devices of a user: the details of a session, the live sessions, and disabled accounts.

use std::slice::from_ref;
use std::time::Duration;

use domain::session::refresh::RefreshFacts;
use domain::session::{
    Device, EndReason, FeedPosition, NewSession, OpenRefusal, RefreshToken, Rotated, Session,
};
use domain::{Stamp, UserId};

use crate::Harness;
use crate::build::{T0, at, client, ending, new_session, successor, token_hash, uuid};

const ANSWERS: &str = "the store answers";

async fn open(h: &Harness, user: UserId, expires_at: Stamp, now: Stamp) -> NewSession {
    let device = Device {
        client_id: Some(client("phone")),
        user_agent: Some("Browser/1.0".to_owned()),
        ip: Some("192.0.2.1".parse().expect("an address")),
    };
    let session = NewSession { device, ..new_session(expires_at) };
    let ending = ending(EndReason::DeviceRevoked, now);
    let opened = h.sessions.open(user, session.clone(), 20, ending).await.expect(ANSWERS);
    assert_eq!(opened.map(|opened| opened.ended), Ok(Vec::new()));
    session
}

async fn refresh(h: &Harness, session: &NewSession, device: &Device, now: Stamp) -> Rotated {
    let ending = ending(EndReason::ReuseDetected, now);
    let next = successor(now.plus(Duration::from_secs(1_000)));
    h.sessions.rotate(&session.hash, next, device, ending).await.expect(ANSWERS)
}

async fn live(h: &Harness, user: UserId, now: Stamp) -> Vec<Session> {
    h.sessions.live(user, now).await.expect(ANSWERS)
}

/// A refresh token is found together with its session, its user and its successor.
pub async fn a_token_is_found_with_its_session_user_and_successor(h: Harness) {
    let user = h.user().await;
    let session = open(&h, user, at(100), at(1)).await;
    let token = RefreshToken {
        id: session.token,
        session: session.id,
        user,
        generation: 0,
        hash: session.hash,
        expires_at: at(100),
        replaced: None,
    };
    let stored = Session {
        id: session.id,
        user,
        device: session.device.clone(),
        created_at: at(1),
        last_used_at: at(1),
        expires_at: at(100),
        late_repeat_at: None,
        trusted_from: at(1),
        ended: None,
    };
    let user = h.stored(user).await;
    let find = async |hash| h.sessions.find(&hash).await.expect(ANSWERS);
    let facts = RefreshFacts { token, successor: None, session: stored, user };
    assert_eq!(find(session.hash).await.as_ref(), Some(&facts));
    assert_eq!(find(token_hash()).await, None);

    let next = successor(at(500));
    let elsewhere = Device { client_id: Some(client("other")), user_agent: None, ip: None };
    let reuse = ending(EndReason::ReuseDetected, at(7));
    h.sessions.rotate(&session.hash, next, &elsewhere, reuse).await.expect(ANSWERS);
    h.sessions.end(facts.user.id, session.id, ending(EndReason::Logout, at(8))).await.expect(ANSWERS);
    let second = RefreshToken {
        id: next.id,
        generation: 1,
        hash: next.hash,
        expires_at: at(500),
        ..facts.token.clone()
    };
    let facts = RefreshFacts {
        token: RefreshToken { replaced: Some((at(7), next.id)), ..facts.token },
        successor: Some(second.clone()),
        session: Session {
            device: Device { client_id: Some(client("phone")), ..elsewhere },
            last_used_at: at(7),
            expires_at: at(500),
            ended: Some((at(8), EndReason::Logout)),
            ..facts.session
        },
        user: facts.user,
    };
    assert_eq!(find(session.hash).await.as_ref(), Some(&facts));
    assert_eq!(find(next.hash).await, Some(RefreshFacts { token: second, successor: None, ..facts }));
}

/// Live sessions have neither ended nor expired. They are listed with the last used first.
pub async fn live_sessions_are_listed_by_last_use(h: Harness) {
    let [user, other] = [h.user().await, h.user().await];
    let first = open(&h, user, at(500), at(1)).await;
    let second = open(&h, user, at(500), at(2)).await;
    let short = open(&h, user, at(50), at(3)).await;
    let ended = open(&h, user, at(500), at(4)).await;
    open(&h, other, at(500), at(5)).await;
    let ids = async |now| live(&h, user, now).await.into_iter().map(|session| session.id).collect::<Vec<_>>();
    assert_eq!(ids(at(10)).await, [ended.id, short.id, second.id, first.id]);
    h.sessions.end(user, ended.id, ending(EndReason::DeviceRevoked, at(11))).await.expect(ANSWERS);
    let moved = Device { client_id: None, user_agent: Some("Browser/2.0".to_owned()), ip: None };
    assert!(matches!(refresh(&h, &first, &moved, at(12)).await, Rotated::Done { .. }));
    assert_eq!(ids(at(50).minus(Duration::from_micros(1))).await, [first.id, short.id, second.id]);
    assert_eq!(ids(at(50)).await, [first.id, second.id], "the short session has expired at `expires_at`");
    assert_eq!(ids(at(500)).await, [first.id], "a refreshed session lives longer");
    let shown = &live(&h, user, at(50)).await[0];
    assert_eq!((shown.created_at, shown.last_used_at, shown.expires_at), (at(1), at(12), at(1_012)));
    assert_eq!(shown.device, Device { client_id: Some(client("phone")), ..moved });
    assert_eq!(live(&h, UserId(uuid()), T0).await, []);
}

/// Touching a session sets its device and the time of its last use, and nothing else. A session
/// that has ended does not change.
pub async fn touching_a_session_updates_its_last_use(h: Harness) {
    let [user, other] = [h.user().await, h.user().await];
    let session = open(&h, user, at(500), at(1)).await;
    let before = live(&h, user, at(2)).await.remove(0);
    let moved = Device {
        client_id: Some(client("other")),
        user_agent: None,
        ip: Some("2001:db8::1".parse().expect("an address")),
    };
    h.sessions.touch(other, session.id, &moved, at(2), at(2)).await.expect(ANSWERS);
    assert_eq!(live(&h, user, at(2)).await, from_ref(&before), "another user cannot touch the session");
    h.sessions.touch(user, session.id, &moved, at(3), at(3)).await.expect(ANSWERS);
    let device = Device { client_id: Some(client("phone")), ..moved };
    let touched = Session { device, last_used_at: at(3), ..before };
    assert_eq!(live(&h, user, at(3)).await, from_ref(&touched));
    h.sessions.end(user, session.id, ending(EndReason::Logout, at(4))).await.expect(ANSWERS);
    h.sessions.touch(user, session.id, &Device::default(), at(5), at(5)).await.expect(ANSWERS);
    let found = h.sessions.find(&session.hash).await.expect(ANSWERS).expect("the session is stored");
    assert_eq!(found.session, Session { ended: Some((at(4), EndReason::Logout)), ..touched });
}

/// The revocation feed lists disabled accounts until they are enabled again.
pub async fn disabled_accounts_are_listed_with_the_revocations(h: Harness) {
    let [ann, bob, carol] = [h.user().await, h.user().await, h.user().await];
    let session = open(&h, carol, at(500), T0).await;
    let ended = h.sessions.end(carol, session.id, ending(EndReason::Logout, at(1))).await.expect(ANSWERS);
    let read = async |after| {
        let feed = h.sessions.revocations(after, at(2)).await.expect(ANSWERS);
        let mut disabled = feed.disabled;
        disabled.sort_unstable();
        (feed.revocations, disabled)
    };
    assert_eq!(read(None).await, (Vec::from_iter(ended), vec![]));
    h.operator.set_active(ann, false).await;
    h.operator.set_active(bob, false).await;
    let mut both = vec![ann, bob];
    both.sort_unstable();
    assert_eq!(read(Some(FeedPosition(i64::MAX))).await, (vec![], both), "wherever the read continues");
    h.operator.set_active(ann, true).await;
    assert_eq!(read(None).await, (Vec::from_iter(ended), vec![bob]));
}

/// A disabled account neither opens nor refreshes sessions. Once it is enabled, its sessions work
/// again.
pub async fn a_disabled_account_neither_opens_nor_refreshes_sessions(h: Harness) {
    let user = h.user().await;
    let session = open(&h, user, at(500), T0).await;
    h.operator.set_active(user, false).await;
    assert_eq!(refresh(&h, &session, &Device::default(), at(1)).await, Rotated::Disabled);
    let opening = ending(EndReason::DeviceRevoked, at(1));
    let opened = h.sessions.open(user, new_session(at(500)), 20, opening).await.expect(ANSWERS);
    assert_eq!(opened, Err(OpenRefusal::NoSuchUser));
    assert!(!h.stored(user).await.is_active);
    h.operator.set_active(user, true).await;
    assert!(matches!(refresh(&h, &session, &Device::default(), at(1)).await, Rotated::Done { .. }));
}
