//! [`AccountStore`] on PostgreSQL.

mod deletion;
mod profile;
mod records;

use async_trait::async_trait;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::result::Error as SqlError;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::account::{
    AccountRecords, AccountStore, KeepSession, NewUser, PasswordSet, ProfileChange, ProfileChanged,
    Registered,
};
use domain::mail::Notice;
use domain::one_time::{PasswordReplacement, Purpose};
use domain::session::{Ending, NewSession, Revocation, TokenHash};
use domain::user::{Email, PasswordHash, User};
use domain::{SessionId, Stamp, StoreError, UserId};
use uuid::Uuid;

use crate::error::Failure;
use crate::row_security::RowScope;
use crate::rows::{UserRow, timestamp};
use crate::schema::users;
use crate::store::PostgresStore;
use crate::tables::users::NewAccount;
use crate::tables::{self, one_time_tokens as tokens};

#[async_trait]
impl AccountStore for PostgresStore {
    async fn register(
        &self,
        user: NewUser,
        session: Option<NewSession>,
        now: Stamp,
    ) -> Result<Registered, StoreError> {
        let registered =
            self.pool.try_write(RowScope::User(user.id), async move |conn: &AsyncPgConnection| {
                if let Some(hash) = &user.invitation {
                    RowScope::token(hash).set(conn).await?;
                    if !is_invited(conn, hash, &user.email, now).await? {
                        return Ok(Registered::NotInvited);
                    }
                }
                let new = NewAccount {
                    id: user.id,
                    email: Some(&user.email),
                    email_verified: false,
                    password: Some(&user.password),
                    display_name: user.display_name.as_ref(),
                    last_login_at: session.as_ref().map(|_| now),
                };
                let Some(row) = tables::users::insert(conn, &new, now).await? else {
                    return Ok(Registered::EmailTaken);
                };
                if let Some(session) = &session {
                    tables::sessions::insert(conn, user.id, session, now, now).await?;
                }
                if let Some(sent) = &user.verification {
                    tables::one_time_tokens::issue(conn, user.id, sent, now).await?;
                }
                // It may have been used or withdrawn since it was found.
                if let Some(hash) = &user.invitation
                    && tokens::consume(conn, Purpose::Invitation, hash, now).await?.is_none()
                {
                    return Err(SqlError::RollbackTransaction.into());
                }
                Ok(Registered::Done(Box::new(row.try_into()?)))
            });
        match registered.await {
            Err(Failure::Sql(SqlError::RollbackTransaction)) => Ok(Registered::NotInvited),
            outcome => Ok(outcome?),
        }
    }

    async fn is_invited(
        &self,
        invitation: &TokenHash,
        email: &Email,
        now: Stamp,
    ) -> Result<bool, StoreError> {
        let (hash, email) = (*invitation, email.clone());
        let found = self.pool.read(RowScope::token(&hash), async move |conn: &AsyncPgConnection| {
            is_invited(conn, &hash, &email, now).await
        });
        found.await
    }

