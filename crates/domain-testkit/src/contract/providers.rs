//! Logging in with an OAuth provider, linking an identity and unlinking it.

use std::collections::HashSet;
use std::sync::Arc;

use domain::UserId;
use domain::account::{NewUser, Registered};
use domain::identity::{Linked, LoginWays, ProviderIdentity, Resolved, Unlinked};
use domain::mail::Template;
use domain::session::{EndReason, NewSession, OpenRefusal, Proof};
use domain::user::User;

use crate::build::{
    T0, at, display_name, email, ending, external, identity, new_session, new_user, notice, uuid,
};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

async fn resolve(h: &Harness, identity: &ProviderIdentity) -> Resolved {
    h.identities
        .resolve(identity.clone(), Some(UserId(uuid())), notice(Template::ProviderLinked), at(1))
        .await
        .expect(ANSWERS)
}

fn done(resolved: Resolved) -> User {
    match resolved {
        Resolved::Done(user) => *user,
        other => panic!("expected a login, got {other:?}"),
    }
}

async fn link(h: &Harness, user: UserId, identity: &ProviderIdentity) -> Linked {
    h.identities
        .link(user, None, identity.clone(), notice(Template::ProviderLinked), at(1))
        .await
        .expect(ANSWERS)
}

async fn unlink(h: &Harness, user: UserId, provider: &str) -> Unlinked {
    unlink_from(h, user, provider, true, &["google", "github", "issuer"]).await
}

