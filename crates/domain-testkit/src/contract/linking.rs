//! Linking an identity to an account, and unlinking it.

use std::sync::Arc;

use domain::UserId;
use domain::identity::{Linked, Unlinked};
use domain::mail::Template;
use domain::session::{EndReason, NewSession, OpenRefusal, Proof};

use super::providers::{done, link, providers, resolve, unlink, unlink_from};
use crate::build::{T0, at, ending, external, identity, new_session, uuid};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

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
