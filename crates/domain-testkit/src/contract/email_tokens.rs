//! Verifying an address, and resetting a password by mail.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::account::{NewUser, ProfileChange, Registered};
use domain::mail::Template;
use domain::one_time::{EmailToken, NewOneTimeToken, Purpose};
use domain::session::{Device, EndReason, Revocation, Revoked, Rotated, TokenHash};
use domain::user::{Email, User};
use domain::{Stamp, UserId};

use crate::build::{
    T0, at, email, email_token, ending, mail, new_email, new_session, new_user, one_time, password_hash,
    replacement, successor,
};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

async fn verify(h: &Harness, hash: &TokenHash, now: Stamp) -> Option<User> {
    h.one_time.verify_email(hash, now).await.expect(ANSWERS)
}

async fn reset(h: &Harness, hash: &TokenHash, now: Stamp) -> Option<Vec<Revocation>> {
    let ending = ending(EndReason::PasswordReset, now);
    h.one_time.reset_password(hash, replacement(password_hash("reset"), ending)).await.expect(ANSWERS)
}

/// A user, the address of the user, and a token for that user.
async fn with_token(h: &Harness, purpose: Purpose) -> (UserId, Email, NewOneTimeToken) {
    let user = h.user().await;
    let address = h.stored(user).await.email.expect("the user has an address");
    let sent = email_token(purpose, Some(user), &address);
    h.one_time.send(sent.clone(), T0).await.expect(ANSWERS);
    (user, address, sent.token)
}

async fn change_address(h: &Harness, user: UserId, to: &Email) {
    let change = ProfileChange { display_name: None, email: Some(new_email(user, to)) };
    h.accounts.change_profile(user, change, T0).await.expect(ANSWERS);
}

/// A registration stores the verification token and queues its email together with the account.
pub async fn a_registration_stores_its_verification(h: Harness) {
    let new = new_user();
    let verification = email_token(Purpose::VerifyEmail, Some(new.id), &new.email);
    let new = NewUser { verification: Some(verification.clone()), ..new };
    let registered = h.accounts.register(new.clone(), None, at(1)).await.expect(ANSWERS);
    assert!(matches!(registered, Registered::Done(_)));
    let before = T0.minus(Template::VerifyEmail.head_start());
    assert_eq!(
        h.outbox.claim(before, at(9), 10).await.expect(ANSWERS).len(),
        0,
        "the mail is due from the registration on, less its head start"
    );
    let queued = h.outbox.claim(at(1), at(9), 10).await.expect(ANSWERS);
    assert_eq!(queued.len(), 1);
    let sent = &queued[0].mail;
    assert_eq!((sent.user, sent.template), (Some(new.id), Template::VerifyEmail));
    assert_eq!(sent.to.as_str(), new.email.as_str());
    assert_eq!(sent.token, Some(verification.token.id));
    let user = verify(&h, &verification.token.hash, at(2)).await.expect("the token is valid");
    assert!(user.email_verified);
    assert_eq!(h.stored(new.id).await, user);
}

/// Of concurrent registrations, only the one that succeeds stores a token and an email.
pub async fn a_refused_registration_queues_no_mail(h: Harness) {
    let h = Arc::new(h);
    let answers = all((0..10).map(|_| {
        let h = Arc::clone(&h);
        async move {
            let new = NewUser { email: email("ann@example.com"), ..new_user() };
            let verification = email_token(Purpose::VerifyEmail, Some(new.id), &new.email);
            let hash = verification.token.hash;
            let new = NewUser { verification: Some(verification), ..new };
            (hash, h.accounts.register(new, None, T0).await.expect(ANSWERS))
        }
    }))
    .await;
    assert_eq!(h.outbox.queued().await.expect(ANSWERS), 1);
    for (hash, registered) in answers {
        let won = matches!(registered, Registered::Done(_));
        assert_eq!(verify(&h, &hash, T0).await.is_some(), won);
    }
}

/// A verification marks the address as verified. Of fifty concurrent ones, exactly one succeeds.
pub async fn an_address_is_verified_once(h: Harness) {
    let (user, _, token) = with_token(&h, Purpose::VerifyEmail).await;
    let other = h.user().await;
    assert_eq!(reset(&h, &token.hash, T0).await, None, "a verification token resets no password");
    assert_eq!(verify(&h, &token.hash, token.expires_at).await, None, "the token expires at `expires_at`");
    let h = Arc::new(h);
    let verified = all((0..50).map(|_| {
        let h = Arc::clone(&h);
        async move { verify(&h, &token.hash, T0).await }
    }))
    .await;
    let verified: Vec<_> = verified.into_iter().flatten().collect();
    assert_eq!(verified, [h.stored(user).await]);
    assert!(verified[0].email_verified);
    assert!(!h.stored(other).await.email_verified);
}

/// A verification is valid only if its address is still the user's, regardless of case.
pub async fn a_former_address_is_not_verified(h: Harness) {
    let (user, old, sent) = with_token(&h, Purpose::VerifyEmail).await;
    let new = email("new@example.com");
    change_address(&h, user, &new).await;
    assert_eq!(verify(&h, &sent.hash, T0).await, None);
    for (address, is_current) in [(&old, false), (&email("NEW@Example.com"), true)] {
        let token = one_time(Purpose::VerifyEmail, Some(user), address);
        h.one_time.put(token.clone()).await.expect(ANSWERS);
        assert_eq!(verify(&h, &token.hash, T0).await.is_some(), is_current, "{}", address.as_str());
        assert_eq!(h.stored(user).await.email_verified, is_current);
    }
}

