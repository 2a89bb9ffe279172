//! Deleting an account, and exporting what is stored about it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::UserId;
use domain::account::{EmailChange, NewUser, ProfileChange, Registered};
use domain::identity::Linked;
use domain::mail::Template;
use domain::one_time::{EmailToken, Purpose};
use domain::session::{Device, EndReason, NewSession, OpenRefusal, Revocation, Revoked, Rotated, TokenHash};
use domain::todo::query::{Filter, ListQuery};
use domain::todo::{Commit, Outcome};

use crate::build::{
    T0, at, batch, create, delete, email_token, ending, identity, mail, new_session, new_user, notice,
    one_time, successor, todo_id, uuid,
};
use crate::{Harness, all};

const ANSWERS: &str = "the store answers";

/// Stores something for the user in every table. Returns the live session and two one-time tokens.
async fn populate(h: &Harness, user: UserId) -> (NewSession, [TokenHash; 2]) {
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

/// Of concurrent deletions, exactly one succeeds.
pub async fn exactly_one_of_concurrent_deletions_succeeds(h: Harness) {
    let user = h.user().await;
    populate(&h, user).await;
    let h = Arc::new(h);
    let deleted = all((0..10).map(|_| {
        let h = Arc::clone(&h);
        async move {
            h.accounts
                .delete(
                    user,
                    None,
                    notice(Template::AccountDeleted),
                    ending(EndReason::AccountDeleted, at(5)),
                )
                .await
                .expect(ANSWERS)
        }
    }))
    .await;
    assert_eq!(deleted.iter().flatten().count(), 1, "{deleted:?}");
    assert_eq!(h.revocations(None, at(5)).await.len(), 1);
}

/// A write concurrent with the deletion of its user happens before it or finds no user. It leaves
/// nothing.
pub async fn a_deletion_concurrent_with_other_writes_leaves_nothing(h: Harness) {
    let watcher = h.user().await;
    let h = Arc::new(h);
    for round in 0..10 {
        let user = h.user().await;
        let address = h.stored(user).await.email.expect("the user has an address");
        let ids: Vec<_> = (0..8).map(|_| todo_id()).collect();
        let tasks = (0..8).map(|place| {
            let (h, id, address) = (Arc::clone(&h), ids[place], address.clone());
            async move {
                if place == 4 {
                    let end = ending(EndReason::AccountDeleted, at(5));
                    let deleted = h
                        .accounts
                        .delete(user, None, notice(Template::AccountDeleted), end)
                        .await
                        .expect(ANSWERS);
                    assert!(deleted.is_some(), "round {round}: the user exists");
                    return;
                }
                match h.commit(user, batch([create(id, "milk")]), T0).await {
                    Commit::Done(decided) => assert!(matches!(decided.outcomes[0], Outcome::Applied { .. })),
                    Commit::NoSuchUser => {}
                    Commit::StaleCursor(_) => panic!("round {round}: the batch has no cursor"),
                }
                let opening = ending(EndReason::DeviceRevoked, T0);
                let opened = h.sessions.open(user, new_session(at(1_000)), 20, opening).await.expect(ANSWERS);
                assert!(matches!(opened, Ok(_) | Err(OpenRefusal::NoSuchUser)));
                h.one_time
                    .send(email_token(Purpose::ResetPassword, Some(user), &address), T0)
                    .await
                    .expect(ANSWERS);
                let google = identity("google", &id.to_string(), None);
                h.identities
                    .link(user, None, google, notice(Template::ProviderLinked), T0)
                    .await
                    .expect(ANSWERS);
            }
        });
        all(tasks.collect::<Vec<_>>()).await;
        assert_eq!(h.accounts.by_id(user).await.expect(ANSWERS), None, "round {round}");
        for id in ids {
            assert_eq!(h.todo(user, id).await, None, "round {round}");
            assert!(!h.todos.belongs_to_another_user(watcher, id).await.expect(ANSWERS), "round {round}");
        }
        assert_eq!(h.sessions.live(user, T0).await.expect(ANSWERS), [], "round {round}");
        assert_eq!(h.identities.providers(user).await.expect(ANSWERS), [""; 0], "round {round}");
        assert_eq!(h.outbox.queued().await.expect(ANSWERS), 0, "round {round}");
        let kept = h.revocations(None, at(5)).await;
        let of_user: Vec<_> = kept.iter().filter(|revocation| revocation.user == user).collect();
        assert_eq!(of_user.len(), 1, "round {round}: {of_user:?}");
    }
}

/// The records contain everything stored about the user except the todos, and nothing of others.
pub async fn the_records_are_complete(h: Harness) {
    let [ann, bob] = [h.user().await, h.user().await];
    populate(&h, bob).await;
    let (session, [_, put]) = populate(&h, ann).await;
    let address = h.stored(ann).await.email.expect("the user has an address");
    let notice = mail(Some(ann), &address, Template::EmailChanged);
    let notice_id = notice.id;
    let token = one_time(Purpose::VerifyEmail, Some(ann), &address);
    let verification = EmailToken { token, mail: None };
    let email = EmailChange { email: address.clone(), session: None, verification, notice: Some(notice) };
    let change = ProfileChange { display_name: None, email: Some(email) };
    h.accounts.change_profile(ann, change, at(2)).await.expect(ANSWERS);
    h.outbox.claim(at(3), at(9), 10).await.expect(ANSWERS);
    h.outbox.sent(notice_id, at(4)).await.expect(ANSWERS);

    let records = h.accounts.records(ann).await.expect(ANSWERS).expect("Ann exists");
    assert_eq!(records.user, h.stored(ann).await);
    assert_eq!(records.sessions.len(), 2, "including the ended one");
    let ended: Vec<_> = records.sessions.iter().filter_map(|session| session.ended).collect();
    assert_eq!(ended, [(at(1), EndReason::Logout)]);
    assert!(records.sessions.iter().any(|kept| kept.id == session.id && kept.ended.is_none()));
    let [google] = &records.identities[..] else {
        panic!("one identity: {:?}", records.identities);
    };
    assert_eq!((google.provider.as_str(), google.subject.as_str()), ("google", ann.to_string().as_str()));
    assert_eq!((google.email.as_deref(), google.created_at), (Some(address.as_str()), at(1)));
    let mails: HashSet<_> =
        records.mails.iter().map(|mail| (mail.template, mail.to.as_str(), mail.sent_at)).collect();
    let expected = HashSet::from([
        (Template::ResetPassword, address.as_str(), None),
        (Template::EmailChanged, address.as_str(), Some(at(4))),
    ]);
    assert_eq!(mails, expected);
    let kept: HashMap<_, _> =
        records.one_time_tokens.iter().map(|token| (token.purpose, (token.expires_at, token.used))).collect();
    let valid_until = |purpose: Purpose| T0.plus(purpose.lifetime());
    assert_eq!(kept[&Purpose::VerifyEmail], (valid_until(Purpose::VerifyEmail), false));
    assert_eq!(kept[&Purpose::OAuthHandOff], (valid_until(Purpose::OAuthHandOff), false));
    h.one_time.consume(Purpose::OAuthHandOff, &put, at(5)).await.expect(ANSWERS).expect("the token is valid");
    let records = h.accounts.records(ann).await.expect(ANSWERS).expect("Ann exists");
    let used = records.one_time_tokens.iter().find(|token| token.purpose == Purpose::OAuthHandOff);
    assert!(used.is_some_and(|token| token.used), "{used:?}");
    assert!(h.accounts.records(UserId(uuid())).await.expect(ANSWERS).is_none());
}