    async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        let key = email.key().to_owned();
        let row = self.pool.read(RowScope::address(email), async move |mut conn: &AsyncPgConnection| {
            let query = users::table.filter(users::email_key.eq(key)).select(UserRow::as_select());
            Ok(query.first(&mut conn).await.optional()?)
        });
        row.await?.map(User::try_from).transpose()
    }

    async fn by_id(&self, user: UserId) -> Result<Option<User>, StoreError> {
        let row = self.pool.read(RowScope::User(user), async move |mut conn: &AsyncPgConnection| {
            let query = tables::users::existing(user).select(UserRow::as_select());
            Ok(query.first(&mut conn).await.optional()?)
        });
        row.await?.map(User::try_from).transpose()
    }

    async fn change_profile(
        &self,
        user: UserId,
        change: ProfileChange,
        now: Stamp,
    ) -> Result<ProfileChanged, StoreError> {
        let changed = self.pool.try_write(RowScope::User(user), async move |conn: &AsyncPgConnection| {
            profile::change(conn, user, &change, now).await
        });
        profile::unless_taken(changed.await)
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
        let set = self.pool.write(RowScope::User(user), async move |conn: &AsyncPgConnection| {
            // Under the lock, no session can be opened before the others have ended.
            if !tables::users::lock(conn, user).await? {
                return Ok(PasswordSet::Changed);
            }
            if !tables::sessions::lock_live(conn, user, session, ending.at).await? {
                return Ok(PasswordSet::SessionEnded);
            }
            if !replace_password(conn, user, &old, &password, ending.at).await? {
                return Ok(PasswordSet::Changed);
            }
            tables::one_time_tokens::invalidate_all_except(conn, user, Some(Purpose::VerifyEmail), ending.at)
                .await?;
            if let Some(notice) = &notice {
                tables::mail_outbox::enqueue(conn, notice, ending.at).await?;
            }
            let keep = session.filter(|_| keep == KeepSession::Own);
            Ok(PasswordSet::Done(tables::sessions::end_all(conn, user, keep, &ending).await?))
        });
        set.await
    }

    async fn delete(
        &self,
        user: UserId,
        session: Option<SessionId>,
        notice: Notice,
        ending: Ending,
    ) -> Result<Option<Vec<Revocation>>, StoreError> {
        let deleted = self.pool.write(RowScope::User(user), async move |conn: &AsyncPgConnection| {
            deletion::delete(conn, user, session, &notice, &ending).await
        });
        deleted.await
    }

    async fn delete_remains(&self, limit: u32) -> Result<u64, StoreError> {
        deletion::delete_remains_of_next(&self.pool, limit).await
    }

    async fn records(&self, user: UserId) -> Result<Option<AccountRecords>, StoreError> {
        let records =
            self.pool.snapshot(user, async move |conn: &AsyncPgConnection| records::load(conn, user).await);
        records.await
    }

    async fn list_users(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        let after = after.map_or(Uuid::nil(), |after| after.0);
        let rows = self.pool.read(RowScope::Unrestricted, async move |mut conn: &AsyncPgConnection| {
            let existing = users::table.filter(users::id.gt(after)).filter(users::deleted_at.is_null());
            let page = existing.order(users::id).limit(limit.into()).select(UserRow::as_select());
            Ok(page.load(&mut conn).await?)
        });
        rows.await?.into_iter().map(User::try_from).collect()
    }

    async fn set_active(&self, user: UserId, active: bool, now: Stamp) -> Result<bool, StoreError> {
        let done = self.pool.write(RowScope::User(user), async move |mut conn: &AsyncPgConnection| {
            let existing = users::table.filter(users::id.eq(user.0)).filter(users::deleted_at.is_null());
            let set = (users::is_active.eq(active), users::updated_at.eq(timestamp(now)));
            Ok(diesel::update(existing).set(set).execute(&mut conn).await? == 1)
        });
        done.await
    }

    async fn mark_verified(&self, user: UserId, email: &Email, now: Stamp) -> Result<bool, StoreError> {
        let key = email.key().to_owned();
        let done = self.pool.write(RowScope::User(user), async move |mut conn: &AsyncPgConnection| {
            let owner = users::table.filter(users::id.eq(user.0)).filter(users::email_key.eq(&key));
            let set = (users::email_verified.eq(true), users::updated_at.eq(timestamp(now)));
            Ok(diesel::update(owner).set(set).execute(&mut conn).await? == 1)
        });
        done.await
    }

    async fn rehash(&self, user: UserId, old: &PasswordHash, new: PasswordHash) -> Result<(), StoreError> {
        let old = old.clone();
        let done = self.pool.write(RowScope::User(user), async move |mut conn: &AsyncPgConnection| {
            let still = users::table.filter(users::id.eq(user.0)).filter(users::password_hash.eq(old.0));
            Ok(diesel::update(still).set(users::password_hash.eq(new.0)).execute(&mut conn).await?)
        });
        done.await.map(drop)
    }
}

/// Replaces the password hash if it still is `old`. Returns whether it was.
async fn replace_password(
    mut conn: &AsyncPgConnection,
    user: UserId,
    old: &PasswordHash,
    new: &PasswordHash,
    now: Stamp,
) -> Result<bool, Failure> {
    let still = users::table.filter(users::id.eq(user.0)).filter(users::password_hash.eq(&old.0));
    let set = (users::password_hash.eq(&new.0), users::updated_at.eq(timestamp(now)));
    Ok(diesel::update(still).set(set).execute(&mut conn).await? == 1)
}

async fn is_invited(
    conn: &AsyncPgConnection,
    invitation: &TokenHash,
    email: &Email,
    now: Stamp,
) -> Result<bool, Failure> {
    let found = tokens::find_valid(conn, Purpose::Invitation, invitation, now).await?;
    Ok(found.is_some_and(|found| found.address() == *email))
}