/// A reset sets the password, verifies the address and ends every session, including expired ones.
pub async fn a_reset_ends_every_session(h: Harness) {
    let (user, _, token) = with_token(&h, Purpose::ResetPassword).await;
    let other = h.user().await;
    let sessions = [at(1_000), at(2), at(1_000)].map(new_session);
    let opening = ending(EndReason::DeviceRevoked, T0);
    for (owner, session) in [user, user, other].into_iter().zip(&sessions) {
        h.sessions
            .open(owner, session.clone(), 20, opening)
            .await
            .expect(ANSWERS)
            .expect("the session opens");
    }
    let before = h.stored(user).await;
    let resettable = h.one_time.resettable(&token.hash, at(5)).await.expect(ANSWERS);
    assert_eq!(resettable, Some(before.clone()), "the query changes nothing");

    let revocations = reset(&h, &token.hash, at(5)).await.expect("the token is valid");
    let end = ending(EndReason::PasswordReset, at(5));
    let expected = [&sessions[0], &sessions[1]].map(|session| Revocation {
        what: Revoked::Session(session.id),
        user,
        reason: end.reason,
        at: end.at,
        until: end.until,
    });
    let expected = HashSet::from(expected);
    assert_eq!(revocations.into_iter().collect::<HashSet<_>>(), expected);
    assert_eq!(h.revocations(None, at(5)).await.into_iter().collect::<HashSet<_>>(), expected);
    let after = User {
        password: Some(password_hash("reset")),
        email_verified: true,
        password_reset_at: Some(at(5)),
        ..before
    };
    assert_eq!(h.stored(user).await, after);

    assert_eq!(h.one_time.resettable(&token.hash, at(5)).await.expect(ANSWERS), None, "it was used");
    assert_eq!(reset(&h, &token.hash, at(5)).await, None);
    let next = h.sessions.rotate(&sessions[2].hash, successor(at(1_000)), &Device::default(), end).await;
    assert!(matches!(next.expect(ANSWERS), Rotated::Done { .. }), "no other user is logged out");
    assert_eq!(h.stored(other).await.password, Some(password_hash("first")));
}

/// A reset is valid before `expires_at`. Of fifty concurrent resets, exactly one sets its password.
pub async fn exactly_one_of_fifty_concurrent_resets_succeeds(h: Harness) {
    let (user, _, token) = with_token(&h, Purpose::ResetPassword).await;
    let resettable = async |now| h.one_time.resettable(&token.hash, now).await.expect(ANSWERS);
    assert_eq!(resettable(token.expires_at).await, None);
    assert_eq!(reset(&h, &token.hash, token.expires_at).await, None);
    let last = token.expires_at.minus(Duration::from_micros(1));
    assert!(resettable(last).await.is_some());
    let h = Arc::new(h);
    let done = all((0..50).map(|place| {
        let h = Arc::clone(&h);
        async move {
            let password = password_hash(&place.to_string());
            let ending = ending(EndReason::PasswordReset, last);
            let done = h.one_time.reset_password(&token.hash, replacement(password.clone(), ending)).await;
            done.expect(ANSWERS).map(|_| password)
        }
    }))
    .await;
    let set: Vec<_> = done.into_iter().flatten().collect();
    assert_eq!(set.len(), 1, "{set:?}");
    assert_eq!(h.stored(user).await.password.as_ref(), set.first());
}

/// A reset is invalid once the user has another address than the one that it was sent to.
pub async fn a_reset_sent_to_a_former_address_is_invalid(h: Harness) {
    let (user, _, token) = with_token(&h, Purpose::ResetPassword).await;
    change_address(&h, user, &email("new@example.com")).await;
    assert_eq!(h.one_time.resettable(&token.hash, T0).await.expect(ANSWERS), None);
    assert_eq!(reset(&h, &token.hash, T0).await, None);
    let user = h.stored(user).await;
    assert_eq!((user.password, user.email_verified), (Some(password_hash("first")), false));
}

/// A newer token leaves the older email queued. Each email keeps the id of its own token.
pub async fn every_mail_is_queued_with_its_own_token(h: Harness) {
    let user = h.user().await;
    let address = email("ann@example.com");
    let twice = [(); 2].map(|()| email_token(Purpose::ResetPassword, Some(user), &address));
    let notice = EmailToken {
        token: one_time(Purpose::VerifyEmail, Some(user), &address),
        mail: Some(mail(Some(user), &address, Template::PasswordChanged)),
    };
    for sent in twice.iter().chain([&notice]) {
        h.one_time.send(sent.clone(), T0).await.expect(ANSWERS);
    }
    let mails = h.outbox.claim(T0, at(9), 10).await.expect(ANSWERS);
    let tokens: HashSet<_> = mails.iter().map(|queued| queued.mail.token).collect();
    assert_eq!(tokens, HashSet::from([Some(twice[0].token.id), Some(twice[1].token.id), None]));
}
