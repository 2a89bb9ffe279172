//! Deleting an account.

use domain::UserId;
use domain::account::{NewUser, Registered};
use domain::identity::Linked;
use domain::mail::Template;
use domain::one_time::Purpose;
use domain::session::{Device, EndReason, NewSession, OpenRefusal, Revocation, Revoked, Rotated, TokenHash};
use domain::todo::Commit;
use domain::todo::query::{Filter, ListQuery};

use crate::Harness;
use crate::build::{
    T0, at, batch, create, delete, email_token, ending, identity, new_session, new_user, notice, one_time,
    successor, todo_id,
};

const ANSWERS: &str = "the store answers";

/// Stores something for the user in every table. Returns the live session and two one-time tokens.
pub(super) async fn populate(h: &Harness, user: UserId) -> (NewSession, [TokenHash; 2]) {
    let address = h.stored(user).await.email.expect("the user has an address");
    let [gone, kept] = [todo_id(), todo_id()];
    h.apply(user, [create(gone, "gone"), create(kept, "kept"), delete(gone)]).await;
    let sessions = [(); 2].map(|()| new_session(at(1_000)));
    for session in &sessions {
        let opening = ending(EndReason::DeviceRevoked, T0);
        h.sessions.open(user, session.clone(), 20, opening).await.expect(ANSWERS).expect("the session opens");
    }
    h.sessions.end(user, sessions[0].id, ending(EndReason::Logout, at(1))).await.expect(ANSWERS);
    let google = identity("google", &user.to_string(), Some(&address));
    assert_eq!(
        h.identities.link(user, None, google, notice(Template::ProviderLinked), at(1)).await.expect(ANSWERS),
        Linked::Done
    );
    let sent = email_token(Purpose::ResetPassword, Some(user), &address);
    let put = one_time(Purpose::OAuthHandOff, Some(user), &address);
    let tokens = [sent.token.hash, put.hash];
    h.one_time.send(sent, T0).await.expect(ANSWERS);
    h.one_time.put(put).await.expect(ANSWERS);
    let [_, session] = sessions;
    (session, tokens)
}

/// A deletion removes everything of the account and leaves one revocation for it. Other accounts do
/// not change.
pub async fn a_deleted_account_leaves_nothing(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let (session, [sent, put]) = populate(&h, ann).await;
    let (of_bob, _) = populate(&h, bob).await;
    let (user, todos) = (h.stored(ann).await, h.everything(ann).await);
    let end = ending(EndReason::AccountDeleted, at(5));
    let ended = h
        .accounts
        .delete(ann, None, notice(Template::AccountDeleted), end)
        .await
        .expect(ANSWERS)
        .expect("the user exists");
    let all_of_ann = Revocation {
        what: Revoked::User(ann),
        user: ann,
        reason: EndReason::AccountDeleted,
        at: end.at,
        until: end.until,
    };
    assert!(ended.contains(&all_of_ann), "{ended:?}");
    let kept = h.revocations(None, at(5)).await;
    let of_ann: Vec<_> = kept.into_iter().filter(|revocation| revocation.user == ann).collect();
    assert_eq!(of_ann, [all_of_ann], "one revocation replaces those of the sessions");

    assert_eq!(h.accounts.by_id(ann).await.expect(ANSWERS), None);
    let address = user.email.expect("it had an address");
    assert_eq!(h.accounts.by_email(&address).await.expect(ANSWERS), None);
    assert!(h.accounts.records(ann).await.expect(ANSWERS).is_none());
    assert_eq!(h.todos.position(ann).await.expect(ANSWERS), None);
    for todo in &todos {
        assert_eq!(h.todo(ann, todo.id()).await, None);
        assert_eq!(h.todos.get_by_number(ann, todo.number()).await.expect(ANSWERS), None);
        assert!(!h.todos.belongs_to_another_user(bob, todo.id()).await.expect(ANSWERS));
    }
    assert_eq!(h.commit(ann, batch([create(todo_id(), "late")]), T0).await, Commit::NoSuchUser);
    assert_eq!(h.sessions.find(&session.hash).await.expect(ANSWERS), None);
    assert_eq!(h.sessions.live(ann, T0).await.expect(ANSWERS), []);
    assert_eq!(h.one_time.resettable(&sent, T0).await.expect(ANSWERS), None);
    assert_eq!(h.one_time.consume(Purpose::OAuthHandOff, &put, T0).await.expect(ANSWERS), None);
    assert_eq!(h.identities.providers(ann).await.expect(ANSWERS), [""; 0]);
    let mails = h.outbox.claim(at(5), at(9), 10).await.expect(ANSWERS);
    assert_eq!(mails.iter().map(|queued| queued.mail.user).collect::<Vec<_>>(), [Some(bob)]);
    assert_eq!(
        h.accounts.delete(ann, None, notice(Template::AccountDeleted), end).await.expect(ANSWERS),
        None,
        "the account no longer exists"
    );

    let records = h.accounts.records(bob).await.expect(ANSWERS).expect("Bob exists");
    assert_eq!((records.sessions.len(), records.identities.len(), records.mails.len()), (2, 1, 1));
    assert_eq!(h.everything(bob).await.len(), 2);
    assert_eq!(h.sessions.live(bob, T0).await.expect(ANSWERS)[0].id, of_bob.id);
    let again = NewUser { email: address, ..new_user() };
    let registered = h.accounts.register(again, None, at(6)).await.expect(ANSWERS);
    assert!(matches!(registered, Registered::Done(_)), "the address is free");
}

