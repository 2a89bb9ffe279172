//! Concurrent transactions: their locks never deadlock, which PostgreSQL would resolve by failing one.

use std::sync::Arc;

use adapters_postgres::RowSecurity;
use domain::UserId;
use domain::account::{EmailChange, NewUser, ProfileChange, Registered};
use domain::identity::IdentityStore;
use domain::mail::{Outbox, Template};
use domain::one_time::{EmailToken, MagicLinkLogin, OneTimeStore, PasswordReplacement, Purpose};
use domain::session::{Cutoffs, Device, EndReason, NewSession, Rotated};
use domain_testkit::build::{
    T0, at, display_name, email, email_token, ending, external, mail, new_email, new_session, new_user,
    notice, one_time, password_hash, replacement, successor, uuid,
};
use domain_testkit::{Harness, all};
use postgres_testbed::Role;

use crate::support::{client, fresh, store_at, until, url_of, waiting_for_locks};

async fn opened(h: &Harness, user: UserId) -> NewSession {
    let session = new_session(at(1_000));
    let done = h.sessions.open(user, session.clone(), 20, ending(EndReason::DeviceRevoked, T0)).await;
    assert_eq!(done.expect("an answer").map(|opened| opened.ended), Ok(Vec::new()));
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_and_a_deletion_at_once_are_all_answered() {
    for mode in [RowSecurity::Writes, RowSecurity::All] {
        let (h, _database) = fresh("refresh_deletion", mode).await;
        let h = Arc::new(h);
        for _ in 0..15 {
            let user = h.user().await;
            let mut sessions = Vec::new();
            for _ in 0..6 {
                sessions.push(Some(opened(&h, user).await));
            }
            sessions.insert(3, None);
            all(sessions.into_iter().map(|session| {
                let h = Arc::clone(&h);
                async move {
                    let Some(session) = session else {
                        let over = ending(EndReason::AccountDeleted, at(2));
                        let deleted =
                            h.accounts.delete(user, None, notice(Template::AccountDeleted), over).await;
                        assert!(matches!(deleted, Ok(Some(_))), "{deleted:?}");
                        return;
                    };
                    let reuse = ending(EndReason::ReuseDetected, at(1));
                    let next = successor(at(2_000));
                    let refreshed = h.sessions.rotate(&session.hash, next, &Device::default(), reuse).await;
                    assert!(
                        matches!(refreshed, Ok(Rotated::Done { .. } | Rotated::Unknown)),
                        "{refreshed:?}"
                    );
                }
            }))
            .await;
            assert_eq!(h.accounts.by_id(user).await.expect("an answer"), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mailed_tokens_and_a_deletion_at_once_are_all_answered() {
    for mode in [RowSecurity::Writes, RowSecurity::All] {
        let (h, _database) = fresh("token_deletion", mode).await;
        let h = Arc::new(h);
        for round in 0..15 {
            let user = h.user().await;
            let address = h.stored(user).await.email.expect("an address");
            let proofs = [Purpose::VerifyEmail, Purpose::ResetPassword, Purpose::MagicLink]
                .map(|purpose| email_token(purpose, Some(user), &address));
            let [verify, reset, magic] = proofs.clone().map(|sent| sent.token.hash);
            for sent in proofs {
                h.one_time.send(sent, T0).await.expect("an answer");
            }
            let stranger = email(&format!("stranger{round}@example.com"));
            all((0..5).map(|place| {
                let (h, stranger, address) = (Arc::clone(&h), stranger.clone(), address.clone());
                async move {
                    let end = |reason| ending(reason, at(1));
                    match place {
                        0 => drop(h.one_time.verify_email(&verify, at(1)).await.expect("verified or not")),
                        1 => {
                            let new = PasswordReplacement {
                                notice: Some(mail(Some(user), &address, Template::PasswordChanged)),
                                ..replacement(password_hash("new"), end(EndReason::PasswordReset))
                            };
                            drop(h.one_time.reset_password(&reset, new).await.expect("reset or not"));
                        }
                        2 => {
                            let other = UserId(uuid());
                            let reason = end(EndReason::DeviceRevoked);
                            let logged_in = h
                                .one_time
                                .use_magic_link(&magic, Some(other), new_session(at(1_000)), 20, reason)
                                .await;
                            assert!(
                                matches!(logged_in, Ok(MagicLinkLogin::Done(..) | MagicLinkLogin::Invalid)),
                                "{logged_in:?}"
                            );
                        }
                        3 => {
                            let notice = Some(mail(Some(user), &address, Template::EmailChanged));
                            let email = Some(EmailChange { notice, ..new_email(user, &stranger) });
                            let change = ProfileChange { display_name: None, email };
                            let changed = h.accounts.change_profile(user, change, at(1));
                            drop(changed.await.expect("changed or not"));
                        }
                        _ => drop(
                            h.accounts
                                .delete(
                                    user,
                                    None,
                                    notice(Template::AccountDeleted),
                                    end(EndReason::AccountDeleted),
                                )
                                .await
                                .expect("deleted"),
                        ),
                    }
                }
            }))
            .await;
            assert_eq!(h.accounts.by_id(user).await.expect("an answer"), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_skips_locked_rows() {
    let (h, database) = fresh("sweep_passes", RowSecurity::Writes).await;
    let user = h.user().await;
    let session = new_session(at(10));
    let opening = ending(EndReason::DeviceRevoked, T0);
    h.sessions.open(user, session.clone(), 20, opening).await.expect("an answer").expect("it opens");
    let holder = client(&database.owner_url()).await;
    holder
        .batch_execute("begin; select from sessions for no key update; select from refresh_tokens for update")
        .await
        .expect("locked");
    let late = Cutoffs::at(at(10).plus(Cutoffs::LOGINS));
    assert_eq!(h.sessions.sweep(&late, 10).await.expect("no wait"), 0);
    holder.batch_execute("rollback").await.expect("unlocked");
    assert_eq!(h.sessions.sweep(&late, 10).await.expect("an answer"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_one_instance_claims_is_skipped_by_another() {
    let (h, database) = fresh("claims", RowSecurity::Writes).await;
    let (second, _bus) = store_at(database.app_url()).await;
    for place in 0..40 {
        let to = email(&format!("somebody{place}@example.com"));
        second.send(email_token(Purpose::MagicLink, None, &to), T0).await.expect("an answer");
    }
    let (first, second) = (Arc::clone(&h.outbox), second as Arc<dyn Outbox>);
    let claims = all((0..20).map(|place| {
        let outbox = Arc::clone(if place % 2 == 0 { &first } else { &second });
        async move { outbox.claim(at(1), at(60), 2).await.expect("an answer") }
    }))
    .await;
    let mut taken: Vec<_> = claims.into_iter().flatten().map(|queued| queued.mail.id).collect();
    // One that comes while the earliest are locked finds later ones, so all are taken.
    assert_eq!(taken.len(), 40);
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), 40, "no mail was claimed twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_that_see_a_new_subject_create_one_user() {
    let (h, database) = fresh("first_sight", RowSecurity::Writes).await;
    let (second, _bus) = store_at(database.app_url()).await;
    let (first, second) = (Arc::clone(&h.identities), second as Arc<dyn IdentityStore>);
    let token = external("auth", "subject", Some(&email("ann@example.com")));
    let users = all((0..40).map(|place| {
        let (store, token) = (Arc::clone(if place % 2 == 0 { &first } else { &second }), token.clone());
        async move { store.find_or_create_external(&token, UserId(uuid()), T0).await.expect("an answer") }
    }))
    .await;
    assert!(users.iter().all(|user| *user == users[0]), "{users:?}");
    let count = database.sql(Role::Owner, "select count(*) from users");
    assert_eq!(count.as_deref(), Ok("1"));
}

/// An operator may withdraw an invitation while a registration waits for the address.
#[tokio::test(flavor = "multi_thread")]
async fn a_registration_whose_invitation_goes_while_it_waits_writes_nothing() {
    let (h, database) = fresh("withdrawn", RowSecurity::Writes).await;
    let ann = email("ann@example.com");
    let invitation = one_time(Purpose::Invitation, None, &ann);
    h.one_time.put(invitation.clone()).await.expect("an answer");
    let (holder, owner) = (client(&database.owner_url()).await, client(&database.owner_url()).await);
    let other =
        "begin; insert into users (id, email, email_key, email_verified, is_active, created_at, updated_at,
        sync_clock, sync_horizon, live_todos) values (gen_random_uuid(), 'ann@example.com', 'ann@example.com',
        false, true, now(), now(), now(), 'epoch', 0)";
    holder.batch_execute(other).await.expect("inserted");
    let accounts = Arc::clone(&h.accounts);
    let invited = NewUser { email: ann.clone(), invitation: Some(invitation.hash), ..new_user() };
    let registration = tokio::spawn(async move { accounts.register(invited, None, T0).await });
    let watcher = client(&url_of(&database, "postgres")).await;
    until(&watcher, &waiting_for_locks(1)).await;
    owner.batch_execute("delete from one_time_tokens").await.expect("withdrawn");
    holder.batch_execute("rollback").await.expect("rolled back");
    let registered = registration.await.expect("no panic").expect("an answer");
    assert_eq!(registered, Registered::NotInvited);
    assert_eq!(h.accounts.by_email(&ann).await.expect("an answer"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_change_that_fails_half_way_writes_nothing() {
    let (h, _database) = fresh("profile", RowSecurity::All).await;
    let user = h.user().await;
    let before = h.stored(user).await;
    let queued = mail(Some(user), before.email.as_ref().expect("an address"), Template::PasswordChanged);
    let token = one_time(Purpose::OAuthHandOff, Some(user), before.email.as_ref().expect("an address"));
    h.one_time.send(EmailToken { token, mail: Some(queued.clone()) }, T0).await.expect("an answer");
    // The notice is written last; the database refuses a second mail with its id.
    let email = EmailChange { notice: Some(queued), ..new_email(user, &email("new@example.com")) };
    let verification = email.verification.token.hash;
    let change = ProfileChange { display_name: Some(Some(display_name("Ann"))), email: Some(email) };
    h.accounts.change_profile(user, change, at(1)).await.expect_err("fails");
    assert_eq!(h.stored(user).await, before);
    assert_eq!(h.one_time.verify_email(&verification, at(2)).await.expect("an answer"), None);
    assert_eq!(h.outbox.queued().await.expect("an answer"), 1);
}
