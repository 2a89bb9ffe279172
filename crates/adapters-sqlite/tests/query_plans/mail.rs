//! Tokens sent by email, and the outbox.

use adapters_sqlite::SqliteStore;
use domain::UserId;
use domain::account::{AccountStore, ProfileChange};
use domain::mail::Outbox;
use domain::one_time::{MagicLinkLogin, OneTimeStore, Purpose};
use domain::user::PasswordHash;
use domain_testkit::build::{T0, at, email, email_token, new_email, new_session, replacement, todo_id};
use uuid::Uuid;

use crate::planner::Planner;
use crate::{ANN, over};

pub async fn one_time(store: &SqliteStore, planner: &mut Planner) {
    let address = email("500@example.com");
    let [verify, reset, link] = [Purpose::VerifyEmail, Purpose::ResetPassword, Purpose::MagicLink]
        .map(|purpose| email_token(purpose, Some(ANN), &address));
    let unknown = email_token(Purpose::MagicLink, None, &email("unknown@example.com"));
    for sent in [&verify, &reset, &unknown] {
        store.send(sent.clone(), T0).await.expect("writes");
    }
    planner.expect(
        "send",
        &["SEARCH one_time_tokens USING INDEX one_time_tokens_of_user (user_id=? AND kind=?)"],
    );
    let by_hash = ["SEARCH one_time_tokens USING INDEX sqlite_autoindex_one_time_tokens_2 (token_hash=?)"];
    store.resettable(&reset.token.hash, T0).await.expect("reads").expect("is good");
    planner.expect("resettable", &by_hash);
    store.verify_email(&verify.token.hash, T0).await.expect("writes").expect("is good");
    planner.expect("verify_email", &by_hash);
    let new = replacement(PasswordHash("reset".to_owned()), over(T0));
    store.reset_password(&reset.token.hash, new.clone()).await.expect("writes").expect("is good");
    planner.expect("reset_password", &by_hash);
    let squatted = email("503@example.com");
    let taking_over = email_token(Purpose::ResetPassword, Some(UserId(Uuid::from_u128(503))), &squatted);
    store.send(taking_over.clone(), T0).await.expect("writes");
    store.reset_password(&taking_over.token.hash, new).await.expect("writes").expect("is good");
    planner.expect(
        "a reset of an unverified address",
        &["SEARCH external_identities USING PRIMARY KEY (user_id=?)"],
    );
    store.send(link.clone(), T0).await.expect("writes");
    for link in [link, unknown] {
        let new_user = UserId(todo_id().0);
        let session = new_session(at(9000));
        let outcome = store.use_magic_link(&link.token.hash, Some(new_user), session, 1, over(T0)).await;
        assert!(matches!(outcome.expect("writes"), MagicLinkLogin::Done(..)));
        planner.expect("use_magic_link", &by_hash);
    }
    let email = Some(new_email(ANN, &email("ann@example.com")));
    store.change_profile(ANN, ProfileChange { display_name: None, email }, T0).await.expect("writes");
    planner.check_all("change_profile");
}

pub async fn outbox(store: &SqliteStore, planner: &mut Planner) {
    let claimed = store.claim(T0, at(60), 10).await.expect("writes");
    planner.expect("claim", &["SEARCH mail_outbox USING INDEX mail_outbox_due (next_attempt_at<?)"]);
    store.sent(claimed[0].mail.id, at(1)).await.expect("writes");
    store.failed(claimed[1].mail.id, "451 later", at(90)).await.expect("writes");
    planner.expect("what became of a mail", &["SEARCH mail_outbox USING PRIMARY KEY (id=?)"]);
    store.queued().await.expect("reads");
    planner
        .expect("queued", &["SEARCH mail_outbox USING COVERING INDEX mail_outbox_due (next_attempt_at>?)"]);
}
