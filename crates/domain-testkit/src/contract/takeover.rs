//! An account registered with an unverified address, after the owner of the address takes it over.

use std::sync::Arc;

use domain::UserId;
use domain::account::{KeepSession, PasswordSet, ProfileChange, ProfileChanged};
use domain::identity::{Linked, Resolved};
use domain::mail::Template;
use domain::one_time::{ConsumedToken, MagicLinkLogin, PasswordReplacement, Purpose};
use domain::session::{Device, EndReason, NewSession, Proof, Rotated, TokenHash};
use domain::user::Email;

use crate::build::{
    T0, at, display_name, email, ending, identity, new_email, new_name, new_session, notice, one_time,
    password_hash, replacement, successor, uuid,
};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

/// An account with every means of access to it.
struct Access {
    user: UserId,
    address: Email,
    session: NewSession,
    hand_off: TokenHash,
    link: TokenHash,
    magic: TokenHash,
    reset: TokenHash,
    verification: TokenHash,
}

/// A user with a session, two identities and a token for every purpose. The address is verified on
/// request.
async fn user_with_access(h: &Harness, verified: bool) -> Access {
    let (user, address) = h.account(verified).await;
    let session = h.open_session(user, at(10_000)).await;
    for verified_email in [None, Some(&address)] {
        let known = identity(
            if verified_email.is_some() { "google" } else { "github" },
            &user.to_string(),
            verified_email,
        );
        assert_eq!(
            h.identities.link(user, None, known, notice(Template::ProviderLinked), T0).await.expect(ANSWERS),
            Linked::Done
        );
    }
    let mut hashes = Vec::new();
    for purpose in Purpose::ALL {
        let token = one_time(purpose, Some(user), &address);
        hashes.push((purpose, token.hash));
        h.one_time.put(token).await.expect(ANSWERS);
    }
    let hash =
        |wanted| hashes.iter().find(|(purpose, _)| *purpose == wanted).expect("a token for every purpose").1;
    Access {
        user,
        address,
        session,
        hand_off: hash(Purpose::OAuthHandOff),
        link: hash(Purpose::OAuthState),
        magic: hash(Purpose::MagicLink),
        reset: hash(Purpose::ResetPassword),
        verification: hash(Purpose::VerifyEmail),
    }
}

impl Access {
    async fn consume(&self, h: &Harness, purpose: Purpose, hash: &TokenHash) -> Option<ConsumedToken> {
        h.one_time.consume(purpose, hash, at(6)).await.expect(ANSWERS)
    }

    /// Fails if any token except the verification is valid.
    async fn assert_tokens_invalid(&self, h: &Harness) {
        assert_eq!(self.consume(h, Purpose::OAuthHandOff, &self.hand_off).await, None, "the code of a login");
        assert_eq!(self.consume(h, Purpose::OAuthState, &self.link).await, None, "the state of a link");
        assert_eq!(self.consume(h, Purpose::MagicLink, &self.magic).await, None);
        assert_eq!(h.one_time.resettable(&self.reset, at(6)).await.expect(ANSWERS), None);
    }

    async fn assert_session_ended(&self, h: &Harness) {
        let end = ending(EndReason::ReuseDetected, at(6));
        let next =
            h.sessions.rotate(&self.session.hash, successor(at(10_000)), &Device::default(), end).await;
        assert_eq!(next.expect(ANSWERS), Rotated::Ended);
    }

    /// Logs in with both identities and returns their users.
    async fn identities(&self, h: &Harness) -> [UserId; 2] {
        let mut found = [self.user; 2];
        for (place, provider) in found.iter_mut().zip(["google", "github"]) {
            let known = identity(provider, &self.user.to_string(), None);
            let resolved = h
                .identities
                .resolve(known, Some(UserId(uuid())), notice(Template::ProviderLinked), at(6))
                .await
                .expect(ANSWERS);
            let Resolved::Done(user) = resolved else { panic!("expected a login, got {resolved:?}") };
            *place = user.id;
        }
        found
    }
}

