//! Opening sessions, and ending them.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::one_time::Purpose;
use domain::session::{
    Device, EndReason, FeedPosition, NewSession, OpenRefusal, Revocation, Revoked, Rotated,
};
use domain::{SessionId, Stamp, UserId};

use crate::build::{T0, at, client, ending, new_session, one_time, successor, uuid};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

pub(super) async fn open(h: &Harness, user: UserId, cap: u32, now: Stamp) -> (NewSession, Vec<SessionId>) {
    let session = new_session(at(1_000));
    let ending = ending(EndReason::DeviceRevoked, now);
    match h.sessions.open(user, session.clone(), cap, ending).await.expect(ANSWERS) {
        Ok(opened) => (session, opened.ended.iter().map(id_of).collect()),
        Err(refusal) => panic!("the session opens: {refusal:?}"),
    }
}

fn id_of(revocation: &Revocation) -> SessionId {
    match revocation.what {
        Revoked::Session(id) => id,
        Revoked::User(_) => panic!("expected the revocation of a session, got {revocation:?}"),
    }
}

pub(super) async fn can_refresh(h: &Harness, session: &NewSession, now: Stamp) -> bool {
    let ending = ending(EndReason::ReuseDetected, now);
    let refreshed = h.sessions.rotate(&session.hash, successor(at(1_000)), &Device::default(), ending).await;
    match refreshed.expect(ANSWERS) {
        Rotated::Done { .. } => true,
        Rotated::Ended => false,
        other => panic!("expected a refreshed or an ended session, got {other:?}"),
    }
}

pub(super) async fn revocations(h: &Harness, after: Option<FeedPosition>, now: Stamp) -> HashSet<Revocation> {
    let list = h.revocations(after, now).await;
    let set: HashSet<_> = list.iter().copied().collect();
    assert_eq!(set.len(), list.len(), "each revocation is listed once: {list:#?}");
    set
}

/// Opening a session stores its first refresh token and the time of the login.
pub async fn an_opened_session_is_found_by_its_token(h: Harness) {
    let user = h.user().await;
    let (session, ended) = open(&h, user, 20, at(5)).await;
    assert_eq!(ended, []);
    let token = h.token(&session.hash).await.expect("its token is stored");
    assert_eq!((token.id, token.session, token.user), (session.token, session.id, user));
    assert_eq!((token.generation, token.hash, token.expires_at), (0, session.hash, at(1_000)));
    assert_eq!(token.replaced, None);
    let stored = h.accounts.by_id(user).await.expect(ANSWERS).expect("the user exists");
    assert_eq!(stored.last_login_at, Some(at(5)));
    assert_eq!(h.token(&successor(T0).hash).await, None);
}

/// No session opens for an unknown user.
pub async fn a_session_of_an_unknown_user_is_not_opened(h: Harness) {
    let session = new_session(at(1_000));
    let ending = ending(EndReason::DeviceRevoked, T0);
    let opened = h.sessions.open(UserId(uuid()), session.clone(), 20, ending).await.expect(ANSWERS);
    assert_eq!(opened, Err(OpenRefusal::NoSuchUser));
    assert_eq!(h.token(&session.hash).await, None);
}

/// Over the cap, the session that was opened first ends, however recently it was used. Its
/// revocation is stored.
pub async fn beyond_the_cap_the_oldest_session_ends(h: Harness) {
    let [user, other] = [h.user().await, h.user().await];
    let (of_other, _) = open(&h, other, 2, T0).await;
    let (first, _) = open(&h, user, 2, at(1)).await;
    let (second, _) = open(&h, user, 2, at(2)).await;
    assert!(can_refresh(&h, &first, at(3)).await);
    let (third, ended) = open(&h, user, 2, at(4)).await;
    assert_eq!(ended, [first.id]);
    let expected = Revocation {
        what: Revoked::Session(first.id),
        user,
        reason: EndReason::DeviceRevoked,
        at: at(4),
        until: at(4).plus(Duration::from_hours(1)),
    };
    assert_eq!(revocations(&h, None, at(5)).await, HashSet::from([expected]));
    assert!(!can_refresh(&h, &first, at(5)).await);

    let (fourth, mut ended) = open(&h, user, 1, at(6)).await;
    ended.sort_unstable();
    assert_eq!(ended, [second.id, third.id], "a smaller cap ends more");
    assert!(can_refresh(&h, &fourth, at(7)).await);
    assert!(can_refresh(&h, &of_other, at(7)).await, "each user has a separate cap");
}

