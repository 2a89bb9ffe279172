//! [`AccountStore`] on SQLite.

mod deletion;
mod profile;
mod records;

use async_trait::async_trait;
use diesel::prelude::*;
use domain::account::{
    AccountRecords, AccountStore, KeepSession, NewUser, PasswordSet, ProfileChange, ProfileChanged,
    Registered,
};
use domain::mail::Notice;
use domain::one_time::{PasswordReplacement, Purpose};
use domain::session::{Ending, NewSession, Revocation, TokenHash};
use domain::user::{Email, PasswordHash, User};
use domain::{SessionId, Stamp, StoreError, UserId};

use crate::error::Failure;
use crate::rows::{Id, UserRow, convert_all};
use crate::schema::users;
use crate::store::SqliteStore;
use crate::tables;

#[async_trait]
impl AccountStore for SqliteStore {
    async fn register(
        &self,
        user: NewUser,
        session: Option<NewSession>,
        now: Stamp,
    ) -> Result<Registered, StoreError> {
        self.write(move |conn| register(conn, user, session.as_ref(), now)).await
    }

    async fn is_invited(
        &self,
        invitation: &TokenHash,
        email: &Email,
        now: Stamp,
    ) -> Result<bool, StoreError> {
        let (invitation, email) = (*invitation, email.clone());
        self.read(move |conn| is_invited(conn, invitation, &email, now)).await
    }

    async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        let email = email.clone();
        self.read(move |conn| tables::users::by_email(conn, &email)).await
    }

    async fn by_id(&self, user: UserId) -> Result<Option<User>, StoreError> {
        self.read(move |conn| tables::users::by_id(conn, user)).await
    }

    async fn change_profile(
        &self,
        user: UserId,
        change: ProfileChange,
        now: Stamp,
    ) -> Result<ProfileChanged, StoreError> {
        self.write(move |conn| profile::change(conn, user, &change, now)).await
    }

    async fn set_password(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: PasswordReplacement,
        session: Option<SessionId>,
        keep: KeepSession,
    ) -> Result<PasswordSet, StoreError> {
        let PasswordReplacement { password, ending, notice, unlink: _ } = new;
        let old = old.clone();
        self.write(move |conn| {
            if !tables::sessions::is_live(conn, user, session, ending.at)? {
                return Ok(PasswordSet::SessionEnded);
            }
            let replaced = diesel::update(users::table.filter(users::id.eq(Id::from(user))))
                .filter(users::password_hash.eq(&old.0))
                .set((users::password_hash.eq(&password.0), users::updated_at.eq(ending.at.as_micros())))
                .execute(conn)?;
            if replaced == 0 {
                return Ok(PasswordSet::Changed);
            }
            tables::one_time_tokens::invalidate_all_except(
                conn,
                user,
                Some(Purpose::VerifyEmail),
                ending.at,
            )?;
            if let Some(notice) = &notice {
                tables::mail_outbox::enqueue(conn, notice, ending.at)?;
            }
            let keep = session.filter(|_| keep == KeepSession::Own);
            Ok(PasswordSet::Done(tables::sessions::end_all(conn, user, keep, ending)?))
        })
        .await
    }

    async fn delete(
        &self,
        user: UserId,
        session: Option<SessionId>,
        notice: Notice,
        ending: Ending,
    ) -> Result<Option<Vec<Revocation>>, StoreError> {
        let deleted = self.write(move |conn| {
            let is_live = tables::sessions::is_live(conn, user, session, ending.at)?;
            Ok(if is_live { deletion::delete(conn, user, &notice, ending)? } else { None })
        });
        let deleted = deleted.await;
        // Also if the caller gave up waiting: the deletion may still happen.
        self.request_erasure();
        deleted
    }

    async fn delete_remains(&self, limit: u32) -> Result<u64, StoreError> {
        // Most calls find nothing, and a read does not disturb the writer.
        let Some(user) = self.read(deletion::next).await? else { return Ok(0) };
        let deleted = self.write(move |conn| deletion::delete_remains(conn, user, limit)).await?;
        self.request_erasure();
        Ok(deleted)
    }

    async fn records(&self, user: UserId) -> Result<Option<AccountRecords>, StoreError> {
        self.read_of(user, false, move |conn| records::records(conn, user)).await
    }

    async fn list_users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        self.read(move |conn| {
            let existing = users::table.filter(users::deleted_at.is_null()).into_boxed();
            let further = match after {
                Some(after) => existing.filter(users::id.gt(Id::from(after))),
                None => existing,
            };
            let page = further.order(users::id).limit(limit.into()).select(UserRow::as_select());
            Ok(convert_all(page.load(conn)?)?)
        })
        .await
    }

    async fn set_active(&self, user: UserId, active: bool, now: Stamp) -> Result<bool, StoreError> {
        self.write(move |conn| {
            let existing =
                users::table.filter(users::id.eq(Id::from(user))).filter(users::deleted_at.is_null());
            let set = (users::is_active.eq(active), users::updated_at.eq(now.as_micros()));
            Ok(diesel::update(existing).set(set).execute(conn)? == 1)
        })
        .await
    }

    async fn mark_verified(&self, user: UserId, email: &Email, now: Stamp) -> Result<bool, StoreError> {
        let key = email.key().to_owned();
        self.write(move |conn| {
            let owner = users::table.filter(users::id.eq(Id::from(user))).filter(users::email_key.eq(key));
            let set = (users::email_verified.eq(true), users::updated_at.eq(now.as_micros()));
            Ok(diesel::update(owner).set(set).execute(conn)? == 1)
        })
        .await
    }

    async fn rehash(&self, user: UserId, old: &PasswordHash, new: PasswordHash) -> Result<(), StoreError> {
        let old = old.clone();
        self.write(move |conn| {
            diesel::update(users::table.filter(users::id.eq(Id::from(user))))
                .filter(users::password_hash.eq(&old.0))
                .set(users::password_hash.eq(&new.0))
                .execute(conn)?;
            Ok(())
        })
        .await
    }
}

fn is_invited(
    conn: &mut SqliteConnection,
    invitation: TokenHash,
    email: &Email,
    now: Stamp,
) -> Result<bool, Failure> {
    let found = tables::one_time_tokens::find_valid(conn, Purpose::Invitation, invitation, now)?;
    Ok(found.is_some_and(|found| found.address() == *email))
}

fn register(
    conn: &mut SqliteConnection,
    new: NewUser,
    session: Option<&NewSession>,
    now: Stamp,
) -> Result<Registered, Failure> {
    if let Some(invitation) = new.invitation
        && !is_invited(conn, invitation, &new.email, now)?
    {
        return Ok(Registered::NotInvited);
    }
    let user = User {
        id: new.id,
        email: Some(new.email),
        password: Some(new.password),
        display_name: new.display_name,
        email_verified: false,
        is_active: true,
        created_at: now,
        last_login_at: session.map(|_| now),
        email_changed_at: None,
        password_reset_at: None,
    };
    if !tables::users::insert(conn, &user)? {
        return Ok(Registered::EmailTaken);
    }
    if let Some(session) = session {
        tables::sessions::insert(conn, user.id, session, now, now)?;
    }
    if let Some(verification) = &new.verification {
        tables::one_time_tokens::issue(conn, verification, now)?;
    }
    if let Some(invitation) = new.invitation {
        tables::one_time_tokens::consume(conn, Purpose::Invitation, invitation, now)?;
    }
    Ok(Registered::Done(Box::new(user)))
}
