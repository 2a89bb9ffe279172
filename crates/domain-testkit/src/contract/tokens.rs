//! One-time tokens: each proves one thing once.

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

async fn is_good(h: &Harness, token: &NewOneTimeToken) -> bool {
    consume(h, token.purpose, &token.hash, T0).await.is_some()
}

/// A token gives what it carries, once, and for its purpose only.
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
                assert_eq!(consume(&h, other, &token.hash, T0).await, None, "{purpose:?} is no {other:?}");
            }
            let carried = ConsumedToken { user, payload: (*text).to_owned() };
            assert_eq!(consume(&h, purpose, &token.hash, T0).await, Some(carried));
            assert_eq!(consume(&h, purpose, &token.hash, T0).await, None, "{purpose:?} was used");
        }
        assert_eq!(consume(&h, purpose, &token_hash(), T0).await, None);
    }
}

/// Of fifty who present one token at once exactly one succeeds.
pub async fn of_fifty_presenters_at_once_one_succeeds(h: Harness) {
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

/// A token is good to the last instant before its end, and what is tried later does not use it up.
pub async fn a_token_is_good_until_its_end(h: Harness) {
    let token =
        NewOneTimeToken { expires_at: at(60), ..one_time(Purpose::OAuthState, None, &email("a@b.co")) };
    h.one_time.put(token.clone()).await.expect(ANSWERS);
    for late in [at(60), at(61), Stamp::MAX] {
        assert_eq!(consume(&h, token.purpose, &token.hash, late).await, None, "{late:?}");
    }
    let last = at(60).minus(Duration::from_micros(1));
    assert!(consume(&h, token.purpose, &token.hash, last).await.is_some());
}

/// A token that is sent voids the older ones of its user and purpose, and no others.
pub async fn a_newer_token_voids_the_older(h: Harness) {
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
    assert!(!is_good(&h, &older).await);
    for (token, which) in [(&newer, "the newer"), (&of_bob, "Bob's"), (&other, "another purpose's")] {
        assert!(is_good(&h, token).await, "{which} is good");
    }
    assert!(is_good(&h, &unsent[0]).await, "what no mail carries voids nothing");
    assert!(is_good(&h, &unsent[1]).await);
}

/// Of tokens sent at once for one user and purpose exactly one stays good.
pub async fn of_tokens_sent_at_once_one_is_good(h: Harness) {
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
    let mut good = 0;
    for token in &tokens {
        good += u32::from(is_good(&h, token).await);
    }
    assert_eq!(good, 1);
}

/// A token sent to an address that nobody has voids no other's.
pub async fn a_token_of_nobody_voids_nothing(h: Harness) {
    let [first, second] = ["ann@example.com", "bob@example.com"]
        .map(|address| email_token(Purpose::MagicLink, None, &email(address)));
    for sent in [&first, &second] {
        h.one_time.send(sent.clone(), T0).await.expect(ANSWERS);
    }
    assert!(is_good(&h, &first.token).await);
    assert!(is_good(&h, &second.token).await);
}

/// A token that is sent to nobody leaves no mail, and resets nothing.
pub async fn a_decoy_leaves_no_mail(h: Harness) {
    let decoy =
        EmailToken { mail: None, ..email_token(Purpose::ResetPassword, None, &email("nobody@example.com")) };
    let hash = decoy.token.hash;
    h.one_time.send(decoy, T0).await.expect(ANSWERS);
    assert_eq!(h.outbox.queued().await.expect(ANSWERS), 0);
    assert_eq!(h.outbox.claim(at(1), at(2), 10).await.expect(ANSWERS).len(), 0);
    assert_eq!(h.one_time.resettable(&hash, T0).await.expect(ANSWERS), None);
    let reset = ending(EndReason::PasswordReset, T0);
    let done =
        h.one_time.reset_password(&hash, replacement(password_hash("second"), reset)).await.expect(ANSWERS);
    assert_eq!(done, None);
}

/// For a user who is gone nothing is stored, and nothing fails.
pub async fn nothing_is_stored_for_a_user_who_is_gone(h: Harness) {
    let nobody = Some(UserId(uuid()));
    let address = new_user().email;
    let sent = email_token(Purpose::ResetPassword, nobody, &address);
    h.one_time.send(sent.clone(), T0).await.expect(ANSWERS);
    let put = one_time(Purpose::OAuthHandOff, nobody, &address);
    h.one_time.put(put.clone()).await.expect(ANSWERS);
    assert_eq!(h.outbox.queued().await.expect(ANSWERS), 0);
    assert!(!is_good(&h, &sent.token).await);
    assert!(!is_good(&h, &put).await);
}