/// Ended and expired sessions do not count towards the cap.
pub async fn ended_and_expired_sessions_do_not_count(h: Harness) {
    let user = h.user().await;
    let (live, _) = open(&h, user, 2, at(1)).await;
    let short = NewSession { expires_at: at(10), ..new_session(at(10)) };
    h.sessions
        .open(user, short, 2, ending(EndReason::DeviceRevoked, at(2)))
        .await
        .expect(ANSWERS)
        .expect("the session opens");
    let (_, ended) = open(&h, user, 2, at(10)).await;
    assert_eq!(ended, [], "the short one has expired");
    let (second, ended) = open(&h, user, 2, at(11)).await;
    assert_eq!(ended, [live.id]);
    let logout = ending(EndReason::Logout, at(12));
    assert!(h.sessions.end(user, second.id, logout).await.expect(ANSWERS).is_some());
    assert_eq!(open(&h, user, 2, at(13)).await.1, [], "the second one has ended");
}

/// A refreshed session counts towards the cap until its new expiry.
pub async fn a_refreshed_session_counts_until_its_new_expiry(h: Harness) {
    let user = h.user().await;
    let short = new_session(at(10));
    h.sessions
        .open(user, short.clone(), 1, ending(EndReason::DeviceRevoked, at(1)))
        .await
        .expect(ANSWERS)
        .expect("the session opens");
    assert!(can_refresh(&h, &short, at(9)).await);
    assert_eq!(open(&h, user, 1, at(20)).await.1, [short.id]);
}

/// After concurrent logins, exactly as many sessions are live as the cap allows.
pub async fn concurrent_logins_respect_the_cap(h: Harness) {
    let user = h.user().await;
    let h = Arc::new(h);
    let opened = all((0..25).map(|_| {
        let h = Arc::clone(&h);
        async move { open(&h, user, 5, T0).await }
    }))
    .await;
    let ended: HashSet<_> = opened.iter().flat_map(|(_, ended)| ended).copied().collect();
    assert_eq!(ended.len(), 20, "all except five ended, each reported once");
    let stored: HashSet<_> = revocations(&h, None, at(1)).await.iter().map(id_of).collect();
    assert_eq!(stored, ended);
    for (session, _) in &opened {
        assert_eq!(can_refresh(&h, session, at(1)).await, !ended.contains(&session.id));
    }
}

/// Of concurrent requests to end a session, one gets the revocation. Later ones get `None`.
pub async fn a_session_ends_once(h: Harness) {
    let user = h.user().await;
    let (session, _) = open(&h, user, 20, T0).await;
    let logout = ending(EndReason::Logout, at(1));
    let expected = Revocation {
        what: Revoked::Session(session.id),
        user,
        reason: EndReason::Logout,
        at: logout.at,
        until: logout.until,
    };
    let h = Arc::new(h);
    let ended = all((0..10).map(|_| {
        let h = Arc::clone(&h);
        async move { h.sessions.end(user, session.id, logout).await.expect(ANSWERS) }
    }))
    .await;
    assert_eq!(ended.into_iter().flatten().collect::<Vec<_>>(), [expected]);
    assert_eq!(revocations(&h, None, at(1)).await, HashSet::from([expected]));
    assert!(!can_refresh(&h, &session, at(2)).await);
    let again = h.sessions.end(user, session.id, ending(EndReason::AdminRevoke, at(9))).await.expect(ANSWERS);
    assert_eq!(again, None);
    assert_eq!(h.sessions.end(user, SessionId(uuid()), logout).await.expect(ANSWERS), None);
    assert_eq!(h.sessions.end_all(user, None, logout).await.expect(ANSWERS), []);
}

