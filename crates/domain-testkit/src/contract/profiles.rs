//! Changing the name and the address of an account.

use std::collections::HashMap;
use std::sync::Arc;

use domain::account::{EmailChange, NewUser, ProfileChange, ProfileChanged, Registered};
use domain::mail::Template;
use domain::one_time::Purpose;
use domain::user::{DisplayName, Email, User};
use domain::{Stamp, UserId};

use crate::build::{T0, at, display_name, email, mail, new_email, new_name, new_user, one_time, uuid};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

async fn change(h: &Harness, user: UserId, change: ProfileChange, now: Stamp) -> ProfileChanged {
    h.accounts.change_profile(user, change, now).await.expect(ANSWERS)
}

async fn change_email(h: &Harness, user: UserId, to: &Email) -> ProfileChanged {
    let old = h.accounts.by_id(user).await.expect(ANSWERS).and_then(|user| user.email);
    let notice = old.map(|old| mail(Some(user), &old, Template::EmailChanged));
    change(h, user, with_email(EmailChange { notice, ..new_email(user, to) }), at(1)).await
}

fn with_email(email: EmailChange) -> ProfileChange {
    ProfileChange { display_name: None, email: Some(email) }
}

async fn name(h: &Harness, user: UserId) -> Option<DisplayName> {
    h.stored(user).await.display_name
}

async fn by_email(h: &Harness, address: &Email) -> Option<User> {
    h.accounts.by_email(address).await.expect(ANSWERS)
}

/// The name of one user is set, changed and cleared.
pub async fn a_name_is_set_changed_and_cleared(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    for new in [Some(display_name("Ann")), Some(display_name(&"𝄞".repeat(100))), None] {
        let expected = User { display_name: new.clone(), ..h.stored(ann).await };
        let changed = change(&h, ann, new_name(new), at(1)).await;
        assert_eq!(changed, ProfileChanged::Done(Box::new(expected.clone())));
        assert_eq!(h.stored(ann).await, expected);
    }
    assert_eq!(name(&h, bob).await, None);
    change(&h, bob, new_name(Some(display_name("Bob"))), at(1)).await;
    assert_eq!(name(&h, ann).await, None);
}

/// The new address is not verified until its email is used, both addresses get an email, and the old
/// address is free.
pub async fn a_new_address_is_unverified_and_both_addresses_get_a_mail(h: Harness) {
    let user = h.user().await;
    let old = h.stored(user).await.email.expect("the user has an address");
    let first = one_time(Purpose::VerifyEmail, Some(user), &old);
    h.one_time.put(first.clone()).await.expect(ANSWERS);
    let verified = h.one_time.verify_email(&first.hash, T0).await.expect(ANSWERS).expect("it is valid");

    let new = email("Ann.New@example.com");
    let notice = Some(mail(Some(user), &old, Template::EmailChanged));
    let requested = EmailChange { notice, ..new_email(user, &new) };
    let (hash, token) = (requested.verification.token.hash, requested.verification.token.id);
    let email_changed_at = Some(at(1));
    let expected = User { email: Some(new.clone()), email_verified: false, email_changed_at, ..verified };
    let changed = change(&h, user, with_email(requested), at(1)).await;
    assert_eq!(changed, ProfileChanged::Done(Box::new(expected.clone())));
    let stored = h.stored(user).await;
    assert_eq!(stored, expected);
    assert_eq!(stored.email.map(|email| email.as_str().to_owned()), Some(new.as_str().to_owned()));

    let mails = h.outbox.claim(at(1), at(9), 10).await.expect(ANSWERS);
    let queued: HashMap<_, _> = mails
        .iter()
        .map(|queued| (queued.mail.to.as_str(), (queued.mail.template, queued.mail.token)))
        .collect();
    let expected = HashMap::from([
        (new.as_str(), (Template::VerifyEmail, Some(token))),
        (old.as_str(), (Template::EmailChanged, None)),
    ]);
    assert_eq!(queued, expected);

    assert_eq!(by_email(&h, &old).await, None);
    let taker = NewUser { email: old, ..new_user() };
    let registered = h.accounts.register(taker, None, T0).await.expect(ANSWERS);
    assert!(matches!(registered, Registered::Done(_)), "the old address is free");
    let user = h.one_time.verify_email(&hash, at(2)).await.expect(ANSWERS).expect("the token is valid");
    assert!(user.email_verified);
}

