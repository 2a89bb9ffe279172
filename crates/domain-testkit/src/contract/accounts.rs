//! Registering accounts and finding them.

use std::sync::Arc;

use domain::account::{NewUser, Registered};
use domain::one_time::Purpose;
use domain::session::TokenHash;
use domain::user::{Email, User};
use domain::{Stamp, UserId};

use crate::build::{
    T0, at, display_name, email, new_session, new_user, one_time, password_hash, token_hash, uuid,
};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

async fn register(h: &Harness, user: NewUser) -> Registered {
    h.accounts.register(user, None, T0).await.expect(ANSWERS)
}

async fn by_id(h: &Harness, id: UserId) -> Option<User> {
    h.accounts.by_id(id).await.expect(ANSWERS)
}

async fn by_email(h: &Harness, email: &Email) -> Option<User> {
    h.accounts.by_email(email).await.expect(ANSWERS)
}

/// A registration returns the user exactly as later reads do.
pub async fn a_registered_user_is_found(h: Harness) {
    let new = NewUser {
        email: email("Ann.O'Neil+todo@Example.COM"),
        display_name: Some(display_name("Ann 🦀 Ö'Neil")),
        ..new_user()
    };
    let Registered::Done(user) = register(&h, new.clone()).await else {
        panic!("the address is free");
    };
    let expected = User {
        id: new.id,
        email: Some(new.email.clone()),
        password: Some(new.password),
        display_name: new.display_name,
        email_verified: false,
        is_active: true,
        created_at: T0,
        last_login_at: None,
        email_changed_at: None,
        password_reset_at: None,
    };
    assert_eq!(*user, expected);
    assert_eq!(by_id(&h, new.id).await, Some(expected.clone()));
    assert_eq!(by_email(&h, &new.email).await, Some(expected));
    let typed = by_id(&h, new.id).await.and_then(|user| user.email).expect("the user has an address");
    assert_eq!(typed.as_str(), "Ann.O'Neil+todo@Example.COM", "the address is kept as typed");
    assert_eq!(by_id(&h, UserId(uuid())).await, None);
    assert_eq!(by_email(&h, &email("bob@example.com")).await, None);
}

/// A registration with a session also stores the session and the time of the login.
pub async fn a_registration_may_open_a_session(h: Harness) {
    let (user, session) = (new_user(), new_session(at(60)));
    let registered = h.accounts.register(user.clone(), Some(session.clone()), at(1)).await.expect(ANSWERS);
    let Registered::Done(done) = registered else {
        panic!("the address is free");
    };
    assert_eq!((done.created_at, done.last_login_at), (at(1), Some(at(1))));
    assert_eq!(by_id(&h, user.id).await, Some(*done));
    let token = h.token(&session.hash).await.expect("its token is stored");
    assert_eq!((token.id, token.session, token.user), (session.token, session.id, user.id));
    assert_eq!((token.generation, token.expires_at, token.replaced), (0, at(60), None));
}

/// Addresses that differ in the case of non-ASCII letters, or only by a Unicode case mapping,
/// belong to different accounts.
pub async fn non_ascii_letters_are_not_case_folded(h: Harness) {
    let spellings =
        ["mike@example.com", "mi\u{212a}e@example.com", "jürgen@example.com", "JÜRGEN@example.com"];
    let mut owners = Vec::new();
    for spelling in spellings {
        let new = NewUser { email: email(spelling), ..new_user() };
        owners.push(new.id);
        assert!(matches!(register(&h, new).await, Registered::Done(_)), "{spelling} is free");
    }
    for (spelling, owner) in spellings.iter().zip(owners) {
        assert_eq!(by_email(&h, &email(spelling)).await.map(|user| user.id), Some(owner), "{spelling}");
    }
}

/// An address belongs to one account regardless of the case of ASCII letters. A refused
/// registration stores nothing.
pub async fn an_address_is_taken_regardless_of_case(h: Harness) {
    for (first, again) in [
        ("ann@example.com", "ANN@Example.Com"),
        ("Bob@example.com", "bob@example.com"),
        ("jürgen@example.com", "JüRGEN@Example.com"),
    ] {
        let (first, again) = (email(first), email(again));
        let owner = NewUser { email: first.clone(), ..new_user() };
        assert!(matches!(register(&h, owner.clone()).await, Registered::Done(_)));
        let (late, session) = (NewUser { email: again.clone(), ..new_user() }, new_session(at(60)));
        let registered = h.accounts.register(late.clone(), Some(session.clone()), T0).await.expect(ANSWERS);
        assert_eq!(registered, Registered::EmailTaken, "{}", again.as_str());
        assert_eq!(by_id(&h, late.id).await, None);
        assert_eq!(h.token(&session.hash).await, None);
        for spelling in [&first, &again] {
            let found = by_email(&h, spelling).await.expect("the address is known");
            assert_eq!(found.id, owner.id, "{}", spelling.as_str());
            assert_eq!(found.email.expect("the user has an address").as_str(), first.as_str());
        }
    }
}

