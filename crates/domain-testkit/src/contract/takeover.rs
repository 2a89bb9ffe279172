//! What the owner of an address finds of whoever registered it before.

use std::sync::Arc;

use domain::UserId;
use domain::account::{EmailChange, PasswordSet, ProfileChange, ProfileChanged};
use domain::identity::{Linked, Resolved};
use domain::one_time::{ConsumedToken, MagicLinkLogin, Purpose};
use domain::session::{Device, EndReason, NewSession, Rotated, TokenHash};
use domain::user::Email;

use crate::build::{
    T0, at, email, ending, identity, new_email, new_session, one_time, password_hash, replacement, successor,
    uuid,
};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

/// Everything that lets somebody into an account.
struct WaysIn {
    user: UserId,
    address: Email,
    session: NewSession,
    hand_off: TokenHash,
    link: TokenHash,
    magic: TokenHash,
    reset: TokenHash,
    verification: TokenHash,
}

/// A user whose address is verified or not, with a session, two identities and tokens of every purpose.
async fn with_ways_in(h: &Harness, verified: bool) -> WaysIn {
    let user = h.user().await;
    let address = h.stored(user).await.email.expect("it has an address");
    if verified {
        let token = one_time(Purpose::VerifyEmail, Some(user), &address);
        h.one_time.put(token.clone()).await.expect(ANSWERS);
        assert!(h.one_time.verify_email(&token.hash, T0).await.expect(ANSWERS).is_some());
    }
    let session = new_session(at(10_000));
    h.sessions
        .open(user, session.clone(), 20, ending(EndReason::DeviceRevoked, T0))
        .await
        .expect(ANSWERS)
        .expect("it opens");
    for vouched in [None, Some(&address)] {
        let known = identity(if vouched.is_some() { "google" } else { "github" }, &user.to_string(), vouched);
        assert_eq!(h.identities.link(user, None, known, T0).await.expect(ANSWERS), Linked::Done);
    }
    let mut hashes = Vec::new();
    for purpose in Purpose::ALL {
        let token = one_time(purpose, Some(user), &address);
        hashes.push((purpose, token.hash));
        h.one_time.put(token).await.expect(ANSWERS);
    }
    let hash = |wanted| hashes.iter().find(|(purpose, _)| *purpose == wanted).expect("of every purpose").1;
    WaysIn {
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

impl WaysIn {
    async fn consume(&self, h: &Harness, purpose: Purpose, hash: &TokenHash) -> Option<ConsumedToken> {
        h.one_time.consume(purpose, hash, at(6)).await.expect(ANSWERS)
    }

    /// Fails unless no token lets anybody in; the one that was used is among them.
    async fn assert_tokens_void(&self, h: &Harness) {
        assert_eq!(
            self.consume(h, Purpose::OAuthHandOff, &self.hand_off).await,
            None,
            "a login to be exchanged"
        );
        assert_eq!(self.consume(h, Purpose::OAuthState, &self.link).await, None, "a link that was begun");
        assert_eq!(self.consume(h, Purpose::MagicLink, &self.magic).await, None);
        assert_eq!(h.one_time.resettable(&self.reset, at(6)).await.expect(ANSWERS), None);
    }

    async fn assert_session_ended(&self, h: &Harness) {
        let over = ending(EndReason::ReuseDetected, at(6));
        let next =
            h.sessions.rotate(&self.session.hash, successor(at(10_000)), &Device::default(), over).await;
        assert_eq!(next.expect(ANSWERS), Rotated::Ended);
    }

    /// Whose the two identities are now, by logging in with each.
    async fn identities(&self, h: &Harness) -> [UserId; 2] {
        let mut found = [self.user; 2];
        for (place, provider) in found.iter_mut().zip(["google", "github"]) {
            let known = identity(provider, &self.user.to_string(), None);
            let resolved = h.identities.resolve(known, UserId(uuid()), at(6)).await.expect(ANSWERS);
            let Resolved::Done(user) = resolved else { panic!("somebody is logged in: {resolved:?}") };
            *place = user.id;
        }
        found
    }
}

async fn use_magic_link(h: &Harness, ways: &WaysIn) {
    let session = new_session(at(10_000));
    let over = ending(EndReason::DeviceRevoked, at(5));
    let done = h.one_time.use_magic_link(&ways.magic, UserId(uuid()), session.clone(), 20, over).await;
    assert!(matches!(done, Ok(MagicLinkLogin::Done(..))), "{done:?}");
    let live = h.sessions.live(ways.user, at(5)).await.expect(ANSWERS);
    assert!(live.iter().any(|live| live.id == session.id), "the owner is in");
}

async fn reset(h: &Harness, ways: &WaysIn) {
    let over = ending(EndReason::PasswordReset, at(5));
    let done = h
        .one_time
        .reset_password(&ways.reset, replacement(password_hash("reset"), over))
        .await
        .expect(ANSWERS);
    assert!(done.is_some());
}

/// What a session of before asks for after its end is not done, though its token was looked at before.
pub async fn a_session_that_has_ended_links_changes_and_deletes_nothing(h: Harness) {
    let ways = with_ways_in(&h, false).await;
    let (user, session) = (ways.user, Some(ways.session.id));
    use_magic_link(&h, &ways).await;
    let before = h.stored(user).await;
    let known = identity("gitlab", "squatter", None);
    assert_eq!(h.identities.link(user, session, known, at(6)).await.expect(ANSWERS), Linked::SessionEnded);
    let to = email("squatter@example.com");
    let change = EmailChange { session, ..new_email(user, &to) };
    let change = ProfileChange { display_name: None, email: Some(change) };
    let changed = h.accounts.change_profile(user, change, at(6)).await;
    assert_eq!(changed.expect(ANSWERS), ProfileChanged::SessionEnded);
    let over = ending(EndReason::AccountDeleted, at(6));
    assert_eq!(h.accounts.delete(user, session, over).await.expect(ANSWERS), None);
    assert_eq!(h.stored(user).await, before);
    assert_eq!(h.identities.providers(user).await.expect(ANSWERS), [""; 0]);
    let own = new_session(at(10_000));
    let opening = ending(EndReason::DeviceRevoked, at(6));
    h.sessions.open(user, own.clone(), 20, opening).await.expect(ANSWERS).expect("it opens");
    // Of another user it is no session of this one.
    let other = h.user().await;
    assert_eq!(h.accounts.delete(other, Some(own.id), over).await.expect(ANSWERS), None);
    assert!(h.accounts.delete(user, Some(own.id), over).await.expect(ANSWERS).is_some());
}

/// A link made while the owner takes over is gone afterwards, whichever comes first.
pub async fn a_link_at_once_with_a_takeover_leaves_no_way_in(h: Harness) {
    let h = Arc::new(h);
    for round in 0..20 {
        let ways = Arc::new(with_ways_in(&h, false).await);
        all((0..6).map(|place| {
            let (h, ways) = (Arc::clone(&h), Arc::clone(&ways));
            async move {
                if place == 3 {
                    return use_magic_link(&h, &ways).await;
                }
                let known = identity("gitlab", &format!("squatter-{round}-{place}"), None);
                let linked = h.identities.link(ways.user, Some(ways.session.id), known, at(5)).await;
                assert!(matches!(linked, Ok(Linked::Done | Linked::SessionEnded)), "{linked:?}");
            }
        }))
        .await;
        assert_eq!(h.identities.providers(ways.user).await.expect(ANSWERS), [""; 0], "round {round}");
    }
}

/// A magic link to an address that was never verified ends every way in from before, identities and begun logins too.
pub async fn a_link_leaves_no_way_in_from_before(h: Harness) {
    let ways = with_ways_in(&h, false).await;
    use_magic_link(&h, &ways).await;
    assert_eq!(h.stored(ways.user).await.password, None);
    ways.assert_session_ended(&h).await;
    ways.assert_tokens_void(&h).await;
    assert_eq!(h.identities.providers(ways.user).await.expect(ANSWERS), [""; 0]);
    assert!(
        ways.identities(&h).await.iter().all(|user| *user != ways.user),
        "they log in to accounts of their own"
    );
}

/// So does a reset.
pub async fn a_reset_leaves_no_way_in_from_before(h: Harness) {
    let ways = with_ways_in(&h, false).await;
    reset(&h, &ways).await;
    let owner = h.stored(ways.user).await;
    assert_eq!((owner.password, owner.email_verified), (Some(password_hash("reset")), true));
    ways.assert_session_ended(&h).await;
    ways.assert_tokens_void(&h).await;
    let verified = h.one_time.verify_email(&ways.verification, at(6)).await.expect(ANSWERS);
    assert_eq!(verified, None, "there is nothing left to verify");
    assert!(
        ways.identities(&h).await.iter().all(|user| *user != ways.user),
        "they log in to accounts of their own"
    );
}

/// An identity of the owner's own finds the account again by the address that is verified now.
pub async fn an_identity_of_the_owner_finds_the_account_again(h: Harness) {
    let ways = with_ways_in(&h, false).await;
    use_magic_link(&h, &ways).await;
    let own = identity("google", "the owner's", Some(&ways.address));
    let resolved = h.identities.resolve(own, UserId(uuid()), at(6)).await.expect(ANSWERS);
    assert!(matches!(resolved, Resolved::Done(user) if user.id == ways.user));
}

/// Where the address was verified, its user linked the identities, and they stay; a reset ends the rest.
pub async fn identities_of_a_verified_account_stay(h: Harness) {
    let ways = with_ways_in(&h, true).await;
    use_magic_link(&h, &ways).await;
    assert_eq!(ways.identities(&h).await, [ways.user; 2]);
    let begun = ways.consume(&h, Purpose::OAuthHandOff, &ways.hand_off).await;
    assert_eq!(begun.and_then(|begun| begun.user), Some(ways.user), "a login goes on beside another");
    reset(&h, &ways).await;
    assert_eq!(ways.identities(&h).await, [ways.user; 2]);
    ways.assert_session_ended(&h).await;
    ways.assert_tokens_void(&h).await;
}

/// A new password voids every token that would get past it, and no verification.
pub async fn a_new_password_voids_what_would_get_past_it(h: Harness) {
    let (ways, others) = (with_ways_in(&h, false).await, with_ways_in(&h, false).await);
    let [first, second] = ["first", "second"].map(password_hash);
    let over = ending(EndReason::PasswordChange, at(5));
    let keep = Some(ways.session.id);
    let set =
        h.accounts.set_password(ways.user, &first, replacement(second, over), keep).await.expect(ANSWERS);
    assert_eq!(set, PasswordSet::Done(Vec::new()));
    ways.assert_tokens_void(&h).await;
    assert_eq!(ways.identities(&h).await, [ways.user; 2]);
    assert!(h.one_time.verify_email(&ways.verification, at(6)).await.expect(ANSWERS).is_some());
    let of_another = others.consume(&h, Purpose::OAuthState, &others.link).await;
    assert_eq!(of_another.and_then(|begun| begun.user), Some(others.user), "nobody else's are");
}