async fn use_magic_link(h: &Harness, access: &Access) {
    let session = new_session(at(10_000));
    let end = ending(EndReason::DeviceRevoked, at(5));
    let done = h.one_time.use_magic_link(&access.magic, Some(UserId(uuid())), session.clone(), 20, end).await;
    assert!(matches!(done, Ok(MagicLinkLogin::Done(..))), "{done:?}");
    let live = h.sessions.live(access.user, at(5)).await.expect(ANSWERS);
    assert!(live.iter().any(|live| live.id == session.id), "the owner is logged in");
}

async fn reset(h: &Harness, access: &Access) {
    let end = ending(EndReason::PasswordReset, at(5));
    let done = h
        .one_time
        .reset_password(&access.reset, replacement(password_hash("reset"), end))
        .await
        .expect(ANSWERS);
    assert!(done.is_some());
}

/// A takeover removes the name that the account was registered with. A proof by the owner of a
/// verified address keeps it.
pub async fn a_takeover_removes_the_name(h: Harness) {
    for verified in [false, true] {
        let [by_link, by_reset] =
            [user_with_access(&h, verified).await, user_with_access(&h, verified).await];
        let name = display_name("URGENT: call 0800 555 0199");
        for access in [&by_link, &by_reset] {
            let change = new_name(Some(name.clone()));
            let changed = h.accounts.change_profile(access.user, change, at(1)).await.expect(ANSWERS);
            assert!(matches!(changed, ProfileChanged::Done(_)), "{changed:?}");
        }
        use_magic_link(&h, &by_link).await;
        reset(&h, &by_reset).await;
        for access in [by_link, by_reset] {
            let left = h.stored(access.user).await.display_name;
            assert_eq!(left, verified.then(|| name.clone()), "verified: {verified}");
        }
    }
}

/// An identity that the earlier session links during the takeover is removed, or not linked at all.
pub async fn an_identity_linked_during_a_takeover_does_not_survive_it(h: Harness) {
    let h = Arc::new(h);
    for round in 0..20 {
        let access = Arc::new(user_with_access(&h, false).await);
        all((0..6).map(|place| {
            let (h, access) = (Arc::clone(&h), Arc::clone(&access));
            async move {
                if place == 3 {
                    return use_magic_link(&h, &access).await;
                }
                let known = identity(&format!("provider-{place}"), &format!("earlier-{round}"), None);
                let linked = h
                    .identities
                    .link(
                        access.user,
                        Some(access.session.id),
                        known,
                        notice(Template::ProviderLinked),
                        at(5),
                    )
                    .await;
                assert!(matches!(linked, Ok(Linked::Done | Linked::SessionEnded)), "{linked:?}");
            }
        }))
        .await;
        assert_eq!(h.identities.providers(access.user).await.expect(ANSWERS), [""; 0], "round {round}");
    }
}

/// A magic link to an address that was never verified removes every earlier means of access,
/// including identities and pending logins.
pub async fn a_magic_link_ends_all_earlier_access(h: Harness) {
    let access = user_with_access(&h, false).await;
    use_magic_link(&h, &access).await;
    assert_eq!(h.stored(access.user).await.password, None);
    access.assert_session_ended(&h).await;
    access.assert_tokens_invalid(&h).await;
    assert_eq!(h.identities.providers(access.user).await.expect(ANSWERS), [""; 0]);
    assert!(
        access.identities(&h).await.iter().all(|user| *user != access.user),
        "each identity logs in to a new account"
    );
}

/// A reset of an account that was never verified removes every earlier means of access too.
pub async fn a_reset_ends_all_earlier_access(h: Harness) {
    let access = user_with_access(&h, false).await;
    reset(&h, &access).await;
    let owner = h.stored(access.user).await;
    assert_eq!((owner.password, owner.email_verified), (Some(password_hash("reset")), true));
    access.assert_session_ended(&h).await;
    access.assert_tokens_invalid(&h).await;
    let verified = h.one_time.verify_email(&access.verification, at(6)).await.expect(ANSWERS);
    assert_eq!(verified, None, "the verification token is invalid too");
    assert!(
        access.identities(&h).await.iter().all(|user| *user != access.user),
        "each identity logs in to a new account"
    );
}

