//! Logging in with an OAuth provider.

use std::collections::HashSet;
use std::sync::Arc;

use domain::UserId;
use domain::account::{NewUser, Registered};
use domain::identity::{Linked, LoginWays, ProviderIdentity, Resolved, Unlinked};
use domain::mail::Template;
use domain::user::User;

use crate::build::{T0, at, display_name, email, identity, new_user, notice, uuid};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

pub(super) async fn resolve(h: &Harness, identity: &ProviderIdentity) -> Resolved {
    h.identities
        .resolve(identity.clone(), Some(UserId(uuid())), notice(Template::ProviderLinked), at(1))
        .await
        .expect(ANSWERS)
}

pub(super) fn done(resolved: Resolved) -> User {
    match resolved {
        Resolved::Done(user) => *user,
        other => panic!("expected a login, got {other:?}"),
    }
}

pub(super) async fn link(h: &Harness, user: UserId, identity: &ProviderIdentity) -> Linked {
    h.identities
        .link(user, None, identity.clone(), notice(Template::ProviderLinked), at(1))
        .await
        .expect(ANSWERS)
}

pub(super) async fn unlink(h: &Harness, user: UserId, provider: &str) -> Unlinked {
    unlink_from(h, user, provider, true, &["google", "github", "issuer"]).await
}

/// Unlinks where the server offers passwords or not, and these providers.
pub(super) async fn unlink_from(
    h: &Harness,
    user: UserId,
    provider: &str,
    password: bool,
    providers: &[&str],
) -> Unlinked {
    let ways = LoginWays { password, providers: providers.iter().map(ToString::to_string).collect() };
    let notice = notice(Template::ProviderUnlinked);
    h.identities.unlink(user, None, provider, ways, notice, at(1)).await.expect(ANSWERS)
}

pub(super) async fn providers(h: &Harness, user: UserId) -> Vec<String> {
    h.identities.providers(user).await.expect(ANSWERS)
}

/// A new identity creates a user with the verified address of the provider, if there is one. Later
/// logins find that user.
pub async fn a_new_identity_creates_a_user(h: Harness) {
    for (subject, address) in [("1", Some(email("Ann@Example.com"))), ("2", None)] {
        let name = Some(display_name("Ann"));
        let ann = ProviderIdentity { name: name.clone(), ..identity("google", subject, address.as_ref()) };
        let new_user = UserId(uuid());
        let user = done(
            h.identities
                .resolve(ann.clone(), Some(new_user), notice(Template::ProviderLinked), at(1))
                .await
                .expect(ANSWERS),
        );
        let expected = User {
            id: new_user,
            email_verified: address.is_some(),
            email: address,
            password: None,
            display_name: name,
            is_active: true,
            created_at: at(1),
            last_login_at: None,
            email_changed_at: None,
            password_reset_at: None,
        };
        assert_eq!(user, expected);
        assert_eq!(h.stored(new_user).await, expected);
        assert_eq!(h.clock(new_user).await, at(1));
        let elsewhere = identity("google", subject, Some(&email("elsewhere@example.com")));
        assert_eq!(done(resolve(&h, &elsewhere).await), expected, "the identity decides, not its address");
        assert_eq!(providers(&h, new_user).await, ["google"]);
    }
    let other = done(resolve(&h, &identity("github", "2", None)).await);
    assert_eq!(
        providers(&h, other.id).await,
        ["github"],
        "the same subject of another provider is another user"
    );
}

/// A new identity with the verified address of an account is linked to it, in addition to
/// identities that the account has at the provider.
pub async fn a_new_identity_is_linked_by_its_verified_address(h: Harness) {
    let (user, address) = h.account(true).await;
    let before = h.stored(user).await;
    let upper = email(&address.as_str().to_uppercase());
    assert_eq!(link(&h, user, &identity("google", "by hand", None)).await, Linked::Done);
    assert_eq!(done(resolve(&h, &identity("google", "1", Some(&upper))).await), before);
    for subject in ["1", "by hand"] {
        assert_eq!(done(resolve(&h, &identity("google", subject, None)).await).id, user, "{subject}");
    }
    assert_eq!(providers(&h, user).await, ["google"], "the provider is listed once");
    assert_eq!(unlink(&h, user, "google").await, Unlinked::Done);
    assert_eq!(providers(&h, user).await, [""; 0], "all identities of the provider are removed");
}

