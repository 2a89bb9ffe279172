//! One-time tokens: each serves one purpose, once.

use std::sync::Arc;
use std::time::Duration;

use domain::one_time::{ConsumedToken, EmailToken, NewOneTimeToken, Purpose};
use domain::session::{EndReason, TokenHash};
use domain::{Stamp, UserId};

use crate::build::{
    T0, at, email, email_token, ending, new_user, one_time, password_hash, replacement, token_hash, uuid,
};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

async fn consume(h: &Harness, purpose: Purpose, hash: &TokenHash, now: Stamp) -> Option<ConsumedToken> {
    h.one_time.consume(purpose, hash, now).await.expect(ANSWERS)
}

async fn is_valid(h: &Harness, token: &NewOneTimeToken) -> bool {
    consume(h, token.purpose, &token.hash, T0).await.is_some()
}

/// A token returns its payload once, and only for its purpose.
pub async fn a_token_is_consumed_once(h: Harness) {
    let user = h.user().await;
    let texts = ["", "ann@example.com", "google\n\u{1f980}\n'\"%_\\\n", &"x".repeat(10_000)];
    for purpose in Purpose::ALL {
        for (text, user) in texts.iter().zip([None, Some(user), Some(user), None]) {
            let token = NewOneTimeToken {
                payload: (*text).to_owned(),
                user,
                ..one_time(purpose, None, &email("ann@example.com"))
            };
            h.one_time.put(token.clone()).await.expect(ANSWERS);
            for other in Purpose::ALL.into_iter().filter(|other| *other != purpose) {
                assert_eq!(
                    consume(&h, other, &token.hash, T0).await,
                    None,
                    "a token for {purpose:?} is not valid for {other:?}"
                );
            }
            let carried = ConsumedToken { user, payload: (*text).to_owned() };
            assert_eq!(consume(&h, purpose, &token.hash, T0).await, Some(carried));
            assert_eq!(consume(&h, purpose, &token.hash, T0).await, None, "{purpose:?} was used");
        }
        assert_eq!(consume(&h, purpose, &token_hash(), T0).await, None);
    }
}

/// Of fifty concurrent uses of one token, exactly one succeeds.
pub async fn exactly_one_of_fifty_concurrent_uses_succeeds(h: Harness) {
    let user = h.user().await;
    let h = Arc::new(h);
    for purpose in [Purpose::OAuthHandOff, Purpose::OAuthState] {
        let token = one_time(purpose, Some(user), &email("ann@example.com"));
        h.one_time.put(token.clone()).await.expect(ANSWERS);
        let consumed = all((0..50).map(|_| {
            let h = Arc::clone(&h);
            async move { consume(&h, purpose, &token.hash, T0).await }
        }))
        .await;
        assert_eq!(consumed.iter().flatten().count(), 1, "{purpose:?}: {consumed:?}");
    }
}

/// A token is valid before `expires_at`. A later attempt does not consume it.
pub async fn a_token_is_valid_until_it_expires(h: Harness) {
    let token =
        NewOneTimeToken { expires_at: at(60), ..one_time(Purpose::OAuthState, None, &email("a@b.co")) };
    h.one_time.put(token.clone()).await.expect(ANSWERS);
    for late in [at(60), at(61), Stamp::MAX] {
        assert_eq!(consume(&h, token.purpose, &token.hash, late).await, None, "{late:?}");
    }
    let last = at(60).minus(Duration::from_micros(1));
    assert!(consume(&h, token.purpose, &token.hash, last).await.is_some());
}

/// Sending a token invalidates the older ones of the same user and purpose, and no others.
pub async fn a_newer_token_invalidates_the_older_ones(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let address = email("ann@example.com");
    let send = async |purpose, user| {
        let sent = email_token(purpose, Some(user), &address);
        h.one_time.send(sent.clone(), T0).await.expect(ANSWERS);
        sent.token
    };
    let older = send(Purpose::ResetPassword, ann).await;
    let of_bob = send(Purpose::ResetPassword, bob).await;
    let other = send(Purpose::VerifyEmail, ann).await;
    let newer = send(Purpose::ResetPassword, ann).await;
    let unsent = [(); 2].map(|()| one_time(Purpose::OAuthState, Some(ann), &address));
    for token in &unsent {
        h.one_time.put(token.clone()).await.expect(ANSWERS);
    }
    assert!(!is_valid(&h, &older).await);
    for (token, which) in [(&newer, "the newer"), (&of_bob, "Bob's"), (&other, "another purpose's")] {
        assert!(is_valid(&h, token).await, "{which} is valid");
    }
    assert!(is_valid(&h, &unsent[0]).await, "a token without a mail invalidates no other");
    assert!(is_valid(&h, &unsent[1]).await);
}

/// Of tokens sent concurrently for one user and purpose, exactly one stays valid.
pub async fn exactly_one_of_concurrently_sent_tokens_stays_valid(h: Harness) {
    let user = h.user().await;
    let h = Arc::new(h);
    let tokens = all((0..10).map(|_| {
        let h = Arc::clone(&h);
        async move {
            let sent = email_token(Purpose::ResetPassword, Some(user), &email("ann@example.com"));
            h.one_time.send(sent.clone(), T0).await.expect(ANSWERS);
            sent.token
        }
    }))
    .await;
    let mut valid = 0;
    for token in &tokens {
        valid += u32::from(is_valid(&h, token).await);
    }
    assert_eq!(valid, 1);
}

/// Sending a token without a user invalidates no other token.
pub async fn a_token_without_a_user_invalidates_nothing(h: Harness) {
    let [first, second] = ["ann@example.com", "bob@example.com"]
        .map(|address| email_token(Purpose::MagicLink, None, &email(address)));
    for sent in [&first, &second] {
        h.one_time.send(sent.clone(), T0).await.expect(ANSWERS);
    }
    assert!(is_valid(&h, &first.token).await);
    assert!(is_valid(&h, &second.token).await);
}

/// A token without a user and a mail queues no email and resets no password.
pub async fn a_token_without_a_mail_queues_none(h: Harness) {
    let unsent =
        EmailToken { mail: None, ..email_token(Purpose::ResetPassword, None, &email("unknown@example.com")) };
    let hash = unsent.token.hash;
    h.one_time.send(unsent, T0).await.expect(ANSWERS);
    assert_eq!(h.outbox.queued().await.expect(ANSWERS), 0);
    assert_eq!(h.outbox.claim(at(1), at(2), 10).await.expect(ANSWERS).len(), 0);
    assert_eq!(h.one_time.resettable(&hash, T0).await.expect(ANSWERS), None);
    let reset = ending(EndReason::PasswordReset, T0);
    let done =
        h.one_time.reset_password(&hash, replacement(password_hash("second"), reset)).await.expect(ANSWERS);
    assert_eq!(done, None);
}

/// Tokens and emails of an unknown user are not stored. The calls succeed.
pub async fn nothing_is_stored_for_an_unknown_user(h: Harness) {
    let unknown = Some(UserId(uuid()));
    let address = new_user().email;
    let sent = email_token(Purpose::ResetPassword, unknown, &address);
    h.one_time.send(sent.clone(), T0).await.expect(ANSWERS);
    let put = one_time(Purpose::OAuthHandOff, unknown, &address);
    h.one_time.put(put.clone()).await.expect(ANSWERS);
    assert_eq!(h.outbox.queued().await.expect(ANSWERS), 0);
    assert!(!is_valid(&h, &sent.token).await);
    assert!(!is_valid(&h, &put).await);
}
