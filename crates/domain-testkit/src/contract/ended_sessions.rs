//! Writes that follow a proof of identity, after the session that proved it has ended.

use std::sync::Arc;

use domain::account::{EmailChange, KeepSession, PasswordSet, ProfileChange, ProfileChanged};
use domain::identity::{Linked, LoginWays, Unlinked};
use domain::mail::Template;
use domain::one_time::{MagicLinkLogin, Purpose};
use domain::session::EndReason;
use domain::user::User;
use domain::{SessionId, Stamp, UserId};

use crate::build::{
    at, email, ending, identity, new_email, new_session, notice, one_time, password_hash, replacement,
};
use crate::{Harness, all, check_each};

const ANSWERS: &str = "the store answers";

/// Why a session is no longer accepted.
#[derive(Clone, Copy, Debug)]
enum End {
    Device,
    Everywhere,
    Takeover,
    Disabling,
    Expiry,
}

impl End {
    const ALL: [Self; 5] = [Self::Device, Self::Everywhere, Self::Takeover, Self::Disabling, Self::Expiry];

    async fn happen(self, h: &Harness, user: UserId, session: SessionId) {
        let end = ending(EndReason::DeviceRevoked, at(5));
        match self {
            Self::Device => assert!(h.sessions.end(user, session, end).await.expect(ANSWERS).is_some()),
            Self::Everywhere => {
                assert_eq!(h.sessions.end_all(user, None, end).await.expect(ANSWERS).len(), 1);
            }
            Self::Takeover => {
                let address = h.stored(user).await.email.expect("the user has an address");
                let token = one_time(Purpose::MagicLink, Some(user), &address);
                h.one_time.put(token.clone()).await.expect(ANSWERS);
                let new = new_session(at(10_000));
                let done = h.one_time.use_magic_link(&token.hash, None, new, 20, end).await;
                assert!(matches!(done, Ok(MagicLinkLogin::Done(..))), "{done:?}");
            }
            Self::Disabling => assert!(h.accounts.set_active(user, false, at(5)).await.expect(ANSWERS)),
            Self::Expiry => {}
        }
    }
}

/// The requests of one session at `now`.
struct Caller<'a> {
    h: &'a Harness,
    user: UserId,
    session: Option<SessionId>,
    now: Stamp,
}

impl Caller<'_> {
    async fn set_password(&self, keep: KeepSession) -> PasswordSet {
        let new = replacement(password_hash("second"), ending(EndReason::PasswordChange, self.now));
        let old = password_hash("first");
        self.h.accounts.set_password(self.user, &old, new, self.session, keep).await.expect(ANSWERS)
    }

    async fn link(&self) -> Linked {
        let (known, notice) =
            (identity("gitlab", &self.user.to_string(), None), notice(Template::ProviderLinked));
        self.h.identities.link(self.user, self.session, known, notice, self.now).await.expect(ANSWERS)
    }

    async fn unlink(&self) -> Unlinked {
        let ways = LoginWays { password: true, providers: vec!["gitlab".to_owned()] };
        let notice = notice(Template::ProviderUnlinked);
        let unlinked = self.h.identities.unlink(self.user, self.session, "google", ways, notice, self.now);
        unlinked.await.expect(ANSWERS)
    }

    async fn move_address(&self) -> ProfileChanged {
        let to = email(&format!("{}@example.net", self.user.0.simple()));
        let change = EmailChange { session: self.session, ..new_email(self.user, &to) };
        let change = ProfileChange { display_name: None, email: Some(change) };
        self.h.accounts.change_profile(self.user, change, self.now).await.expect(ANSWERS)
    }

    async fn delete(&self) -> bool {
        let end = ending(EndReason::AccountDeleted, self.now);
        let notice = notice(Template::AccountDeleted);
        let deleted = self.h.accounts.delete(self.user, self.session, notice, end).await;
        deleted.expect(ANSWERS).is_some()
    }

    async fn assert_refused(&self) {
        for keep in [KeepSession::Own, KeepSession::None] {
            assert_eq!(self.set_password(keep).await, PasswordSet::SessionEnded);
        }
        assert_eq!(self.link().await, Linked::SessionEnded);
        assert_eq!(self.unlink().await, Unlinked::SessionEnded);
        assert_eq!(self.move_address().await, ProfileChanged::SessionEnded);
        assert!(!self.delete().await);
    }
}

async fn state(h: &Harness, user: UserId) -> (User, Vec<String>) {
    (h.stored(user).await, h.identities.providers(user).await.expect(ANSWERS))
}

/// A user with an identity at `google`.
async fn linked_user(h: &Harness) -> UserId {
    let user = h.user().await;
    let known = identity("google", &user.to_string(), None);
    let linked = h.identities.link(user, None, known, notice(Template::ProviderLinked), at(1)).await;
    assert_eq!(linked.expect(ANSWERS), Linked::Done);
    user
}

/// A request of a session that has ended, has expired, or belongs to a disabled account changes nothing,
/// even if it proved the identity before.
pub async fn an_ended_session_changes_nothing_that_needs_a_proof(h: Harness) {
    check_each(End::ALL, async |end: &End| {
        let user = linked_user(&h).await;
        let session = h.open_session(user, at(10)).await.id;
        end.happen(&h, user, session).await;
        let before = state(&h, user).await;
        let now = if matches!(end, End::Expiry) { at(11) } else { at(6) };
        Caller { h: &h, user, session: Some(session), now }.assert_refused().await;
        assert_eq!(state(&h, user).await, before);
    })
    .await;
}

/// A session authorises writes to its own user only.
pub async fn a_live_session_changes_its_own_account_only(h: Harness) {
    let [user, other] = [linked_user(&h).await, linked_user(&h).await];
    let session = Some(h.open_session(user, at(10_000)).await.id);
    let before = state(&h, other).await;
    Caller { h: &h, user: other, session, now: at(6) }.assert_refused().await;
    assert_eq!(state(&h, other).await, before);
    let own = Caller { h: &h, user, session, now: at(6) };
    assert_eq!(own.set_password(KeepSession::Own).await, PasswordSet::Done(Vec::new()));
    assert_eq!(own.link().await, Linked::Done);
    assert_eq!(own.unlink().await, Unlinked::Done);
    assert!(matches!(own.move_address().await, ProfileChanged::Done(_)));
    assert!(own.delete().await);
}

/// Once the end of a session is answered, no write of that session follows.
pub async fn a_write_that_races_with_the_end_of_its_session_comes_first_or_not_at_all(h: Harness) {
    let h = Arc::new(h);
    for end in [End::Device, End::Everywhere, End::Disabling].into_iter().cycle().take(30) {
        let user = linked_user(&h).await;
        let session = h.open_session(user, at(10_000)).await.id;
        let seen = all((0..4).map(|place| {
            let h = Arc::clone(&h);
            async move {
                let own = Caller { h: &h, user, session: Some(session), now: at(5) };
                match place {
                    0 => assert_ne!(own.set_password(KeepSession::Own).await, PasswordSet::Changed),
                    1 => assert_ne!(own.move_address().await, ProfileChanged::NoSuchUser),
                    2 => assert_ne!(own.unlink().await, Unlinked::LastWayIn),
                    _ => {
                        end.happen(&h, user, session).await;
                        return Some(state(&h, user).await);
                    }
                }
                None
            }
        }))
        .await;
        let seen = seen.into_iter().flatten().next().expect("the session has ended");
        assert_eq!(state(&h, user).await, seen, "{end:?}");
    }
}