/// A reset removes the identities of an account whose address was verified, if asked to.
pub async fn a_reset_unlinks_identities_on_request(h: Harness) {
    let access = user_with_access(&h, true).await;
    let end = ending(EndReason::PasswordReset, at(5));
    let new = PasswordReplacement { unlink: true, ..replacement(password_hash("reset"), end) };
    assert!(h.one_time.reset_password(&access.reset, new).await.expect(ANSWERS).is_some());
    assert_eq!(h.identities.providers(access.user).await.expect(ANSWERS), [""; 0]);
}

/// After a reset, a login with the new password proves nothing for a day; after a change of the
/// address, a login by a link to it proves nothing.
pub async fn a_reset_or_a_change_of_address_proves_nothing_for_a_day(h: Harness) {
    let access = user_with_access(&h, true).await;
    reset(&h, &access).await;
    let change = ProfileChange {
        email: Some(new_email(access.user, &email("new@example.com"))),
        ..ProfileChange::default()
    };
    h.accounts.change_profile(access.user, change, at(7)).await.expect(ANSWERS);
    let stored = h.stored(access.user).await;
    assert_eq!((stored.password_reset_at, stored.email_changed_at), (Some(at(5)), Some(at(7))));
    for (proof, since) in [(Proof::Password(password_hash("reset")), at(5)), (Proof::Email, at(7))] {
        let session = NewSession { proof, ..new_session(at(10_000)) };
        let end = ending(EndReason::DeviceRevoked, at(8));
        h.sessions.open(access.user, session.clone(), 20, end).await.expect(ANSWERS).expect("it opens");
        let live = h.sessions.live(access.user, at(8)).await.expect(ANSWERS);
        let own = live.iter().find(|live| live.id == session.id).expect("the session");
        assert_eq!(own.trusted_from, since.plus(NewSession::PROBATION));
    }
}

/// After the takeover, an identity of the owner resolves to the account by its verified address.
pub async fn the_owners_identity_resolves_to_the_account(h: Harness) {
    let access = user_with_access(&h, false).await;
    use_magic_link(&h, &access).await;
    let own = identity("google", "owner", Some(&access.address));
    let resolved = h
        .identities
        .resolve(own, Some(UserId(uuid())), notice(Template::ProviderLinked), at(6))
        .await
        .expect(ANSWERS);
    assert!(matches!(resolved, Resolved::Done(user) if user.id == access.user));
}

/// If the address was verified, its owner linked the identities, so they are kept. A reset still
/// ends sessions and tokens.
pub async fn identities_of_a_verified_account_are_kept(h: Harness) {
    let access = user_with_access(&h, true).await;
    use_magic_link(&h, &access).await;
    assert_eq!(access.identities(&h).await, [access.user; 2]);
    let pending = access.consume(&h, Purpose::OAuthHandOff, &access.hand_off).await;
    assert_eq!(
        pending.and_then(|pending| pending.user),
        Some(access.user),
        "a login does not cancel another pending one"
    );
    reset(&h, &access).await;
    assert_eq!(access.identities(&h).await, [access.user; 2]);
    access.assert_session_ended(&h).await;
    access.assert_tokens_invalid(&h).await;
}

/// A new password invalidates every token that grants access without the password. A verification
/// stays valid.
pub async fn a_new_password_invalidates_tokens_that_bypass_it(h: Harness) {
    let (access, others) = (user_with_access(&h, false).await, user_with_access(&h, false).await);
    let [first, second] = ["first", "second"].map(password_hash);
    let end = ending(EndReason::PasswordChange, at(5));
    let keep = Some(access.session.id);
    let set = h
        .accounts
        .set_password(access.user, &first, replacement(second, end), keep, KeepSession::Own)
        .await
        .expect(ANSWERS);
    assert_eq!(set, PasswordSet::Done(Vec::new()));
    access.assert_tokens_invalid(&h).await;
    assert_eq!(access.identities(&h).await, [access.user; 2]);
    assert!(h.one_time.verify_email(&access.verification, at(6)).await.expect(ANSWERS).is_some());
    let of_another = others.consume(&h, Purpose::OAuthState, &others.link).await;
    assert_eq!(
        of_another.and_then(|token| token.user),
        Some(others.user),
        "tokens of other users stay valid"
    );
}
