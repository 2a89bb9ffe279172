//! Logging in by an OAuth provider, linking one and taking it away.

use std::collections::HashSet;
use std::sync::Arc;

use domain::UserId;
use domain::account::{NewUser, Registered};
use domain::identity::{Linked, ProviderIdentity, Resolved, Unlinked};
use domain::one_time::Purpose;
use domain::user::{Email, User};

use crate::build::{T0, at, display_name, email, external, identity, new_user, one_time, uuid};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

async fn resolve(h: &Harness, identity: &ProviderIdentity) -> Resolved {
    h.identities.resolve(identity.clone(), UserId(uuid()), at(1)).await.expect(ANSWERS)
}

fn done(resolved: Resolved) -> User {
    match resolved {
        Resolved::Done(user) => *user,
        Resolved::NeedsLink | Resolved::Disabled => panic!("it logs somebody in, not {resolved:?}"),
    }
}

async fn link(h: &Harness, user: UserId, identity: &ProviderIdentity) -> Linked {
    h.identities.link(user, None, identity.clone(), at(1)).await.expect(ANSWERS)
}

async fn unlink(h: &Harness, user: UserId, provider: &str) -> Unlinked {
    h.identities.unlink(user, provider).await.expect(ANSWERS)
}

async fn providers(h: &Harness, user: UserId) -> Vec<String> {
    h.identities.providers(user).await.expect(ANSWERS)
}

/// A user with a password and an address that is verified or not.
async fn registered(h: &Harness, verified: bool) -> (UserId, Email) {
    let user = h.user().await;
    let address = h.stored(user).await.email.expect("it has an address");
    if verified {
        let token = one_time(Purpose::VerifyEmail, Some(user), &address);
        h.one_time.put(token.clone()).await.expect(ANSWERS);
        assert!(h.one_time.verify_email(&token.hash, T0).await.expect(ANSWERS).is_some());
    }
    (user, address)
}

/// A new identity makes a user, whose address is verified where the provider vouches for one; later logins find that user.
pub async fn a_new_identity_makes_a_user(h: Harness) {
    for (subject, address) in [("1", Some(email("Ann@Example.com"))), ("2", None)] {
        let name = Some(display_name("Ann"));
        let ann = ProviderIdentity { name: name.clone(), ..identity("google", subject, address.as_ref()) };
        let new_user = UserId(uuid());
        let user = done(h.identities.resolve(ann.clone(), new_user, at(1)).await.expect(ANSWERS));
        let expected = User {
            id: new_user,
            email_verified: address.is_some(),
            email: address,
            password: None,
            display_name: name,
            is_active: true,
            created_at: at(1),
            last_login_at: None,
        };
        assert_eq!(user, expected);
        assert_eq!(h.stored(new_user).await, expected);
        assert_eq!(h.clock(new_user).await, at(1));
        let elsewhere = identity("google", subject, Some(&email("elsewhere@example.com")));
        assert_eq!(done(resolve(&h, &elsewhere).await), expected, "the identity counts, not its address");
        assert_eq!(providers(&h, new_user).await, ["google"]);
    }
    let other = done(resolve(&h, &identity("github", "2", None)).await);
    assert_eq!(providers(&h, other.id).await, ["github"], "a subject of another provider is another's");
}

/// A new identity whose address an account verified is linked to it, beside what it has there already.
pub async fn a_verified_address_gets_the_identity(h: Harness) {
    let (user, address) = registered(&h, true).await;
    let before = h.stored(user).await;
    let upper = email(&address.as_str().to_uppercase());
    assert_eq!(link(&h, user, &identity("google", "by hand", None)).await, Linked::Done);
    assert_eq!(done(resolve(&h, &identity("google", "1", Some(&upper))).await), before);
    for subject in ["1", "by hand"] {
        assert_eq!(done(resolve(&h, &identity("google", subject, None)).await).id, user, "{subject}");
    }
    assert_eq!(providers(&h, user).await, ["google"], "named once");
    assert_eq!(unlink(&h, user, "google").await, Unlinked::Done);
    assert_eq!(providers(&h, user).await, [""; 0], "all of the provider's go");
}

