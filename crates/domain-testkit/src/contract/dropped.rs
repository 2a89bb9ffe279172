//! A client that disconnects drops the future of its request at any point. All of the call takes
//! effect, or nothing.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use domain::account::{KeepSession, NewUser, PasswordSet, ProfileChange, Registered};
use domain::mail::Template;
use domain::one_time::Purpose;
use domain::session::{Device, EndReason, Rotated};
use domain::todo::Outcome;
use domain::user::User;

use crate::Harness;
use crate::build::{
    T0, at, batch, create, display_name, email, email_token, ending, new_email, new_session, new_user,
    notice, password_hash, replacement, successor, todo_id, toggle,
};

/// How often a future is polled before it is dropped: from its first step to, on most stores, its
/// end.
const POLLS: [u32; 14] = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 377, 987, 2584];

/// Polls `call` up to `polls` times, then drops it, finished or not.
async fn drop_after(polls: u32, call: impl Future) {
    let mut call = pin!(call);
    for _ in 0..polls {
        if poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready())).await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// A dropped commit is written completely and published, or not at all. It does not block the next
/// one.
pub async fn a_dropped_commit_is_written_completely_or_not_at_all(h: Harness) {
    let user = h.user().await;
    let mut batches = Vec::new();
    for polls in POLLS {
        let shared = todo_id();
        h.applied(user, create(shared, "shared")).await;
        let ids: Vec<_> = (0..5).map(|_| todo_id()).collect();
        let changes = ids.iter().map(|id| create(*id, "milk")).chain([toggle(shared)]);
        drop_after(polls, h.todos.commit(user, batch(changes), T0)).await;
        h.applied(user, create(todo_id(), "the next")).await;
        batches.push((polls, shared, ids));
    }
    // In this order: a commit that is still under way may finish in between, but an event never
    // precedes its row.
    let published: Vec<_> = h.bus.so_far(user).into_iter().map(|event| event.todo.id()).collect();
    let stored = h.everything(user).await;
    let holds = |id| stored.iter().any(|todo| todo.id() == id);
    for id in published {
        assert!(holds(id), "{id} was published but is not stored");
    }
    for (polls, shared, ids) in &batches {
        let count = ids.iter().filter(|id| holds(**id)).count();
        let toggled = stored.iter().any(|todo| todo.id() == *shared && todo.completed());
        assert!(
            (count, toggled) == (0, false) || (count, toggled) == (5, true),
            "of a batch dropped after {polls} polls {count} of 5 creations are there; its toggle: {toggled}"
        );
    }
    let last = stored.last().expect("there are todos").updated_at();
    let published = h.bus.wait_until(user, last).await;
    for todo in &stored {
        let count = published.iter().filter(|event| *event.todo == *todo).count();
        assert_eq!(count, 1, "each stored todo was published once: {todo:?}");
    }
    assert!(published.is_sorted_by_key(|event| event.todo.updated_at()), "in stamp order");

    for (_, _, ids) in batches {
        for outcome in h.apply(user, ids.iter().map(|id| create(*id, "milk"))).await {
            let fine = matches!(outcome, Outcome::Applied { .. } | Outcome::Unchanged { .. });
            assert!(fine, "the request can be sent again: {outcome:#?}");
        }
    }
}

/// A dropped registration created the account and its session, or neither. The client can try again
/// with the address.
pub async fn a_dropped_registration_is_written_completely_or_not_at_all(h: Harness) {
    let answers = "the store answers";
    for polls in POLLS {
        let (first, session) = (new_user(), new_session(at(1_000)));
        let (first_id, first_hash) = (first.id, session.hash);
        let again = NewUser { email: first.email.clone(), ..new_user() };
        let (again_id, again_session) = (again.id, new_session(at(1_000)));
        let again_hash = again_session.hash;
        drop_after(polls, h.accounts.register(first, Some(session), T0)).await;
        let registered = h.accounts.register(again, Some(again_session), T0).await.expect(answers);
        let again_won = matches!(registered, Registered::Done(_));
        for (id, hash, won) in [(first_id, first_hash, !again_won), (again_id, again_hash, again_won)] {
            let user = h.accounts.by_id(id).await.expect(answers);
            let token = h.token(&hash).await;
            assert_eq!((user.is_some(), token.is_some()), (won, won), "{polls} polls: account and session");
        }
    }
}

/// A dropped refresh can be repeated with the same token.
pub async fn a_dropped_rotation_can_be_repeated(h: Harness) {
    let answers = "the store answers";
    let user = h.user().await;
    let device = Device::default();
    let until = at(1_000);
    let logout = ending(EndReason::ReuseDetected, at(1));
    for polls in POLLS {
        let session = new_session(until);
        let presented = session.hash;
        h.sessions.open(user, session, 100, logout).await.expect(answers).expect("the session opens");
        drop_after(polls, h.sessions.rotate(&presented, successor(until), &device, logout)).await;
        let repeated = h.sessions.rotate(&presented, successor(until), &device, logout).await.expect(answers);
        let Rotated::Done { hash, .. } = repeated else {
            panic!("{polls} polls: expected a rotated token, got {repeated:?}");
        };
        let token = h.token(&hash).await.expect("the answer names a stored token");
        assert_eq!((token.generation, token.replaced), (1, None), "{polls} polls");
    }
}