/// `end_all` ends all sessions of the user except the one to keep.
pub async fn all_sessions_except_the_kept_one_end(h: Harness) {
    let user = h.user().await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(open(&h, user, 20, T0).await.0);
    }
    let logout = ending(EndReason::Logout, at(1));
    let ended = h.sessions.end_all(user, Some(sessions[2].id), logout).await.expect(ANSWERS);
    let ids: HashSet<_> = ended.iter().map(id_of).collect();
    assert_eq!(ids, HashSet::from([sessions[0].id, sessions[1].id, sessions[3].id]));
    assert_eq!(revocations(&h, None, at(1)).await, ended.into_iter().collect());
    for (place, session) in sessions.iter().enumerate() {
        assert_eq!(can_refresh(&h, session, at(2)).await, place == 2);
    }
    let ended = h.sessions.end_all(user, None, logout).await.expect(ANSWERS);
    assert_eq!(ended.iter().map(id_of).collect::<Vec<_>>(), [sessions[2].id]);
}

/// `end_all` voids the code of a login at a provider, which would open a session, and no token that
/// an email carries.
pub async fn ending_all_sessions_voids_logins_that_wait_to_be_exchanged(h: Harness) {
    let (user, address) = h.account(true).await;
    let other = h.user().await;
    let [own, others] = [user, other].map(|user| one_time(Purpose::OAuthHandOff, Some(user), &address));
    let link = one_time(Purpose::MagicLink, Some(user), &address);
    for token in [&own, &others, &link] {
        h.one_time.put(token.clone()).await.expect(ANSWERS);
    }
    h.sessions.end_all(user, None, ending(EndReason::Logout, at(1))).await.expect(ANSWERS);
    for (token, is_valid) in [(own, false), (others, true), (link, true)] {
        let consumed = h.one_time.consume(token.purpose, &token.hash, at(2)).await.expect(ANSWERS);
        assert_eq!(consumed.is_some(), is_valid, "{:?}", token.purpose);
    }
}

/// A session with an expired refresh token can be ended: its access token may still be valid.
pub async fn an_expired_session_can_be_ended(h: Harness) {
    let user = h.user().await;
    let short = [(); 2].map(|()| new_session(at(1)));
    for session in short.clone() {
        h.sessions
            .open(user, session, 20, ending(EndReason::DeviceRevoked, T0))
            .await
            .expect(ANSWERS)
            .expect("the session opens");
    }
    let logout = ending(EndReason::Logout, at(60));
    let one = h.sessions.end(user, short[0].id, logout).await.expect(ANSWERS);
    assert_eq!(one.as_ref().map(id_of), Some(short[0].id));
    let rest = h.sessions.end_all(user, None, logout).await.expect(ANSWERS);
    assert_eq!(rest.iter().map(id_of).collect::<Vec<_>>(), [short[1].id]);
}

/// Device details of any length, script and address family are accepted.
pub async fn any_device_details_are_accepted(h: Harness) {
    let user = h.user().await;
    let devices = [("𝄞", "192.0.2.1"), ("ß", "2001:db8::1"), ("x", "::ffff:192.0.2.1"), ("'", "::")];
    for (text, ip) in devices {
        let device = Device {
            client_id: Some(client(&text.repeat(100))),
            user_agent: Some(text.repeat(Device::USER_AGENT_MAX / text.len())),
            ip: Some(ip.parse::<IpAddr>().expect("an address")),
        };
        let session = NewSession { device: device.clone(), ..new_session(at(1_000)) };
        let logout = ending(EndReason::Logout, at(1));
        h.sessions.open(user, session.clone(), 20, logout).await.expect(ANSWERS).expect("the session opens");
        for device in [device, Device::default()] {
            let refreshed = h.sessions.rotate(&session.hash, successor(at(1_000)), &device, logout).await;
            assert!(matches!(refreshed.expect(ANSWERS), Rotated::Done { .. }));
        }
    }
}
