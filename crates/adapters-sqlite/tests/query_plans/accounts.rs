//! Accounts, their identities, and their deletion.

use adapters_sqlite::SqliteStore;
use domain::UserId;
use domain::account::{AccountStore, KeepSession};
use domain::identity::{IdentityStore, LoginWays};
use domain::mail::Template;
use domain::user::PasswordHash;
use domain_testkit::build::{
    T0, at, display_name, email, external, identity, new_name, new_session, new_user, notice, replacement,
    todo_id,
};

use crate::planner::Planner;
use crate::{ANN, over};

pub async fn accounts(store: &SqliteStore, planner: &mut Planner) {
    store.register(new_user(), Some(new_session(at(9000))), T0).await.expect("registers");
    planner.check_all("register");
    let found = store.by_email(&email("500@EXAMPLE.com")).await.expect("reads").expect("is there");
    assert_eq!(found.id, ANN);
    planner.expect("by email", &["SEARCH users USING INDEX sqlite_autoindex_users_2 (email_key=?)"]);
    store.by_id(ANN).await.expect("reads");
    planner.expect("by id", &["SEARCH users USING PRIMARY KEY (id=?)"]);
    store.change_profile(ANN, new_name(Some(display_name("Ann"))), T0).await.expect("writes");
    planner.check_all("change_profile");
    let (old, new) = (PasswordHash("hash".to_owned()), PasswordHash("other".to_owned()));
    store.rehash(ANN, &old, old.clone()).await.expect("writes");
    planner.check_all("rehash");
    store.set_password(ANN, &old, replacement(new, over(T0)), None, KeepSession::None).await.expect("writes");
    planner.check_all("set_password");
}

pub async fn identities(store: &SqliteStore, planner: &mut Planner) {
    let by_subject = [
        "SEARCH external_identities USING INDEX sqlite_autoindex_external_identities_2 (provider=? AND subject=?)",
    ];
    let token = external("issuer", "1", Some(&email("501@example.com")));
    let user = store.find_or_create_external(&token, UserId(todo_id().0), T0).await.expect("writes");
    planner.expect("find_or_create_external", &by_subject);
    for subject in ["1", "2"] {
        let google = identity("google", subject, Some(&email("502@example.com")));
        store
            .resolve(google.clone(), Some(UserId(todo_id().0)), notice(Template::ProviderLinked), T0)
            .await
            .expect("writes");
        planner.expect("resolve", &by_subject);
        store.link(user, None, google, notice(Template::ProviderLinked), T0).await.expect("writes");
        planner.expect("link", &by_subject);
    }
    let ways = LoginWays { password: true, providers: vec!["issuer".to_owned()] };
    store.unlink(user, None, "google", ways, notice(Template::ProviderUnlinked), T0).await.expect("writes");
    planner.expect("unlink", &["SEARCH external_identities USING PRIMARY KEY (user_id=? AND provider=?)"]);
    store.providers(user).await.expect("reads");
    planner.expect("providers", &["SEARCH external_identities USING PRIMARY KEY (user_id=?)"]);
}

pub async fn deletion(store: &SqliteStore, planner: &mut Planner) {
    store.records(ANN).await.expect("reads").expect("the user exists");
    planner.expect("records", &["SEARCH mail_outbox USING INDEX mail_outbox_of_user (user_id=?)"]);
    store
        .delete(ANN, None, notice(Template::AccountDeleted), over(T0))
        .await
        .expect("writes")
        .expect("the user existed");
    planner.check_all("delete");
    assert!(store.delete_remains(500).await.expect("writes") > 0);
    planner
        .expect("the next deleted user", &["SEARCH users USING COVERING INDEX users_deleted (deleted_at>?)"]);
    while store.delete_remains(500).await.expect("writes") > 0 {}
    planner.expect(
        "delete_remains",
        &[
            "SEARCH users USING PRIMARY KEY (id=?)",
            "SEARCH todos USING COVERING INDEX todos_changes (user_id=?)",
            "SEARCH mail_outbox USING INDEX mail_outbox_of_user (user_id=?)",
            "SEARCH one_time_tokens USING INDEX one_time_tokens_of_user (user_id=?)",
            "SEARCH external_identities USING PRIMARY KEY (user_id=?)",
            "SEARCH refresh_tokens USING INDEX refresh_tokens_of_user (user_id=?)",
            "SEARCH sessions USING INDEX sessions_of_user (user_id=?)",
        ],
    );
}