/// A new identity whose address an account never verified is joined to nobody, until a session links it.
pub async fn an_unverified_address_needs_a_link(h: Harness) {
    let (user, address) = registered(&h, false).await;
    let ann = identity("google", "1", Some(&address));
    let own = UserId(uuid());
    assert_eq!(h.identities.resolve(ann.clone(), own, at(1)).await.expect(ANSWERS), Resolved::NeedsLink);
    assert_eq!(h.accounts.by_id(own).await.expect(ANSWERS), None);
    assert_eq!(providers(&h, user).await, [""; 0]);
    assert_eq!(link(&h, user, &ann).await, Linked::Done);
    assert_eq!(done(resolve(&h, &ann).await).id, user);
    assert!(!h.stored(user).await.email_verified, "a link vouches for no address");
}

/// A disabled account is logged in by no identity, known or new.
pub async fn a_disabled_account_is_not_resolved(h: Harness) {
    let (user, address) = registered(&h, true).await;
    let known = identity("google", "known", None);
    assert_eq!(link(&h, user, &known).await, Linked::Done);
    h.operator.set_active(user, false).await;
    assert_eq!(resolve(&h, &known).await, Resolved::Disabled);
    assert_eq!(resolve(&h, &identity("github", "new", Some(&address))).await, Resolved::Disabled);
    assert_eq!(providers(&h, user).await, ["google"]);
}

/// Logins at once by one new identity, or by two that share a verified address, make one user.
pub async fn resolutions_at_once_make_one_user(h: Harness) {
    let h = Arc::new(h);
    for round in 0..10 {
        let address = email(&format!("ann{round}@example.com"));
        let users = all((0..10).map(|place| {
            let provider = if round % 2 == 0 || place % 2 == 0 { "google" } else { "github" };
            let (h, ann) = (Arc::clone(&h), identity(provider, &round.to_string(), Some(&address)));
            async move { done(resolve(&h, &ann).await).id }
        }))
        .await;
        let users: HashSet<_> = users.into_iter().collect();
        assert_eq!(users.len(), 1, "round {round}");
        for user in users {
            assert_eq!(providers(&h, user).await.len(), 1 + round % 2, "round {round}");
        }
    }
}

/// Of a registration and a login by a provider at once with one address one is refused.
pub async fn a_registration_and_a_resolution_at_once_share_no_address(h: Harness) {
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
        }
    }
}

/// A link gives the identity to the user, again too; one of another user stays theirs.
pub async fn an_identity_belongs_to_one_user(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let google = identity("google", "1", None);
    for _ in 0..2 {
        assert_eq!(link(&h, ann, &google).await, Linked::Done);
    }
    assert_eq!(link(&h, bob, &google).await, Linked::BelongsToAnother);
    assert_eq!(done(resolve(&h, &google).await).id, ann);
    assert_eq!(providers(&h, bob).await, [""; 0]);
    assert_eq!(link(&h, UserId(uuid()), &identity("google", "2", None)).await, Linked::NoSuchUser);

    let h = Arc::new(h);
    for round in 0..10 {
        let wanted = identity("github", &round.to_string(), None);
        let linked = all([ann, bob].map(|user| {
            let (h, wanted) = (Arc::clone(&h), wanted.clone());
            async move { link(&h, user, &wanted).await }
        }))
        .await;
        let owner = if linked[0] == Linked::Done { ann } else { bob };
        assert_eq!(linked.iter().filter(|linked| **linked == Linked::Done).count(), 1, "round {round}");
        assert!(linked.contains(&Linked::BelongsToAnother), "round {round}");
        assert_eq!(done(resolve(&h, &wanted).await).id, owner, "round {round}");
    }
}

