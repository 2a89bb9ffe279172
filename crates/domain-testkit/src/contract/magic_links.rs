//! Logging in by the link in an email.

use std::collections::HashSet;
use std::sync::Arc;

use domain::one_time::{MagicLinkLogin, NewOneTimeToken, Purpose};
use domain::session::{EndReason, NewSession, OpenedSession, Revocation, Revoked};
use domain::user::{Email, User};
use domain::{SessionId, Stamp, UserId};

use crate::build::{T0, at, email, email_token, ending, new_session, one_time, password_hash, uuid};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

async fn link(h: &Harness, user: Option<UserId>, to: &Email) -> NewOneTimeToken {
    let sent = email_token(Purpose::MagicLink, user, to);
    h.one_time.send(sent.clone(), T0).await.expect(ANSWERS);
    sent.token
}

struct LogIn {
    new_user: UserId,
    session: NewSession,
    outcome: MagicLinkLogin,
}

async fn log_in(h: &Harness, link: &NewOneTimeToken, cap: u32, now: Stamp) -> LogIn {
    let (new_user, session) = (UserId(uuid()), new_session(at(10_000)));
    let ending = ending(EndReason::DeviceRevoked, now);
    let outcome = h.one_time.use_magic_link(&link.hash, Some(new_user), session.clone(), cap, ending).await;
    LogIn { new_user, session, outcome: outcome.expect(ANSWERS) }
}

fn done(outcome: MagicLinkLogin) -> (User, HashSet<SessionId>) {
    let MagicLinkLogin::Done(OpenedSession { user, ended }) = outcome else {
        panic!("expected a login, got {outcome:?}");
    };
    let id_of = |revocation: &Revocation| match revocation.what {
        Revoked::Session(id) => id,
        Revoked::User(_) => panic!("expected the revocation of a session, got {revocation:?}"),
    };
    (*user, ended.iter().map(id_of).collect())
}

async fn live(h: &Harness, user: UserId, now: Stamp) -> HashSet<SessionId> {
    h.sessions.live(user, now).await.expect(ANSWERS).iter().map(|session| session.id).collect()
}

/// A user with a password, a session and an address, which is verified on request.
async fn registered(h: &Harness, verified: bool) -> (UserId, Email, NewSession) {
    let (user, address) = h.account(verified).await;
    (user, address, h.open_session(user, at(10_000)).await)
}

/// The first link to an address creates a verified account without a password, and logs in.
pub async fn a_first_link_creates_the_account(h: Harness) {
    let address = email("Ann@Example.com");
    let link = link(&h, None, &address).await;
    assert_eq!(
        h.accounts.by_email(&address).await.expect(ANSWERS),
        None,
        "the account is created when the link is used"
    );
    let answer = log_in(&h, &link, 20, at(5)).await;
    let (user, ended) = done(answer.outcome);
    let expected = User {
        id: answer.new_user,
        email: Some(address.clone()),
        password: None,
        display_name: None,
        email_verified: true,
        is_active: true,
        created_at: at(5),
        last_login_at: Some(at(5)),
        email_changed_at: None,
        password_reset_at: None,
    };
    assert_eq!((&user, ended.len()), (&expected, 0));
    assert_eq!(h.stored(user.id).await, expected);
    assert_eq!(h.accounts.by_email(&email("ann@example.com")).await.expect(ANSWERS), Some(expected));
    let token = h.token(&answer.session.hash).await.expect("the session is stored");
    assert_eq!((token.user, token.session), (user.id, answer.session.id));
    assert_eq!(h.clock(user.id).await, at(5), "the account can store todos");
    let records = h.accounts.records(user.id).await.expect(ANSWERS).expect("the user exists");
    assert_eq!(records.mails.len(), 1, "the mail with the link belongs to the account");
    let again = log_in(&h, &link, 20, at(5)).await;
    assert_eq!(again.outcome, MagicLinkLogin::Invalid);
    assert_eq!(h.accounts.by_id(again.new_user).await.expect(ANSWERS), None);
    assert_eq!(h.token(&again.session.hash).await, None);
}

/// An expired or unknown link, or a token for another purpose, logs in to nothing and creates
/// nothing.
pub async fn an_invalid_link_creates_nothing(h: Harness) {
    let address = email("ann@example.com");
    let late = link(&h, None, &address).await;
    let other = one_time(Purpose::ResetPassword, None, &address);
    h.one_time.put(other.clone()).await.expect(ANSWERS);
    let unknown = one_time(Purpose::MagicLink, None, &address);
    for (link, now) in [(&late, late.expires_at), (&other, T0), (&unknown, T0)] {
        let answer = log_in(&h, link, 20, now).await;
        assert_eq!(answer.outcome, MagicLinkLogin::Invalid);
        assert_eq!(h.token(&answer.session.hash).await, None);
    }
    assert_eq!(h.accounts.by_email(&address).await.expect(ANSWERS), None);
}

