//! Users.

mod records;

use async_trait::async_trait;
use diesel::prelude::*;
use domain::account::{
    AccountRecords, AccountStore, DisplayName, Email, NewUser, PasswordHash, PasswordReplacement,
    PasswordSet, Purpose, Registered, User,
};
use domain::session::{Ending, NewSession, Revocation};
use domain::{SessionId, Stamp, StoreError, UserId};

use crate::SqliteStore;
use crate::error::Failure;
use crate::rows::{Id, UserRow};
use crate::schema::users;
use crate::writer::Done;
use crate::{one_time, outbox, sessions};

#[async_trait]
impl AccountStore for SqliteStore {
    async fn register(
        &self,
        user: NewUser,
        session: Option<NewSession>,
        now: Stamp,
    ) -> Result<Registered, StoreError> {
        self.write(move |conn| register(conn, user, session.as_ref(), now).map(Done::quiet)).await
    }

    async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        let email = email.clone();
        self.read(move |conn| by_email(conn, &email)).await
    }

    async fn by_id(&self, user: UserId) -> Result<Option<User>, StoreError> {
        self.read(move |conn| by_id(conn, user)).await
    }

    async fn rename(
        &self,
        user: UserId,
        name: Option<DisplayName>,
        now: Stamp,
    ) -> Result<Option<User>, StoreError> {
        self.write(move |conn| {
            let row = diesel::update(users::table.filter(users::id.eq(Id::from(user))))
                .set((
                    users::display_name.eq(name.as_ref().map(DisplayName::as_str)),
                    users::updated_at.eq(now.as_micros()),
                ))
                .returning(UserRow::as_returning())
                .get_result(conn)
                .optional()?;
            Ok(Done::quiet(row.map(User::try_from).transpose()?))
        })
        .await
    }

    async fn set_password(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: PasswordReplacement,
        keep: Option<SessionId>,
    ) -> Result<PasswordSet, StoreError> {
        let PasswordReplacement { password, ending, notice } = new;
        let old = old.clone();
        self.write(move |conn| {
            let replaced = diesel::update(users::table.filter(users::id.eq(Id::from(user))))
                .filter(users::password_hash.eq(&old.0))
                .set((users::password_hash.eq(&password.0), users::updated_at.eq(ending.at.as_micros())))
                .execute(conn)?;
            if replaced == 0 {
                return Ok(Done::quiet(PasswordSet::Changed));
            }
            one_time::void_all_but(conn, user, Some(Purpose::VerifyEmail), ending.at)?;
            if let Some(notice) = &notice {
                outbox::queue(conn, notice, ending.at)?;
            }
            Ok(Done::quiet(PasswordSet::Done(sessions::end_all(conn, user, keep, ending)?)))
        })
        .await
    }

    async fn delete(
        &self,
        user: UserId,
        session: Option<SessionId>,
        ending: Ending,
    ) -> Result<Option<Vec<Revocation>>, StoreError> {
        self.write(move |conn| {
            let lasts = sessions::lasts(conn, user, session, ending.at)?;
            Ok(Done::quiet(if lasts { delete(conn, user, ending)? } else { None }))
        })
        .await
    }

    async fn records(&self, user: UserId) -> Result<Option<AccountRecords>, StoreError> {
        self.read(move |conn| records::records(conn, user)).await
    }

    async fn rehash(&self, user: UserId, old: &PasswordHash, new: PasswordHash) -> Result<(), StoreError> {
        let old = old.clone();
        self.write(move |conn| {
            diesel::update(users::table.filter(users::id.eq(Id::from(user))))
                .filter(users::password_hash.eq(&old.0))
                .set(users::password_hash.eq(&new.0))
                .execute(conn)?;
            Ok(Done::quiet(()))
        })
        .await
    }
}

pub(crate) fn by_id(conn: &mut SqliteConnection, user: UserId) -> Result<Option<User>, Failure> {
    let row = users::table
        .filter(users::id.eq(Id::from(user)))
        .select(UserRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(User::try_from).transpose()?)
}

pub(crate) fn by_email(conn: &mut SqliteConnection, email: &Email) -> Result<Option<User>, Failure> {
    let row = users::table
        .filter(users::email_key.eq(email.key()))
        .select(UserRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(User::try_from).transpose()?)
}

pub(crate) fn exists(conn: &mut SqliteConnection, user: UserId) -> QueryResult<bool> {
    let found = users::table.filter(users::id.eq(Id::from(user))).select(users::id).first::<Id>(conn);
    Ok(found.optional()?.is_some())
}

fn register(
    conn: &mut SqliteConnection,
    new: NewUser,
    session: Option<&NewSession>,
    now: Stamp,
) -> Result<Registered, Failure> {
    let user = User {
        id: new.id,
        email: Some(new.email),
        password: Some(new.password),
        display_name: new.display_name,
        email_verified: false,
        is_active: true,
        created_at: now,
        last_login_at: session.map(|_| now),
    };
    if !insert(conn, &user)? {
        return Ok(Registered::EmailTaken);
    }
    if let Some(session) = session {
        sessions::insert(conn, user.id, session, now)?;
    }
    if let Some(proof) = &new.verification {
        one_time::write(conn, proof, now)?;
    }
    Ok(Registered::Done(Box::new(user)))
}

/// Makes the account, unless another has its address; whether it did.
pub(crate) fn insert(conn: &mut SqliteConnection, user: &User) -> QueryResult<bool> {
    let now = user.created_at.as_micros();
    let inserted = diesel::insert_into(users::table)
        .values((
            users::id.eq(Id::from(user.id)),
            users::email.eq(user.email.as_ref().map(Email::as_str)),
            users::email_key.eq(user.email.as_ref().map(Email::key)),
            users::password_hash.eq(user.password.as_ref().map(|hash| hash.0.as_str())),
            users::display_name.eq(user.display_name.as_ref().map(DisplayName::as_str)),
            users::email_verified.eq(user.email_verified),
            users::is_active.eq(user.is_active),
            users::created_at.eq(now),
            users::updated_at.eq(now),
            users::last_login_at.eq(user.last_login_at.map(Stamp::as_micros)),
            users::sync_clock.eq(now),
            users::sync_horizon.eq(Stamp::EPOCH.as_micros()),
            users::live_todos.eq(0),
        ))
        .on_conflict(users::email_key)
        .do_nothing()
        .execute(conn)?;
    Ok(inserted == 1)
}

/// Removes the user, and with the row every row that refers to it.
fn delete(
    conn: &mut SqliteConnection,
    user: UserId,
    ending: Ending,
) -> Result<Option<Vec<Revocation>>, Failure> {
    let deleted = diesel::delete(users::table.filter(users::id.eq(Id::from(user)))).execute(conn)?;
    if deleted == 0 {
        return Ok(None);
    }
    Ok(Some(vec![sessions::revoke_user(conn, user, ending)?]))
}