/// Unlinks where the server offers passwords or not, and these providers.
async fn unlink_from(
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

async fn providers(h: &Harness, user: UserId) -> Vec<String> {
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

/// Linking an identity is idempotent. An identity of another user is not moved.
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
        let wanted = identity(&format!("provider-{round}"), "1", None);
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

/// A link replaces no other identity of the user: that has to be unlinked first.
pub async fn a_link_never_replaces_another_identity(h: Harness) {
    let user = h.user().await;
    let [first, second] = ["1", "2"].map(|subject| identity("google", subject, None));
    for identity in [&first, &identity("github", "1", None)] {
        assert_eq!(link(&h, user, identity).await, Linked::Done);
    }
    assert_eq!(link(&h, user, &second).await, Linked::AnotherIsLinked);
    assert_eq!(done(resolve(&h, &first).await).id, user);
    assert_ne!(done(resolve(&h, &second).await).id, user);
    assert_eq!(unlink(&h, user, "google").await, Unlinked::Done);
    assert_eq!(link(&h, user, &identity("google", "3", None)).await, Linked::Done);
}

/// The owner of a verified address is told of every identity that is linked or unlinked, once each,
/// also if a login links it.
pub async fn the_owner_is_told_of_links_and_unlinks(h: Harness) {
    let ((user, address), (unverified, _)) = (h.account(true).await, h.account(false).await);
    let mails = async |user| {
        let records = h.accounts.records(user).await.expect(ANSWERS).expect("the user exists");
        let mails = records.mails.into_iter().map(|mail| (mail.template, mail.to));
        mails.collect::<Vec<_>>()
    };
    let google = identity("google", "1", None);
    for _ in 0..2 {
        assert_eq!(link(&h, user, &google).await, Linked::Done);
    }
    done(resolve(&h, &google).await);
    done(resolve(&h, &identity("github", "1", Some(&address))).await);
    assert_eq!(unlink(&h, user, "google").await, Unlinked::Done);
    let to = |template| (template, address.as_str().to_owned());
    let mut queued = mails(user).await;
    queued.sort_by_key(|(template, _)| template.as_str());
    let linked = to(Template::ProviderLinked);
    assert_eq!(queued, [linked.clone(), linked, to(Template::ProviderUnlinked)]);

    assert_eq!(link(&h, unverified, &identity("google", "2", None)).await, Linked::Done);
    assert_eq!(mails(unverified).await, [], "the address may belong to a stranger");
}

/// A session that is opened by an identity which was unlinked in the meantime is refused, and one
/// by an identity that was linked lately proves nothing for a day.
pub async fn a_login_by_an_identity_is_as_good_as_its_link(h: Harness) {
    let user = h.user().await;
    let proof = Proof::Identity { provider: "google".to_owned(), subject: "1".to_owned() };
    let open = async |user, now| {
        let session = NewSession { proof: proof.clone(), ..new_session(at(1_000_000)) };
        let opened = h.sessions.open(user, session, 20, ending(EndReason::DeviceRevoked, now));
        opened.await.expect(ANSWERS).map(|_| ())
    };
    let trusted_from = async |user, now| {
        let live = h.sessions.live(user, now).await.expect(ANSWERS);
        live.first().expect("a session").trusted_from
    };
    assert_eq!(open(user, at(1)).await, Err(OpenRefusal::Unlinked));
    assert_eq!(link(&h, user, &identity("google", "1", None)).await, Linked::Done);
    assert_eq!(open(user, at(2)).await, Ok(()));
    assert_eq!(trusted_from(user, at(2)).await, at(1).plus(NewSession::PROBATION));
    let later = at(3).plus(NewSession::PROBATION);
    assert_eq!(open(user, later).await, Ok(()));
    assert_eq!(trusted_from(user, later).await, later);
    assert_eq!(unlink(&h, user, "google").await, Unlinked::Done);
    assert_eq!(open(user, later).await, Err(OpenRefusal::Unlinked));

    let owner = done(resolve(&h, &identity("google", "1", None)).await).id;
    assert_eq!(open(owner, at(2)).await, Ok(()));
    assert_eq!(trusted_from(owner, at(2)).await, at(2), "the account was created with the identity");
}

/// A provider is unlinked only if the user has another login method.
pub async fn the_last_login_method_is_not_unlinked(h: Harness) {
    let with_password = h.user().await;
    assert_eq!(unlink(&h, with_password, "google").await, Unlinked::NotLinked);
    assert_eq!(unlink(&h, UserId(uuid()), "google").await, Unlinked::NotLinked);
    let first = identity("google", "1", None);
    assert_eq!(link(&h, with_password, &first).await, Linked::Done);
    assert_eq!(unlink(&h, with_password, "github").await, Unlinked::NotLinked);
    assert_eq!(unlink(&h, with_password, "google").await, Unlinked::Done, "the password remains");
    assert_eq!(unlink(&h, with_password, "google").await, Unlinked::NotLinked);

    let user = done(resolve(&h, &first).await).id;
    assert_ne!(user, with_password, "an unlinked identity counts as new");
    assert_eq!(unlink(&h, user, "google").await, Unlinked::LastWayIn);
    assert_eq!(providers(&h, user).await, ["google"]);
    assert_eq!(link(&h, user, &identity("github", "1", None)).await, Linked::Done);
    assert_eq!(unlink(&h, user, "google").await, Unlinked::Done, "the other provider remains");
    assert_eq!(unlink(&h, user, "github").await, Unlinked::LastWayIn);

    let token = external("issuer", "1", None);
    let external = h.identities.find_or_create_external(&token, UserId(uuid()), T0).await.expect(ANSWERS);
    assert_eq!(link(&h, external, &identity("google", "9", None)).await, Linked::Done);
    assert_eq!(unlink(&h, external, "google").await, Unlinked::Done, "the issuer remains");
}

/// A password where passwords are off, and an identity at a provider that is no longer configured, let
/// no one in.
pub async fn only_login_methods_that_are_offered_count(h: Harness) {
    let user = h.user().await;
    for provider in ["google", "github"] {
        assert_eq!(link(&h, user, &identity(provider, "1", None)).await, Linked::Done);
    }
    assert_eq!(unlink_from(&h, user, "google", false, &["google"]).await, Unlinked::LastWayIn);
    assert_eq!(providers(&h, user).await, ["github", "google"]);
    assert_eq!(unlink_from(&h, user, "github", false, &["google"]).await, Unlinked::Done);
    assert_eq!(unlink_from(&h, user, "google", false, &["google"]).await, Unlinked::LastWayIn);
    assert_eq!(unlink_from(&h, user, "google", true, &["google"]).await, Unlinked::Done);
}

/// Of two concurrent unlinks of the last two providers, one is refused.
pub async fn two_concurrent_unlinks_leave_one_login_method(h: Harness) {
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

/// Providers are listed in byte order, each once.
pub async fn providers_are_sorted(h: Harness) {
    let user = h.user().await;
    for provider in ["okta", "github", "a-b", "google", "Z", "a"] {
        assert_eq!(link(&h, user, &identity(provider, "1", None)).await, Linked::Done);
    }
    assert_eq!(providers(&h, user).await, ["Z", "a", "a-b", "github", "google", "okta"]);
    assert_eq!(providers(&h, UserId(uuid())).await, [""; 0]);
}