/// Of twenty concurrent registrations of one address, exactly one succeeds.
pub async fn exactly_one_of_concurrent_registrations_succeeds(h: Harness) {
    let h = Arc::new(h);
    let registered = all((0..20).map(|place| {
        let h = Arc::clone(&h);
        async move {
            let text = if place % 2 == 0 { "ann@example.com" } else { "ANN@EXAMPLE.COM" };
            let (user, session) = (NewUser { email: email(text), ..new_user() }, new_session(at(60)));
            let (id, hash) = (user.id, session.hash);
            (id, hash, h.accounts.register(user, Some(session), T0).await.expect(ANSWERS))
        }
    }))
    .await;
    let winners: Vec<_> = registered
        .iter()
        .filter_map(|(id, _, registered)| matches!(registered, Registered::Done(_)).then_some(*id))
        .collect();
    assert_eq!(winners.len(), 1, "{registered:#?}");
    assert_eq!(by_email(&h, &email("ann@example.com")).await.map(|user| user.id), Some(winners[0]));
    for (id, hash, registered) in registered {
        let won = id == winners[0];
        assert!(won || registered == Registered::EmailTaken);
        assert_eq!(by_id(&h, id).await.is_some(), won, "only the winner is stored");
        assert_eq!(h.token(&hash).await.is_some(), won, "with its session");
    }
}

/// A rehash replaces the hash only if it is still the expected one. It ends no session.
pub async fn a_rehash_replaces_only_the_expected_hash(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let [first, second, third] = ["first", "second", "third"].map(password_hash);
    let password = async |user| by_id(&h, user).await.and_then(|user| user.password);
    h.accounts.rehash(ann, &second, third.clone()).await.expect(ANSWERS);
    assert_eq!(password(ann).await.as_ref(), Some(&first), "a hash other than the expected one is kept");
    h.accounts.rehash(ann, &first, second.clone()).await.expect(ANSWERS);
    assert_eq!(password(ann).await.as_ref(), Some(&second));
    assert_eq!(password(bob).await.as_ref(), Some(&first), "the equal hash of another user is kept");
    h.accounts.rehash(UserId(uuid()), &second, third).await.expect(ANSWERS);
    assert_eq!(h.revocations(None, T0).await, []);
}

/// The probe of a store that works succeeds.
pub async fn the_probe_of_a_working_store_succeeds(h: Harness) {
    h.probe.probe().await.expect("the store works");
}

/// An invitation registers its own address, once, before it expires.
pub async fn an_invitation_registers_its_address_once(h: Harness) {
    let (ann, eve) = (email("ann@example.com"), email("eve@example.com"));
    let invitation = one_time(Purpose::Invitation, None, &ann);
    h.one_time.put(invitation.clone()).await.expect(ANSWERS);
    let invited =
        |email: &Email, hash| NewUser { email: email.clone(), invitation: Some(hash), ..new_user() };
    let late = invitation.expires_at;
    let is_invited = async |email: &Email, hash: &TokenHash, now: Stamp| {
        h.accounts.is_invited(hash, email, now).await.expect(ANSWERS)
    };
    assert!(is_invited(&ann, &invitation.hash, T0).await);
    assert!(!is_invited(&ann, &invitation.hash, late).await);
    let refused = h.accounts.register(invited(&ann, invitation.hash), None, late).await.expect(ANSWERS);
    assert_eq!(refused, Registered::NotInvited, "it has expired");
    let other = one_time(Purpose::MagicLink, None, &ann);
    h.one_time.put(other.clone()).await.expect(ANSWERS);
    for (email, hash) in [(&eve, invitation.hash), (&ann, token_hash()), (&ann, other.hash)] {
        assert!(!is_invited(email, &hash, T0).await);
        assert_eq!(register(&h, invited(email, hash)).await, Registered::NotInvited);
        assert_eq!(by_email(&h, email).await, None);
    }
    let spelled = email("Ann@Example.com");
    assert!(matches!(register(&h, invited(&spelled, invitation.hash)).await, Registered::Done(_)));
    assert!(!is_invited(&ann, &invitation.hash, T0).await);
    assert_eq!(register(&h, invited(&ann, invitation.hash)).await, Registered::NotInvited, "it was used");
    let second = one_time(Purpose::Invitation, None, &ann);
    h.one_time.put(second.clone()).await.expect(ANSWERS);
    assert_eq!(register(&h, invited(&ann, second.hash)).await, Registered::EmailTaken);
}

/// Of concurrent registrations with one invitation, exactly one succeeds.
pub async fn exactly_one_of_concurrent_registrations_uses_an_invitation(h: Harness) {
    let h = Arc::new(h);
    for round in 0..5 {
        let address = email(&format!("ann{round}@example.com"));
        let invitation = one_time(Purpose::Invitation, None, &address);
        h.one_time.put(invitation.clone()).await.expect(ANSWERS);
        let registered = all((0..10).map(|_| {
            let (h, email, invitation) = (Arc::clone(&h), address.clone(), Some(invitation.hash));
            async move { register(&h, NewUser { email, invitation, ..new_user() }).await }
        }))
        .await;
        let done = registered.iter().filter(|registered| matches!(registered, Registered::Done(_)));
        assert_eq!(done.count(), 1, "{registered:?}");
    }
}