/// Without a user to create, a first link is not valid; a link to an account is.
pub async fn a_first_link_creates_nothing_without_a_new_user(h: Harness) {
    let (user, known) = h.account(true).await;
    let unknown = email("new@example.com");
    for (to, valid) in [(&unknown, false), (&known, true)] {
        let link = link(&h, valid.then_some(user), to).await;
        let end = ending(EndReason::DeviceRevoked, at(1));
        let outcome = h.one_time.use_magic_link(&link.hash, None, new_session(at(10_000)), 20, end).await;
        assert_eq!(matches!(outcome.expect(ANSWERS), MagicLinkLogin::Done(_)), valid, "{to}");
    }
    assert_eq!(h.accounts.by_email(&unknown).await.expect(ANSWERS), None);
}

/// Two concurrent first links to one address create one account, and both log in.
pub async fn two_concurrent_first_links_create_one_account(h: Harness) {
    let h = Arc::new(h);
    for round in 0..10 {
        let spellings = [format!("ann{round}@example.com"), format!("ANN{round}@example.com")];
        let mut links = Vec::new();
        for spelling in &spellings {
            links.push(link(&h, None, &email(spelling)).await);
        }
        let answers = all(links.into_iter().map(|link| {
            let h = Arc::clone(&h);
            async move { log_in(&h, &link, 20, T0).await }
        }))
        .await;
        let ids: Vec<_> = answers.iter().map(|answer| answer.new_user).collect();
        let sessions: HashSet<_> = answers.iter().map(|answer| answer.session.id).collect();
        let users: HashSet<_> = answers.into_iter().map(|answer| done(answer.outcome).0.id).collect();
        assert_eq!(users.len(), 1, "round {round}");
        for user in users {
            assert!(ids.contains(&user), "round {round}");
            assert_eq!(live(&h, user, at(1)).await, sessions, "round {round}");
        }
    }
}

/// Of fifty concurrent uses of one link, exactly one logs in.
pub async fn exactly_one_of_fifty_concurrent_uses_of_a_link_logs_in(h: Harness) {
    let (user, address, session) = registered(&h, true).await;
    let link = link(&h, Some(user), &address).await;
    let h = Arc::new(h);
    let answers = all((0..50).map(|_| {
        let (h, link) = (Arc::clone(&h), link.clone());
        async move { log_in(&h, &link, 20, T0).await }
    }))
    .await;
    let winners: Vec<_> = answers.iter().filter(|answer| answer.outcome != MagicLinkLogin::Invalid).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(live(&h, user, at(1)).await, HashSet::from([session.id, winners[0].session.id]));
}

/// If the address was never verified, a login by link removes the password and ends the sessions of
/// the earlier registrant.
pub async fn an_unverified_registrant_is_locked_out(h: Harness) {
    let (user, address, earlier) = registered(&h, false).await;
    let expired = h.open_session(user, at(1)).await;
    let link = link(&h, Some(user), &address).await;
    let answer = log_in(&h, &link, 20, at(5)).await;
    let (stored, ended) = done(answer.outcome);
    assert_eq!((stored.id, stored.password.clone(), stored.email_verified), (user, None, true));
    assert_eq!(h.stored(user).await, stored);
    assert_eq!(ended, HashSet::from([earlier.id, expired.id]));
    assert_eq!(h.revocations(None, at(5)).await.len(), 2, "the access tokens are revoked too");
    assert_eq!(live(&h, user, at(5)).await, HashSet::from([answer.session.id]));
}

/// If the address was verified, the password and the sessions are kept.
pub async fn a_verified_account_keeps_its_password_and_sessions(h: Harness) {
    let (user, address, session) = registered(&h, true).await;
    let link = link(&h, Some(user), &address).await;
    let answer = log_in(&h, &link, 20, at(5)).await;
    let (stored, ended) = done(answer.outcome);
    assert_eq!((stored.id, stored.password), (user, Some(password_hash("first"))));
    assert_eq!(stored.last_login_at, Some(at(5)));
    assert_eq!(ended.len(), 0);
    assert_eq!(live(&h, user, at(5)).await, HashSet::from([session.id, answer.session.id]));
}

/// A link to a disabled account opens no session and changes nothing.
pub async fn a_link_does_not_log_in_to_a_disabled_account(h: Harness) {
    for verified in [true, false] {
        let (user, address, _) = registered(&h, verified).await;
        let link = link(&h, Some(user), &address).await;
        h.operator.set_active(user, false).await;
        let before = h.stored(user).await;
        let answer = log_in(&h, &link, 20, at(5)).await;
        assert_eq!(answer.outcome, MagicLinkLogin::Disabled);
        assert_eq!(h.token(&answer.session.hash).await, None);
        assert_eq!(h.stored(user).await, before);
    }
}

/// A login by link ends the oldest sessions over the cap, as any login does.
pub async fn a_login_by_link_respects_the_cap(h: Harness) {
    let (user, address, first) = registered(&h, true).await;
    let link = link(&h, Some(user), &address).await;
    let answer = log_in(&h, &link, 1, at(5)).await;
    assert_eq!(done(answer.outcome).1, HashSet::from([first.id]));
    assert_eq!(live(&h, user, at(5)).await, HashSet::from([answer.session.id]));
}
