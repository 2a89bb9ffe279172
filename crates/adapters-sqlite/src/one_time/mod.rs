//! [`OneTimeStore`] on SQLite.

mod email_tokens;

use async_trait::async_trait;
use domain::one_time::{
    ConsumedToken, EmailToken, MagicLinkLogin, NewOneTimeToken, OneTimeStore, PasswordReplacement, Purpose,
};
use domain::session::{Ending, NewSession, Revocation, TokenHash};
use domain::user::User;
use domain::{Stamp, StoreError, UserId};

use crate::readers::in_snapshot;
use crate::store::SqliteStore;
use crate::tables::one_time_tokens;

#[async_trait]
impl OneTimeStore for SqliteStore {
    async fn send(&self, token: EmailToken, now: Stamp) -> Result<(), StoreError> {
        self.write(move |conn| {
            if one_time_tokens::user_exists(conn, &token.token)? {
                one_time_tokens::issue(conn, &token, now)?;
            }
            Ok(())
        })
        .await
    }

    async fn put(&self, token: NewOneTimeToken) -> Result<(), StoreError> {
        self.write(move |conn| {
            if one_time_tokens::user_exists(conn, &token)? {
                one_time_tokens::insert(conn, &token)?;
            }
            Ok(())
        })
        .await
    }

    async fn consume(
        &self,
        purpose: Purpose,
        hash: &TokenHash,
        now: Stamp,
    ) -> Result<Option<ConsumedToken>, StoreError> {
        let hash = *hash;
        self.write(move |conn| {
            let token = one_time_tokens::consume(conn, purpose, hash, now)?;
            Ok(token.map(ConsumedToken::from))
        })
        .await
    }

    async fn verify_email(&self, hash: &TokenHash, now: Stamp) -> Result<Option<User>, StoreError> {
        let hash = *hash;
        self.write(move |conn| email_tokens::verify_email(conn, hash, now)).await
    }

    async fn resettable(&self, hash: &TokenHash, now: Stamp) -> Result<Option<User>, StoreError> {
        let hash = *hash;
        self.read(move |conn| in_snapshot(conn, |conn| email_tokens::resettable(conn, hash, now))).await
    }

    async fn reset_password(
        &self,
        hash: &TokenHash,
        new: PasswordReplacement,
    ) -> Result<Option<Vec<Revocation>>, StoreError> {
        let hash = *hash;
        self.write(move |conn| email_tokens::reset_password(conn, hash, &new)).await
    }

    async fn use_magic_link(
        &self,
        hash: &TokenHash,
        new_user: Option<UserId>,
        session: NewSession,
        cap: u32,
        ending: Ending,
    ) -> Result<MagicLinkLogin, StoreError> {
        let hash = *hash;
        self.write(move |conn| email_tokens::use_magic_link(conn, hash, new_user, &session, cap, ending))
            .await
    }
}
