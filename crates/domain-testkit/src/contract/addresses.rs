//! Giving an account another address.

use std::collections::HashMap;
use std::sync::Arc;

use domain::UserId;
use domain::account::{Email, EmailChange, NewUser, Purpose, Registered, User};
use domain::mail::Template;

use crate::build::{T0, at, email, mail, new_user, one_time, proof, uuid};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

async fn change(h: &Harness, user: UserId, to: &Email) -> EmailChange {
    let old = h.accounts.by_id(user).await.expect(ANSWERS).and_then(|user| user.email);
    let notice = old.map(|old| mail(Some(user), &old, Template::EmailChanged));
    let proof = proof(Purpose::VerifyEmail, Some(user), to);
    h.one_time.change_email(user, None, to.clone(), proof, notice, at(1)).await.expect(ANSWERS)
}

async fn by_email(h: &Harness, address: &Email) -> Option<User> {
    h.accounts.by_email(address).await.expect(ANSWERS)
}

/// The new address is unverified until its mail is confirmed, both addresses are told, and the old one is free.
pub async fn a_new_address_is_unverified_and_both_are_told(h: Harness) {
    let user = h.user().await;
    let old = h.stored(user).await.email.expect("it has an address");
    let first = one_time(Purpose::VerifyEmail, Some(user), &old);
    h.one_time.put(first.clone()).await.expect(ANSWERS);
    let verified = h.one_time.verify_email(&first.hash, T0).await.expect(ANSWERS).expect("is good");

    let new = email("Ann.New@example.com");
    let confirm = proof(Purpose::VerifyEmail, Some(user), &new);
    let notice = mail(Some(user), &old, Template::EmailChanged);
    let hash = confirm.token.hash;
    let token = confirm.token.id;
    let changed = h.one_time.change_email(user, None, new.clone(), confirm, Some(notice), at(1)).await;
    let expected = User { email: Some(new.clone()), email_verified: false, ..verified };
    assert_eq!(changed.expect(ANSWERS), EmailChange::Done(Box::new(expected.clone())));
    let stored = h.stored(user).await;
    assert_eq!(stored, expected);
    assert_eq!(stored.email.map(|email| email.as_str().to_owned()), Some(new.as_str().to_owned()));

    let mails = h.outbox.claim(at(1), at(9), 10).await.expect(ANSWERS);
    let told: HashMap<_, _> = mails
        .iter()
        .map(|queued| (queued.mail.to.as_str(), (queued.mail.template, queued.mail.token)))
        .collect();
    let expected = HashMap::from([
        (new.as_str(), (Template::VerifyEmail, Some(token))),
        (old.as_str(), (Template::EmailChanged, None)),
    ]);
    assert_eq!(told, expected);

    assert_eq!(by_email(&h, &old).await, None);
    let taker = NewUser { email: old, ..new_user() };
    let registered = h.accounts.register(taker, None, T0).await.expect(ANSWERS);
    assert!(matches!(registered, Registered::Done(_)), "the old address is free");
    let user = h.one_time.verify_email(&hash, at(2)).await.expect(ANSWERS).expect("the token is good");
    assert!(user.email_verified);
}

/// An address that is another's, whatever its case, is refused, and nothing is written.
pub async fn an_address_of_another_is_not_taken(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let (of_ann, of_bob) = (h.stored(ann).await, h.stored(bob).await);
    let older = proof(Purpose::VerifyEmail, Some(ann), of_ann.email.as_ref().expect("an address"));
    h.one_time.send(older.clone(), T0).await.expect(ANSWERS);
    let upper = email(&of_bob.email.as_ref().expect("an address").as_str().to_uppercase());
    let (confirm, notice) =
        (proof(Purpose::VerifyEmail, Some(ann), &upper), mail(Some(ann), &upper, Template::EmailChanged));
    let hash = confirm.token.hash;
    let changed =
        h.one_time.change_email(ann, None, upper, confirm, Some(notice), at(1)).await.expect(ANSWERS);
    assert_eq!(changed, EmailChange::Taken);
    assert_eq!((h.stored(ann).await, h.stored(bob).await), (of_ann, of_bob));
    assert_eq!(h.outbox.queued().await.expect(ANSWERS), 1, "the older mail alone");
    assert_eq!(h.one_time.verify_email(&hash, at(1)).await.expect(ANSWERS), None);
    let verified = h.one_time.verify_email(&older.token.hash, at(1)).await.expect(ANSWERS);
    assert!(verified.is_some(), "the older token is still good");
}

/// Of changes and registrations at once to one address exactly one gets it.
pub async fn of_changes_to_one_address_at_once_one_is_made(h: Harness) {
    let h = Arc::new(h);
    let mut users = Vec::new();
    for _ in 0..10 {
        users.push(h.user().await);
    }
    let wanted = email("wanted@example.com");
    let before = h.outbox.queued().await.expect(ANSWERS);
    let got = all(users.into_iter().enumerate().map(|(place, user)| {
        let (h, wanted) = (Arc::clone(&h), wanted.clone());
        async move {
            if place % 2 == 0 {
                let changed = change(&h, user, &wanted).await;
                (user, matches!(changed, EmailChange::Done(_)))
            } else {
                let new = NewUser { email: wanted, ..new_user() };
                let id = new.id;
                let registered = h.accounts.register(new, None, T0).await.expect(ANSWERS);
                (id, matches!(registered, Registered::Done(_)))
            }
        }
    }))
    .await;
    let winners: Vec<_> = got.iter().filter(|(_, won)| *won).map(|(user, _)| *user).collect();
    assert_eq!(winners.len(), 1, "{got:?}");
    assert_eq!(by_email(&h, &wanted).await.map(|user| user.id), Some(winners[0]));
    let mails = h.outbox.queued().await.expect(ANSWERS) - before;
    assert!(mails == 0 || mails == 2, "both mails of the change that was made, and no other: {mails}");
}

/// One's own address may be spelt otherwise.
pub async fn ones_own_address_may_be_spelt_otherwise(h: Harness) {
    let user = h.user().await;
    let old = h.stored(user).await.email.expect("it has an address");
    let upper = email(&old.as_str().to_uppercase());
    assert!(matches!(change(&h, user, &upper).await, EmailChange::Done(_)));
    let stored = by_email(&h, &old).await.expect("is found under either spelling");
    assert_eq!(stored.email.expect("it has one").as_str(), upper.as_str());
}

/// Nobody gets no address, and no mail.
pub async fn an_unknown_user_gets_no_address(h: Harness) {
    let new = email("new@example.com");
    let nobody = UserId(uuid());
    assert_eq!(change(&h, nobody, &new).await, EmailChange::NoSuchUser);
    assert_eq!(by_email(&h, &new).await, None);
    assert_eq!(h.outbox.queued().await.expect(ANSWERS), 0);
}