/// A dropped password change set the password and ended the sessions, or neither.
pub async fn a_dropped_password_change_is_written_completely_or_not_at_all(h: Harness) {
    let answers = "the store answers";
    let [first, second, third] = ["first", "second", "third"].map(password_hash);
    let change = ending(EndReason::PasswordChange, at(1));
    for polls in POLLS {
        let user = h.user().await;
        let session = new_session(at(1_000));
        let hash = session.hash;
        h.sessions.open(user, session, 20, change).await.expect(answers).expect("the session opens");
        drop_after(
            polls,
            h.accounts.set_password(
                user,
                &first,
                replacement(second.clone(), change),
                None,
                KeepSession::None,
            ),
        )
        .await;
        let set = h
            .accounts
            .set_password(user, &first, replacement(third.clone(), change), None, KeepSession::None)
            .await
            .expect(answers);
        let stored = h.accounts.by_id(user).await.expect(answers).expect("the user exists").password;
        match set {
            PasswordSet::Done(ended) => {
                assert_eq!(ended.len(), 1, "{polls} polls: the session had not ended before");
                assert_eq!(stored.as_ref(), Some(&third), "{polls} polls");
            }
            PasswordSet::Changed => assert_eq!(stored.as_ref(), Some(&second), "{polls} polls"),
            PasswordSet::SessionEnded => panic!("the caller has no session"),
        }
        let refreshed = h.sessions.rotate(&hash, successor(at(1_000)), &Device::default(), change).await;
        assert_eq!(refreshed.expect(answers), Rotated::Ended, "{polls} polls");
    }
}

/// A dropped reset set the password, used the token and ended the sessions, or did none of these.
pub async fn a_dropped_reset_is_written_completely_or_not_at_all(h: Harness) {
    let answers = "the store answers";
    let [second, third] = ["second", "third"].map(password_hash);
    let reset = ending(EndReason::PasswordReset, at(1));
    for polls in POLLS {
        let user = h.user().await;
        let address = h.stored(user).await.email.expect("the user has an address");
        let (session, sent) =
            (new_session(at(1_000)), email_token(Purpose::ResetPassword, Some(user), &address));
        let (session_hash, hash) = (session.hash, sent.token.hash);
        h.sessions.open(user, session, 20, reset).await.expect(answers).expect("the session opens");
        h.one_time.send(sent, T0).await.expect(answers);
        drop_after(polls, h.one_time.reset_password(&hash, replacement(second.clone(), reset))).await;
        let again = h.one_time.reset_password(&hash, replacement(third.clone(), reset)).await.expect(answers);
        let stored = h.stored(user).await.password;
        match again {
            Some(ended) => {
                assert_eq!(ended.len(), 1, "{polls} polls: the session had not ended before");
                assert_eq!(stored.as_ref(), Some(&third), "{polls} polls");
            }
            None => assert_eq!(stored.as_ref(), Some(&second), "{polls} polls"),
        }
        let device = Device::default();
        let refreshed = h.sessions.rotate(&session_hash, successor(at(1_000)), &device, reset).await;
        assert_eq!(refreshed.expect(answers), Rotated::Ended, "{polls} polls");
    }
}

/// A dropped deletion removed everything or nothing, and can be repeated.
pub async fn a_dropped_deletion_is_written_completely_or_not_at_all(h: Harness) {
    let answers = "the store answers";
    let end = ending(EndReason::AccountDeleted, at(1));
    for polls in POLLS {
        let user = h.user().await;
        let id = todo_id();
        h.applied(user, create(id, "milk")).await;
        drop_after(polls, h.accounts.delete(user, None, notice(Template::AccountDeleted), end)).await;
        let (todo, stored) = (h.todo(user, id).await, h.accounts.by_id(user).await.expect(answers));
        assert!(
            todo.is_some() || stored.is_none(),
            "{polls} polls: a user and the todos are deleted together"
        );
        h.accounts.delete(user, None, notice(Template::AccountDeleted), end).await.expect(answers);
        assert_eq!(h.accounts.by_id(user).await.expect(answers), None, "{polls} polls");
        assert_eq!(h.todo(user, id).await, None, "{polls} polls");
        let kept = h.revocations(None, at(1)).await;
        let of_user = kept.iter().filter(|revocation| revocation.user == user);
        assert_eq!(of_user.count(), 1, "{polls} polls: one revocation");
    }
}

/// A dropped profile change wrote the name, the address and the email, or nothing.
pub async fn a_dropped_profile_change_is_written_completely_or_not_at_all(h: Harness) {
    let answers = "the store answers";
    for polls in POLLS {
        let user = h.user().await;
        let (before, mails) = (h.stored(user).await, h.outbox.queued().await.expect(answers));
        let address = email(&format!("{}@example.net", user.0.simple()));
        let name = display_name("Ann");
        let change =
            ProfileChange { display_name: Some(Some(name.clone())), email: Some(new_email(user, &address)) };
        drop_after(polls, h.accounts.change_profile(user, change, at(1))).await;
        // A write of the same user waits until the dropped one has ended.
        drop_after(u32::MAX, h.accounts.change_profile(user, ProfileChange::default(), at(2))).await;
        let email_changed_at = Some(at(1));
        let whole =
            User { display_name: Some(name), email: Some(address), email_changed_at, ..before.clone() };
        let (after, queued) = (h.stored(user).await, h.outbox.queued().await.expect(answers) - mails);
        assert!((&after, queued) == (&before, 0) || (&after, queued) == (&whole, 1), "{polls}: {after:?}");
    }
}