/// A new identity with the unverified address of an account joins it only if a session links it.
pub async fn an_unverified_address_needs_a_link(h: Harness) {
    let (user, address) = h.account(false).await;
    let ann = identity("google", "1", Some(&address));
    let own = UserId(uuid());
    assert_eq!(
        h.identities
            .resolve(ann.clone(), Some(own), notice(Template::ProviderLinked), at(1))
            .await
            .expect(ANSWERS),
        Resolved::NeedsLink
    );
    assert_eq!(h.accounts.by_id(own).await.expect(ANSWERS), None);
    assert_eq!(providers(&h, user).await, [""; 0]);
    assert_eq!(link(&h, user, &ann).await, Linked::Done);
    assert_eq!(done(resolve(&h, &ann).await).id, user);
    assert!(!h.stored(user).await.email_verified, "a link verifies no address");
}

/// No identity, known or new, logs in to a disabled account.
pub async fn a_disabled_account_is_not_resolved(h: Harness) {
    let (user, address) = h.account(true).await;
    let known = identity("google", "known", None);
    assert_eq!(link(&h, user, &known).await, Linked::Done);
    h.operator.set_active(user, false).await;
    assert_eq!(resolve(&h, &known).await, Resolved::Disabled);
    assert_eq!(resolve(&h, &identity("github", "new", Some(&address))).await, Resolved::Disabled);
    assert_eq!(providers(&h, user).await, ["google"]);
}

/// Concurrent logins with one new identity, or with two that share a verified address, create one
/// user.
pub async fn concurrent_logins_with_a_new_identity_create_one_user(h: Harness) {
    let h = Arc::new(h);
    for round in 0..10 {
        let address = email(&format!("ann{round}@example.com"));
        let users = all((0..10).map(|place| {
            let provider = if round % 2 == 0 || place % 2 == 0 { "google" } else { "github" };
            let (h, ann) = (Arc::clone(&h), identity(provider, &round.to_string(), Some(&address)));
            async move {
                let own = UserId(uuid());
                let resolved = h
                    .identities
                    .resolve(ann, Some(own), notice(Template::ProviderLinked), at(1))
                    .await
                    .expect(ANSWERS);
                (own, done(resolved).id)
            }
        }))
        .await;
        for (own, user) in &users {
            let stored = h.accounts.by_id(*own).await.expect(ANSWERS);
            assert_eq!(stored.is_some(), own == user, "round {round}: no other user is made");
        }
        let users: HashSet<_> = users.into_iter().map(|(_, user)| user).collect();
        assert_eq!(users.len(), 1, "round {round}");
        for user in users {
            assert_eq!(providers(&h, user).await.len(), 1 + round % 2, "round {round}");
        }
    }
}

/// Of a registration and a concurrent provider login with the same address, one is refused.
pub async fn a_concurrent_registration_and_provider_login_share_no_address(h: Harness) {
    let h = Arc::new(h);
    for round in 0..10 {
        let new = NewUser { email: email(&format!("ann{round}@example.com")), ..new_user() };
        let ann = identity("google", &round.to_string(), Some(&new.email));
        let registration = tokio::spawn({
            let h = Arc::clone(&h);
            async move { h.accounts.register(new, None, T0).await.expect(ANSWERS) }
        });
        let resolved = resolve(&h, &ann).await;
        match registration.await.expect("the registration is answered") {
            Registered::Done(_) => assert_eq!(resolved, Resolved::NeedsLink, "round {round}"),
            Registered::EmailTaken => assert!(done(resolved).email_verified, "round {round}"),
            Registered::NotInvited => panic!("no invitation is needed"),
        }
    }
}

/// Without a user to create, a new identity creates nothing; known ones log in.
pub async fn an_unknown_identity_creates_nothing_without_a_new_user(h: Harness) {
    let known = identity("google", "1", Some(&email("ann@example.com")));
    let user = done(resolve(&h, &known).await).id;
    let resolve = async |identity: ProviderIdentity| {
        let notice = notice(Template::ProviderLinked);
        h.identities.resolve(identity, None, notice, at(2)).await.expect(ANSWERS)
    };
    let unknown = identity("google", "2", Some(&email("bob@example.com")));
    assert_eq!(resolve(unknown).await, Resolved::Unknown);
    assert_eq!(h.accounts.by_email(&email("bob@example.com")).await.expect(ANSWERS), None);
    assert_eq!(done(resolve(known).await).id, user);
    let joins = identity("github", "1", Some(&email("ann@example.com")));
    assert_eq!(done(resolve(joins).await).id, user);
}
