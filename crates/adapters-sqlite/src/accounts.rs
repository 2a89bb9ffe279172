//! Users.

use async_trait::async_trait;
use diesel::prelude::*;
use domain::account::{
    AccountStore, DisplayName, Email, NewUser, PasswordHash, PasswordSet, Registered, User,
};
use domain::session::{Ending, NewSession};
use domain::{SessionId, Stamp, StoreError, UserId};

use crate::SqliteStore;
use crate::error::Failure;
use crate::rows::{Id, UserRow};
use crate::schema::users;
use crate::sessions;
use crate::writer::Done;

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
        let key = email.key().to_owned();
        self.read(move |conn| {
            let row = users::table
                .filter(users::email_key.eq(key))
                .select(UserRow::as_select())
                .first(conn)
                .optional()?;
            Ok(row.map(User::try_from).transpose()?)
        })
        .await
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
        new: PasswordHash,
        keep: Option<SessionId>,
        ending: Ending,
    ) -> Result<PasswordSet, StoreError> {
        let old = old.clone();
        self.write(move |conn| {
            let replaced = diesel::update(users::table.filter(users::id.eq(Id::from(user))))
                .filter(users::password_hash.eq(&old.0))
                .set((users::password_hash.eq(&new.0), users::updated_at.eq(ending.at.as_micros())))
                .execute(conn)?;
            Ok(Done::quiet(if replaced == 0 {
                PasswordSet::Changed
            } else {
                PasswordSet::Done(sessions::end_all(conn, user, keep, ending)?)
            }))
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
    let inserted = diesel::insert_into(users::table)
        .values((
            users::id.eq(Id::from(user.id)),
            users::email.eq(user.email.as_ref().map(Email::as_str)),
            users::email_key.eq(user.email.as_ref().map(Email::key)),
            users::password_hash.eq(user.password.as_ref().map(|hash| hash.0.as_str())),
            users::display_name.eq(user.display_name.as_ref().map(DisplayName::as_str)),
            users::email_verified.eq(user.email_verified),
            users::is_active.eq(user.is_active),
            users::created_at.eq(now.as_micros()),
            users::updated_at.eq(now.as_micros()),
            users::last_login_at.eq(user.last_login_at.map(Stamp::as_micros)),
            users::sync_clock.eq(now.as_micros()),
            users::sync_horizon.eq(Stamp::EPOCH.as_micros()),
            users::live_todos.eq(0),
        ))
        .on_conflict(users::email_key)
        .do_nothing()
        .execute(conn)?;
    if inserted == 0 {
        return Ok(Registered::EmailTaken);
    }
    if let Some(session) = session {
        sessions::insert(conn, user.id, session, now)?;
    }
    Ok(Registered::Done(Box::new(user)))
}
