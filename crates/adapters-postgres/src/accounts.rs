//! [`AccountStore`] on PostgreSQL.

use async_trait::async_trait;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::upsert::on_constraint;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::account::{
    AccountStore, DisplayName, Email, NewUser, PasswordHash, PasswordSet, Registered, User,
};
use domain::session::{Ending, NewSession};
use domain::{SessionId, Stamp, StoreError, UserId};

use crate::PostgresStore;
use crate::fence::Scope;
use crate::rows::{UserRow, timestamp};
use crate::schema::users;
use crate::sessions::write;

#[async_trait]
impl AccountStore for PostgresStore {
    async fn register(
        &self,
        user: NewUser,
        session: Option<NewSession>,
        now: Stamp,
    ) -> Result<Registered, StoreError> {
        let registered = self.pool.write(Scope::User(user.id), async move |mut conn: &AsyncPgConnection| {
            let logged_in = session.as_ref().map(|_| timestamp(now));
            let made = diesel::insert_into(users::table)
                .values((
                    users::id.eq(user.id.0),
                    users::email.eq(user.email.as_str()),
                    users::email_key.eq(user.email.key()),
                    users::password_hash.eq(&user.password.0),
                    users::display_name.eq(user.display_name.as_ref().map(DisplayName::as_str)),
                    users::email_verified.eq(false),
                    users::is_active.eq(true),
                    users::created_at.eq(timestamp(now)),
                    users::updated_at.eq(timestamp(now)),
                    users::last_login_at.eq(logged_in),
                    users::sync_clock.eq(timestamp(now)),
                    users::sync_horizon.eq(timestamp(Stamp::EPOCH)),
                    users::live_todos.eq(0),
                ))
                .on_conflict(on_constraint("users_email_key_unique"))
                .do_nothing()
                .returning(UserRow::as_returning())
                .get_result(&mut conn)
                .await
                .optional()?;
            let Some(row) = made else { return Ok(Registered::EmailTaken) };
            if let Some(session) = &session {
                write::insert_session(conn, user.id, session, now).await?;
            }
            Ok(Registered::Done(Box::new(row.try_into()?)))
        });
        registered.await
    }

    async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        let key = email.key().to_owned();
        let row = self.pool.read(Scope::Key(key.clone()), async move |mut conn: &AsyncPgConnection| {
            let query = users::table.filter(users::email_key.eq(key)).select(UserRow::as_select());
            Ok(query.first(&mut conn).await.optional()?)
        });
        row.await?.map(User::try_from).transpose()
    }

    async fn by_id(&self, user: UserId) -> Result<Option<User>, StoreError> {
        let row = self.pool.read(Scope::User(user), async move |mut conn: &AsyncPgConnection| {
            let query = users::table.filter(users::id.eq(user.0)).select(UserRow::as_select());
            Ok(query.first(&mut conn).await.optional()?)
        });
        row.await?.map(User::try_from).transpose()
    }

    async fn rename(
        &self,
        user: UserId,
        name: Option<DisplayName>,
        now: Stamp,
    ) -> Result<Option<User>, StoreError> {
        let row = self.pool.write(Scope::User(user), async move |mut conn: &AsyncPgConnection| {
            let update = diesel::update(users::table.filter(users::id.eq(user.0))).set((
                users::display_name.eq(name.as_ref().map(DisplayName::as_str)),
                users::updated_at.eq(timestamp(now)),
            ));
            Ok(update.returning(UserRow::as_returning()).get_result(&mut conn).await.optional()?)
        });
        row.await?.map(User::try_from).transpose()
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
        let set = self.pool.write(Scope::User(user), async move |conn: &AsyncPgConnection| {
            // This locks the user's row, so no session can be opened between it and the end of the others.
            if !replace_password(conn, user, &old, &new, ending.at).await? {
                return Ok(PasswordSet::Changed);
            }
            Ok(PasswordSet::Done(write::end_all(conn, user, keep, &ending).await?))
        });
        set.await
    }

    async fn rehash(&self, user: UserId, old: &PasswordHash, new: PasswordHash) -> Result<(), StoreError> {
        let old = old.clone();
        let done = self.pool.write(Scope::User(user), async move |mut conn: &AsyncPgConnection| {
            let still = users::table.filter(users::id.eq(user.0)).filter(users::password_hash.eq(old.0));
            Ok(diesel::update(still).set(users::password_hash.eq(new.0)).execute(&mut conn).await?)
        });
        done.await.map(drop)
    }
}

/// Whether the password still was `old`.
async fn replace_password(
    mut conn: &AsyncPgConnection,
    user: UserId,
    old: &PasswordHash,
    new: &PasswordHash,
    now: Stamp,
) -> Result<bool, crate::error::Failure> {
    let still = users::table.filter(users::id.eq(user.0)).filter(users::password_hash.eq(&old.0));
    let set = (users::password_hash.eq(&new.0), users::updated_at.eq(timestamp(now)));
    Ok(diesel::update(still).set(set).execute(&mut conn).await? == 1)
}