/// A full account is gone at once, although its todos are deleted in steps, which others' writes may interrupt.
pub async fn a_full_account_is_deleted_at_once_and_its_todos_in_steps(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    let ids: Vec<_> = (0..350).map(|_| todo_id()).collect();
    h.apply(ann, ids.iter().map(|id| create(*id, "milk"))).await;
    let of_bob = todo_id();
    h.apply(bob, [create(of_bob, "tea")]).await;
    let numbered = h.todo(ann, ids[349]).await.expect("it is stored").number();
    let end = ending(EndReason::AccountDeleted, at(5));
    h.accounts
        .delete(ann, None, notice(Template::AccountDeleted), end)
        .await
        .expect(ANSWERS)
        .expect("the user exists");
    let assert_gone = async || {
        assert_eq!(h.accounts.by_id(ann).await.expect(ANSWERS), None);
        assert!(h.todos.list(ann, &ListQuery::default()).await.expect(ANSWERS).is_none());
        assert!(h.todos.newest_after(ann, Filter::All, None, 10).await.expect(ANSWERS).is_none());
        assert!(h.todos.changes(ann, None, true, 10).await.expect(ANSWERS).is_none());
        assert!(h.todos.position(ann).await.expect(ANSWERS).is_none());
        assert_eq!(h.todos.get_by_number(ann, numbered).await.expect(ANSWERS), None);
        for id in [ids[0], ids[349]] {
            assert_eq!(h.todo(ann, id).await, None);
            assert!(!h.todos.belongs_to_another_user(bob, id).await.expect(ANSWERS));
        }
        assert_eq!(h.commit(ann, batch([delete(ids[349])]), at(6)).await, Commit::NoSuchUser);
        let opening = ending(EndReason::DeviceRevoked, T0);
        let opened = h.sessions.open(ann, new_session(at(1_000)), 20, opening).await.expect(ANSWERS);
        assert!(matches!(opened, Err(OpenRefusal::NoSuchUser)));
        assert_eq!(
            h.accounts.delete(ann, None, notice(Template::AccountDeleted), end).await.expect(ANSWERS),
            None
        );
    };
    assert_gone().await;
    loop {
        let deleted = h.accounts.delete_remains(100).await.expect(ANSWERS);
        assert!(deleted <= 101, "{deleted} rows in one step");
        assert_gone().await;
        h.apply(bob, [create(todo_id(), "more tea")]).await;
        if deleted == 0 {
            break;
        }
    }
    assert!(h.todo(bob, of_bob).await.is_some());
}

