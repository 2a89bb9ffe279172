//! [`OneTimeStore`] on SQLite.

mod email_tokens;

use async_trait::async_trait;
use domain::account::{
    Consumed, Email, EmailChange, MagicLogIn, NewOneTime, OneTimeStore, PasswordReplacement, Proof, Purpose,
    User,
};
use domain::mail::NewMail;
use domain::session::{Ending, NewSession, Revocation, TokenHash};
use domain::{SessionId, Stamp, StoreError, UserId};

use crate::readers::in_snapshot;
use crate::store::SqliteStore;
use crate::tables::{one_time_tokens, sessions};

#[async_trait]
impl OneTimeStore for SqliteStore {
    async fn send(&self, proof: Proof, now: Stamp) -> Result<(), StoreError> {
        self.write(move |conn| {
            if one_time_tokens::user_exists(conn, &proof.token)? {
                one_time_tokens::issue(conn, &proof, now)?;
            }
            Ok(())
        })
        .await
    }

    async fn put(&self, token: NewOneTime) -> Result<(), StoreError> {
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
    ) -> Result<Option<Consumed>, StoreError> {
        let hash = *hash;
        self.write(move |conn| {
            let token = one_time_tokens::consume(conn, purpose, hash, now)?;
            Ok(token.map(Consumed::from))
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

    async fn magic_log_in(
        &self,
        hash: &TokenHash,
        new_user: UserId,
        session: NewSession,
        cap: u32,
        ending: Ending,
    ) -> Result<MagicLogIn, StoreError> {
        let hash = *hash;
        self.write(move |conn| email_tokens::magic_log_in(conn, hash, new_user, &session, cap, ending)).await
    }

    async fn change_email(
        &self,
        user: UserId,
        session: Option<SessionId>,
        email: Email,
        proof: Proof,
        notice: Option<NewMail>,
        now: Stamp,
    ) -> Result<EmailChange, StoreError> {
        self.write(move |conn| {
            if !sessions::is_live(conn, user, session, now)? {
                return Ok(EmailChange::SessionEnded);
            }
            email_tokens::change_email(conn, user, &email, &proof, notice.as_ref(), now)
        })
        .await
    }
}
