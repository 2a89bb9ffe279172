//! Removal of expired rows.

use std::time::Duration;

use domain::one_time::Purpose;
use domain::session::{Cutoffs, Device, EndReason, Ending, NewSession, Rotated, TokenHash};
use domain::{Stamp, UserId};
use uuid::Uuid;

use crate::Harness;
use crate::build::{T0, at, email, email_token, ending, new_session, one_time, successor};

const ANSWERS: &str = "the store answers";
const WEEK: Duration = Duration::from_hours(7 * 24);

async fn open(h: &Harness, user: UserId, expires_at: Stamp) -> NewSession {
    let session = new_session(expires_at);
    h.sessions
        .open(user, session.clone(), 100, ending(EndReason::DeviceRevoked, T0))
        .await
        .expect(ANSWERS)
        .expect("the session opens");
    session
}

/// Sweeps as housekeeping does at `now`.
async fn sweep(h: &Harness, now: Stamp, limit: u32) -> u64 {
    h.sessions.sweep(&Cutoffs::at(now), limit).await.expect(ANSWERS)
}

/// Queues an email and returns its id.
async fn queue_mail(h: &Harness) -> Uuid {
    let sent = email_token(Purpose::MagicLink, None, &email("ann@example.com"));
    let id = sent.mail.as_ref().expect("a mail").id;
    h.one_time.send(sent, T0).await.expect(ANSWERS);
    id
}

async fn sent_mail(h: &Harness, sent_at: Stamp) {
    h.outbox.sent(queue_mail(h).await, sent_at).await.expect(ANSWERS);
}

async fn abandoned_mail(h: &Harness, abandoned_at: Stamp) {
    h.outbox.abandoned(queue_mail(h).await, "550 no such user", abandoned_at).await.expect(ANSWERS);
}

const MICROSECOND: Duration = Duration::from_micros(1);

/// An expired refresh token and its session stay for a week, so that the device learns that they
/// have expired.
pub async fn an_expired_login_is_swept_after_a_week(h: Harness) {
    let user = h.user().await;
    let [short, long] = [open(&h, user, at(100)).await, open(&h, user, at(101)).await];
    assert_eq!(sweep(&h, at(100).plus(WEEK).minus(MICROSECOND), 1_000).await, 0);
    assert_eq!(sweep(&h, at(100).plus(WEEK), 1_000).await, 2, "a refresh token and its session");
    assert_eq!(h.token(&short.hash).await, None);
    assert!(h.token(&long.hash).await.is_some());
    let records = h.accounts.records(user).await.expect(ANSWERS).expect("the user exists");
    assert_eq!(records.sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [long.id]);
}

/// A session can be ended as long as an access token of it may be accepted, even if its refresh
/// token has expired. A refresh extends that time and never shortens it.
pub async fn a_session_outlives_its_access_tokens(h: Harness) {
    let user = h.user().await;
    let month = at(0).plus(WEEK * 4);
    let session = NewSession { access_until: month, ..new_session(at(100)) };
    let opening = ending(EndReason::DeviceRevoked, T0);
    h.sessions.open(user, session.clone(), 100, opening).await.expect(ANSWERS).expect("the session opens");
    h.sessions.touch(user, session.id, &Device::default(), at(1), at(2)).await.expect(ANSWERS);
    assert_eq!(sweep(&h, month, 1_000).await, 1, "its refresh token");
    let logout = Ending { reason: EndReason::Logout, at: at(1), until: at(2) };
    let ended = h.sessions.end(user, session.id, logout).await.expect(ANSWERS);
    assert_eq!(ended.map(|revocation| revocation.until), Some(month), "as long as the access token lives");
    assert_eq!(sweep(&h, month.plus(Cutoffs::CLOCKS), 1_000).await, 2, "the session and its revocation");
    assert_eq!(h.sessions.end(user, session.id, logout).await.expect(ANSWERS), None);
}

/// A revocation is kept until no instance accepts the tokens that it ends, whatever its clock shows.
pub async fn a_revocation_is_swept_an_hour_after_its_tokens_end(h: Harness) {
    let user = h.user().await;
    for until in [at(100), at(101)] {
        let ended = open(&h, user, Stamp::MAX).await;
        let logout = Ending { reason: EndReason::Logout, at: at(1), until };
        h.sessions.end(user, ended.id, logout).await.expect(ANSWERS);
    }
    assert_eq!(sweep(&h, at(100).plus(Cutoffs::CLOCKS).minus(MICROSECOND), 1_000).await, 0);
    assert_eq!(sweep(&h, at(100).plus(Cutoffs::CLOCKS), 1_000).await, 1);
    let untils: Vec<_> = h.revocations(None, T0).await.iter().map(|revocation| revocation.until).collect();
    assert_eq!(untils, [at(101)]);
}

