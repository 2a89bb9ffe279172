//! What an operator does with accounts.

use domain::UserId;
use domain::account::Registered;
use domain::mail::Template;
use domain::session::EndReason;
use domain::user::User;

use crate::Harness;
use crate::build::{T0, at, email, ending, new_user, notice, uuid};

const ANSWERS: &str = "the store answers";

async fn register(h: &Harness) -> User {
    match h.accounts.register(new_user(), None, T0).await.expect(ANSWERS) {
        Registered::Done(user) => *user,
        refused => panic!("{refused:?}"),
    }
}

async fn by_id(h: &Harness, user: UserId) -> User {
    h.accounts.by_id(user).await.expect(ANSWERS).expect("the user exists")
}

/// Pages follow one another without gaps, and contain no deleted user.
pub async fn users_are_listed_in_pages(h: Harness) {
    let mut users = Vec::new();
    for _ in 0..5 {
        users.push(register(&h).await);
    }
    users.sort_unstable_by_key(|user| user.id);
    let gone = users.remove(1);
    let (notice, ending) = (notice(Template::AccountDeleted), ending(EndReason::AccountDeleted, at(1)));
    h.accounts.delete(gone.id, None, notice, ending).await.expect(ANSWERS);
    let accounts = h.operator.accounts().await.unwrap_or(h.accounts);
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = accounts.list_users(after, 3).await.expect(ANSWERS);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        listed.extend(page);
    }
    assert_eq!(listed, users);
}

/// A disabled account is among those that a revocation feed names, until it is enabled.
pub async fn an_account_is_disabled_and_enabled(h: Harness) {
    let user = register(&h).await.id;
    let disabled = async || h.sessions.revocations(None, T0).await.expect(ANSWERS).disabled;
    for active in [false, true] {
        assert!(h.accounts.set_active(user, active, at(1)).await.expect(ANSWERS));
        assert_eq!(by_id(&h, user).await.is_active, active);
        assert_eq!(disabled().await.contains(&user), !active);
    }
    assert!(!h.accounts.set_active(UserId(uuid()), false, at(1)).await.expect(ANSWERS), "no such user");
}

/// Only the address that the user has is marked.
pub async fn an_address_is_marked_as_verified(h: Harness) {
    let User { id, email: own, .. } = register(&h).await;
    let own = own.expect("the user has an address");
    let mark = async |address| h.accounts.mark_verified(id, address, at(1)).await.expect(ANSWERS);
    let other = email("other@example.com");
    assert!(!mark(&other).await);
    assert!(!by_id(&h, id).await.email_verified);
    assert!(mark(&own).await);
    assert!(by_id(&h, id).await.email_verified);
}
