//! Users of an external issuer, identified by issuer and subject.

use std::collections::HashSet;
use std::sync::Arc;

use domain::UserId;
use domain::account::{NewUser, Registered};
use domain::identity::ExternalToken;
use domain::user::User;

use crate::build::{T0, at, create, display_name, email, external, new_user, todo_id, uuid};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

async fn user_of(h: &Harness, token: &ExternalToken) -> UserId {
    h.identities.find_or_create_external(token, UserId(uuid()), at(1)).await.expect(ANSWERS)
}

/// The first token of a subject creates a user with the name in the token and without an address.
/// Later tokens find that user.
pub async fn the_first_token_of_a_subject_creates_a_user(h: Harness) {
    let address = email("Ann@Example.com");
    let token = ExternalToken {
        name: Some(display_name("Ann 🦀")),
        ..external("better-auth", "9Qd0w8kVb3ZyGg1uX2rT5sA7mNcLhPfE", Some(&address))
    };
    let new_user = UserId(uuid());
    let user = h.identities.find_or_create_external(&token, new_user, at(1)).await.expect(ANSWERS);
    assert_eq!(user, new_user);
    let expected = User {
        id: user,
        email: None,
        password: None,
        display_name: token.name.clone(),
        email_verified: false,
        is_active: true,
        created_at: at(1),
        last_login_at: None,
        email_changed_at: None,
        password_reset_at: None,
    };
    assert_eq!(h.stored(user).await, expected);
    let later = ExternalToken { email: Some(email("other@example.com")), name: None, ..token };
    assert_eq!(user_of(&h, &later).await, user);
    assert_eq!(h.stored(user).await, expected, "a later token changes nothing");
    assert_eq!(h.identities.providers(user).await.expect(ANSWERS), ["better-auth"]);
    assert_eq!(h.clock(user).await, at(1));
    h.applied_at(user, create(todo_id(), "milk"), at(2)).await;
}

/// Each pair of issuer and subject is a separate user.
pub async fn another_subject_or_issuer_is_another_user(h: Harness) {
    let mut users = HashSet::new();
    for issuer in ["a", "b"] {
        for subject in ["1", "01", "Ann", "ann", "'; --", "ä", ""] {
            users.insert(user_of(&h, &external(issuer, subject, None)).await);
        }
    }
    assert_eq!(users.len(), 14);
    for user in users {
        assert_eq!(h.stored(user).await.email, None);
    }
}

/// Ten concurrent first requests of one subject create one user.
pub async fn ten_concurrent_first_requests_create_one_user(h: Harness) {
    let h = Arc::new(h);
    for round in 0..10 {
        let subject = round.to_string();
        let found = all((0..10).map(|_| {
            let (h, subject) = (Arc::clone(&h), subject.clone());
            async move {
                let own = UserId(uuid());
                let token = external("issuer", &subject, Some(&email(&format!("{subject}@example.com"))));
                (own, h.identities.find_or_create_external(&token, own, T0).await.expect(ANSWERS))
            }
        }))
        .await;
        let users: HashSet<_> = found.iter().map(|(_, user)| *user).collect();
        assert_eq!(users.len(), 1, "round {round}");
        for (own, user) in found {
            let stored = h.accounts.by_id(own).await.expect(ANSWERS);
            assert_eq!(stored.is_some(), own == user, "round {round}: one user is created");
        }
    }
}

/// A token with the address of an account does not join that account. The new user has no address,
/// and the account does not change.
pub async fn an_external_subject_never_joins_an_account_by_address(h: Harness) {
    let owner = new_user();
    h.accounts.register(owner.clone(), None, T0).await.expect(ANSWERS);
    let before = h.stored(owner.id).await;
    let uppercase = email(&owner.email.as_str().to_uppercase());
    let user = user_of(&h, &external("issuer", "1", Some(&uppercase))).await;
    assert_ne!(user, owner.id);
    assert_eq!(h.stored(user).await.email, None);
    assert_eq!(h.stored(owner.id).await, before);
    assert_eq!(h.identities.providers(owner.id).await.expect(ANSWERS), [""; 0]);
    let records = h.accounts.records(user).await.expect(ANSWERS).expect("the user exists");
    assert_eq!(
        records.identities[0].email.as_deref(),
        Some(uppercase.as_str()),
        "the records show the address of the token"
    );
}

/// An address in a subject's token stays available to others. Of concurrent subjects and a
/// registration with one address, each becomes a user, and the registered one gets the address.
pub async fn an_external_subject_claims_no_address(h: Harness) {
    let h = Arc::new(h);
    let address = email("ann@example.com");
    let users = all((0..10).map(|place| {
        let (h, address) = (Arc::clone(&h), address.clone());
        async move {
            if place == 5 {
                let new = NewUser { email: address, ..new_user() };
                let id = new.id;
                let registered = h.accounts.register(new, None, T0).await.expect(ANSWERS);
                assert!(matches!(registered, Registered::Done(_)));
                return id;
            }
            user_of(&h, &external("issuer", &place.to_string(), Some(&address))).await
        }
    }))
    .await;
    let distinct: HashSet<_> = users.iter().collect();
    assert_eq!(distinct.len(), 10);
    let owner = h.accounts.by_email(&address).await.expect(ANSWERS).expect("a user has the address");
    assert_eq!(owner.id, users[5]);
}