/// One change sets both the name and the address.
pub async fn a_name_and_an_address_change_together(h: Harness) {
    let user = h.user().await;
    let (name, address) = (display_name("Ann"), email("ann@example.com"));
    let both =
        ProfileChange { display_name: Some(Some(name.clone())), email: Some(new_email(user, &address)) };
    let email_changed_at = Some(at(1));
    let before = h.stored(user).await;
    let expected = User { display_name: Some(name), email: Some(address), email_changed_at, ..before };
    assert_eq!(change(&h, user, both, at(1)).await, ProfileChanged::Done(Box::new(expected.clone())));
    assert_eq!(h.stored(user).await, expected);
    assert_eq!(h.outbox.queued().await.expect(ANSWERS), 1, "the verification");
}

/// An address of another account is refused regardless of the case of its letters, and nothing is
/// written.
pub async fn an_address_of_another_account_is_refused(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let (of_ann, of_bob) = (h.stored(ann).await, h.stored(bob).await);
    let older = new_email(ann, of_ann.email.as_ref().expect("an address")).verification;
    h.one_time.send(older.clone(), T0).await.expect(ANSWERS);
    let upper = email(&of_bob.email.as_ref().expect("an address").as_str().to_uppercase());
    let notice = Some(mail(Some(ann), &upper, Template::EmailChanged));
    let requested = EmailChange { notice, ..new_email(ann, &upper) };
    let hash = requested.verification.token.hash;
    assert_eq!(change(&h, ann, with_email(requested), at(1)).await, ProfileChanged::EmailTaken);
    assert_eq!((h.stored(ann).await, h.stored(bob).await), (of_ann, of_bob));
    assert_eq!(h.outbox.queued().await.expect(ANSWERS), 1, "the older mail alone");
    assert_eq!(h.one_time.verify_email(&hash, at(1)).await.expect(ANSWERS), None);
    let verified = h.one_time.verify_email(&older.token.hash, at(1)).await.expect(ANSWERS);
    assert!(verified.is_some(), "the older token is still valid");
}

/// A change whose address is refused does not change the name either.
pub async fn a_refused_address_leaves_the_name_as_it_was(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let before = h.stored(ann).await;
    let of_bob = h.stored(bob).await.email.expect("an address");
    let other_session =
        EmailChange { session: Some(domain::SessionId(uuid())), ..new_email(ann, &email("new@example.com")) };
    let refusals = [
        (new_email(ann, &of_bob), ProfileChanged::EmailTaken),
        (other_session, ProfileChanged::SessionEnded),
    ];
    for (requested, refusal) in refusals {
        let both = ProfileChange { display_name: Some(Some(display_name("Ann"))), email: Some(requested) };
        assert_eq!(change(&h, ann, both, at(1)).await, refusal);
        assert_eq!(h.stored(ann).await, before);
    }
    assert_eq!(h.outbox.queued().await.expect(ANSWERS), 0);
}

/// If changes and registrations ask for one address at the same time, exactly one gets it.
pub async fn of_concurrent_changes_to_one_address_exactly_one_succeeds(h: Harness) {
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
                let changed = change_email(&h, user, &wanted).await;
                (user, matches!(changed, ProfileChanged::Done(_)))
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
    assert!(mails == 0 || mails == 2, "both mails of the change that succeeded, and no others: {mails}");
}

/// A user may change the case of their own address.
pub async fn the_own_address_may_change_its_case(h: Harness) {
    let user = h.user().await;
    let old = h.stored(user).await.email.expect("the user has an address");
    let upper = email(&old.as_str().to_uppercase());
    assert!(matches!(change_email(&h, user, &upper).await, ProfileChanged::Done(_)));
    let stored = by_email(&h, &old).await.expect("the user is found under either spelling");
    assert_eq!(stored.email.expect("it has one").as_str(), upper.as_str());
}

/// A change of an unknown user writes nothing.
pub async fn a_profile_of_an_unknown_user_is_not_changed(h: Harness) {
    let (unknown, new) = (UserId(uuid()), email("new@example.com"));
    assert_eq!(change_email(&h, unknown, &new).await, ProfileChanged::NoSuchUser);
    let renamed = change(&h, unknown, new_name(Some(display_name("No"))), T0).await;
    assert_eq!(renamed, ProfileChanged::NoSuchUser);
    assert_eq!(by_email(&h, &new).await, None);
    assert_eq!(h.outbox.queued().await.expect(ANSWERS), 0);
}