/// A link replaces the one that the user had at the same provider, which is free then.
pub async fn a_link_replaces_the_one_at_the_same_provider(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let [first, second] = ["1", "2"].map(|subject| identity("google", subject, None));
    let other = identity("github", "1", None);
    assert_eq!(link(&h, bob, &identity("google", "3", None)).await, Linked::Done);
    for identity in [&other, &first, &second] {
        assert_eq!(link(&h, ann, identity).await, Linked::Done);
    }
    assert_eq!(providers(&h, ann).await, ["github", "google"]);
    assert_eq!(providers(&h, bob).await, ["google"], "nobody else's goes");
    let refused = link(&h, bob, &second).await;
    assert_eq!(refused, Linked::BelongsToAnother);
    assert_eq!(providers(&h, bob).await, ["google"], "a refused link replaces nothing");
    assert_eq!(link(&h, bob, &first).await, Linked::Done, "the first is free");
    assert_eq!(done(resolve(&h, &second).await).id, ann);
    assert_eq!(done(resolve(&h, &first).await).id, bob);
}

/// A provider is taken away where another way to log in is left.
pub async fn the_last_way_in_is_not_taken(h: Harness) {
    let with_password = h.user().await;
    assert_eq!(unlink(&h, with_password, "google").await, Unlinked::NotLinked);
    assert_eq!(unlink(&h, UserId(uuid()), "google").await, Unlinked::NotLinked);
    let first = identity("google", "1", None);
    assert_eq!(link(&h, with_password, &first).await, Linked::Done);
    assert_eq!(unlink(&h, with_password, "github").await, Unlinked::NotLinked);
    assert_eq!(unlink(&h, with_password, "google").await, Unlinked::Done, "the password is left");
    assert_eq!(unlink(&h, with_password, "google").await, Unlinked::NotLinked);

    let user = done(resolve(&h, &first).await).id;
    assert_ne!(user, with_password, "an identity that was taken away is new again");
    assert_eq!(unlink(&h, user, "google").await, Unlinked::LastWayIn);
    assert_eq!(providers(&h, user).await, ["google"]);
    assert_eq!(link(&h, user, &identity("github", "1", None)).await, Linked::Done);
    assert_eq!(unlink(&h, user, "google").await, Unlinked::Done, "the other is left");
    assert_eq!(unlink(&h, user, "github").await, Unlinked::LastWayIn);

    let token = external("issuer", "1", None);
    let external = h.identities.find_or_create_external(&token, UserId(uuid()), T0).await.expect(ANSWERS);
    assert_eq!(link(&h, external, &identity("google", "9", None)).await, Linked::Done);
    assert_eq!(unlink(&h, external, "google").await, Unlinked::Done, "the issuer is left");
}

/// Two providers taken away at once leave one.
pub async fn two_unlinks_at_once_leave_a_way_in(h: Harness) {
    let h = Arc::new(h);
    for round in 0..15 {
        let subject = round.to_string();
        let user = done(resolve(&h, &identity("google", &subject, None)).await).id;
        assert_eq!(link(&h, user, &identity("github", &subject, None)).await, Linked::Done);
        let unlinked = all(["google", "github"].map(|provider| {
            let h = Arc::clone(&h);
            async move { unlink(&h, user, provider).await }
        }))
        .await;
        assert!(unlinked.contains(&Unlinked::Done), "round {round}: {unlinked:?}");
        assert!(unlinked.contains(&Unlinked::LastWayIn), "round {round}: {unlinked:?}");
        assert_eq!(providers(&h, user).await.len(), 1, "round {round}");
    }
}

/// Providers come in the order of their names, each once.
pub async fn providers_are_sorted(h: Harness) {
    let user = h.user().await;
    for provider in ["okta", "github", "a-b", "google", "Z", "a"] {
        assert_eq!(link(&h, user, &identity(provider, "1", None)).await, Linked::Done);
    }
    assert_eq!(providers(&h, user).await, ["Z", "a", "a-b", "github", "google", "okta"]);
    assert_eq!(providers(&h, UserId(uuid())).await, [""; 0]);
}