/// Tokens, sessions and emails of a deleted account are gone at once for every caller, and in steps on
/// the disk.
pub async fn tokens_and_mails_of_a_deleted_account_go_in_steps(h: Harness) {
    let (user, address) = h.account(true).await;
    let opening = ending(EndReason::DeviceRevoked, T0);
    let session = new_session(at(10_000));
    h.sessions.open(user, session.clone(), 200, opening).await.expect(ANSWERS).expect("the session opens");
    let rotate = async |hash: &TokenHash| {
        let end = ending(EndReason::ReuseDetected, at(1));
        h.sessions.rotate(hash, successor(at(10_000)), &Device::default(), end).await.expect(ANSWERS)
    };
    let mut newest = session.hash;
    for _ in 0..120 {
        match rotate(&newest).await {
            Rotated::Done { hash, .. } => newest = hash,
            other => panic!("expected a rotated token, got {other:?}"),
        }
        let other = new_session(at(10_000));
        h.sessions.open(user, other, 200, opening).await.expect(ANSWERS).expect("the session opens");
        h.one_time.send(email_token(Purpose::MagicLink, Some(user), &address), T0).await.expect(ANSWERS);
    }
    let link = email_token(Purpose::MagicLink, Some(user), &address);
    let valid = link.token.hash;
    h.one_time.send(link, T0).await.expect(ANSWERS);
    let end = ending(EndReason::AccountDeleted, at(5));
    let notice = notice(Template::AccountDeleted);
    h.accounts.delete(user, None, notice, end).await.expect(ANSWERS).expect("the user exists");

    let mut steps = Vec::new();
    loop {
        assert_eq!(h.sessions.find(&newest).await.expect(ANSWERS), None);
        assert_eq!(rotate(&newest).await, Rotated::Unknown);
        assert_eq!(h.sessions.live(user, at(6)).await.expect(ANSWERS), []);
        assert_eq!(h.sessions.end(user, session.id, end).await.expect(ANSWERS), None);
        assert_eq!(h.one_time.consume(Purpose::MagicLink, &valid, at(6)).await.expect(ANSWERS), None);
        assert_eq!(h.outbox.queued().await.expect(ANSWERS), 1, "the notice of the deletion");
        assert_eq!(h.revocations(None, at(5)).await.last().map(|last| last.what), Some(Revoked::User(user)));
        match h.accounts.delete_remains(100).await.expect(ANSWERS) {
            0 => break,
            step => steps.push(step),
        }
    }
    assert!(steps.iter().all(|step| *step <= 101), "{steps:?}");
    assert!(steps.iter().sum::<u64>() >= 120, "the tokens did not go with the account: {steps:?}");
    assert_eq!(h.revocations(None, at(5)).await.len(), 1);
}

/// The owner of a verified address gets an email about the deletion. The email belongs to no
/// account.
pub async fn the_owner_is_told_of_the_deletion(h: Harness) {
    for verified in [true, false] {
        let (user, address) = h.account(verified).await;
        let end = ending(EndReason::AccountDeleted, at(5));
        let deleted =
            h.accounts.delete(user, None, notice(Template::AccountDeleted), end).await.expect(ANSWERS);
        assert!(deleted.is_some());
        let claimed = h.outbox.claim(at(5), at(9), 10).await.expect(ANSWERS);
        let mails: Vec<_> = claimed.into_iter().map(|queued| queued.mail).collect();
        if verified {
            let mail = &mails[0];
            assert_eq!((mail.user, &mail.to, mail.template), (None, &address, Template::AccountDeleted));
        }
        assert_eq!(mails.len(), usize::from(verified), "an unverified address may be a stranger's");
    }
}