/// The replaced tokens of an ended session go in steps with its revocation, and the newest one stays as
/// long as that of an expired session.
pub async fn a_swept_revocation_takes_the_replaced_tokens_along(h: Harness) {
    let user = h.user().await;
    let [ended, live] = [open(&h, user, at(100_000)).await, open(&h, user, at(100_000)).await];
    let rotate = async |hash: &TokenHash, now| {
        let end = ending(EndReason::ReuseDetected, now);
        h.sessions.rotate(hash, successor(at(100_000)), &Device::default(), end).await.expect(ANSWERS)
    };
    let mut newest = Vec::new();
    for session in [&ended, &live] {
        let mut hash = session.hash;
        for second in 1..=3 {
            match rotate(&hash, at(second)).await {
                Rotated::Done { hash: next, .. } => hash = next,
                other => panic!("expected a rotated token, got {other:?}"),
            }
        }
        newest.push(hash);
    }
    let logout = Ending { reason: EndReason::Logout, at: at(4), until: at(2_000) };
    h.sessions.end(user, ended.id, logout).await.expect(ANSWERS);
    let over = at(2_000).plus(Cutoffs::CLOCKS);
    assert_eq!(sweep(&h, over.minus(MICROSECOND), 2).await, 0);
    assert_eq!(sweep(&h, over, 2).await, 2, "two of three replaced tokens");
    assert_eq!(h.revocations(None, T0).await.len(), 1, "it is needed for the third one");
    assert_eq!(sweep(&h, over, 2).await, 2, "the third one and the revocation");
    assert_eq!(sweep(&h, over, 2).await, 0);
    assert_eq!(h.token(&ended.hash).await, None);
    assert_eq!(
        rotate(&newest[0], over).await,
        Rotated::Ended,
        "the device learns that its session has ended"
    );
    assert!(h.token(&live.hash).await.is_some());
    assert!(matches!(rotate(&newest[1], over).await, Rotated::Done { .. }));
}

/// A one-time token of any purpose is removed when it has expired, and not before.
pub async fn a_one_time_token_is_swept_when_it_expires(h: Harness) {
    for purpose in Purpose::ALL {
        let token = one_time(purpose, None, &email("ann@example.com"));
        h.one_time.put(token.clone()).await.expect(ANSWERS);
        assert_eq!(token.expires_at, T0.plus(purpose.lifetime()));
        assert_eq!(sweep(&h, token.expires_at.minus(MICROSECOND), 1_000).await, 0, "{purpose:?}");
        assert_eq!(sweep(&h, token.expires_at, 1_000).await, 1, "{purpose:?}");
        let consumed = h.one_time.consume(purpose, &token.hash, T0).await.expect(ANSWERS);
        assert_eq!(consumed, None, "{purpose:?}");
    }
}

/// A one-time token is removed as soon as it was used or replaced.
pub async fn a_used_one_time_token_is_swept_at_once(h: Harness) {
    let (user, address) = h.account(false).await;
    let consumed = one_time(Purpose::OAuthState, None, &address);
    h.one_time.put(consumed.clone()).await.expect(ANSWERS);
    h.one_time.consume(Purpose::OAuthState, &consumed.hash, T0).await.expect(ANSWERS).expect("valid");
    for _ in 0..2 {
        let sent = email_token(Purpose::ResetPassword, Some(user), &address);
        h.one_time.send(sent, T0).await.expect(ANSWERS);
    }
    assert_eq!(sweep(&h, at(1), 1_000).await, 2, "the used one, and the reset that a newer one replaced");
    assert_eq!(sweep(&h, at(1), 1_000).await, 0, "the newer one is still valid");
}

/// An email is removed a week after it was sent or abandoned. Queued emails are kept.
pub async fn mails_are_swept_a_week_after_they_were_sent_or_abandoned(h: Harness) {
    sent_mail(&h, at(10)).await;
    abandoned_mail(&h, at(20)).await;
    queue_mail(&h).await;
    let links = 3;
    assert_eq!(sweep(&h, at(10).plus(WEEK), 1_000).await, links, "the one-time tokens only");
    assert_eq!(sweep(&h, at(10).plus(WEEK).next(), 1_000).await, 1, "the sent mail");
    assert_eq!(sweep(&h, at(20).plus(WEEK), 1_000).await, 0);
    assert_eq!(sweep(&h, at(20).plus(WEEK).next(), 1_000).await, 1, "the abandoned mail");
    assert_eq!(sweep(&h, Stamp::MAX, 1_000).await, 0);
    assert_eq!(h.outbox.queued().await.expect(ANSWERS), 1);
}

/// One sweep removes at most `limit` rows of each kind. Repeated sweeps remove all expired rows.
pub async fn a_sweep_removes_at_most_the_limit_of_each_kind(h: Harness) {
    let user = h.user().await;
    for _ in 0..7 {
        let session = open(&h, user, at(100)).await;
        let logout = Ending { reason: EndReason::Logout, at: at(1), until: at(50) };
        h.sessions.end(user, session.id, logout).await.expect(ANSWERS);
        sent_mail(&h, at(2)).await;
        abandoned_mail(&h, at(2)).await;
    }
    let kept = open(&h, user, Stamp::MAX).await;
    let late = at(100).plus(WEEK).next();
    let mut gone = 0;
    loop {
        let went = sweep(&h, late, 3).await;
        assert!(went <= 6 * 3, "at most three of each of six kinds, as no one-time token was used: {went}");
        gone += went;
        if went == 0 || gone > 7 * 7 {
            break;
        }
    }
    assert_eq!(
        gone,
        7 * 7,
        "refresh tokens, sessions, revocations, sent and abandoned mails, and a one-time token for each mail"
    );
    let records = h.accounts.records(user).await.expect(ANSWERS).expect("the user exists");
    assert_eq!(records.sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [kept.id]);
    assert!(h.token(&kept.hash).await.is_some());
}
