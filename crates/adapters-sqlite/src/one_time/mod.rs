//! One-time tokens.

mod proofs;
mod tokens;

use async_trait::async_trait;
use domain::account::{
    Consumed, Email, EmailChange, MagicLogIn, NewOneTime, OneTimeStore, PasswordReplacement, Proof, Purpose,
    User,
};
use domain::mail::NewMail;
use domain::session::{Ending, NewSession, Revocation, TokenHash};
use domain::{SessionId, Stamp, StoreError, UserId};

use crate::SqliteStore;
use crate::readers::in_snapshot;
use crate::sessions;
use crate::writer::Done;

pub(crate) use tokens::{records, void_all_but, write};

#[async_trait]
impl OneTimeStore for SqliteStore {
    async fn send(&self, proof: Proof, now: Stamp) -> Result<(), StoreError> {
        self.write(move |conn| {
            if tokens::has_room_for(conn, &proof.token)? {
                write(conn, &proof, now)?;
            }
            Ok(Done::quiet(()))
        })
        .await
    }

    async fn put(&self, token: NewOneTime) -> Result<(), StoreError> {
        self.write(move |conn| {
            if tokens::has_room_for(conn, &token)? {
                tokens::put(conn, &token)?;
            }
            Ok(Done::quiet(()))
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
            let token = tokens::consume(conn, purpose, hash, now)?;
            Ok(Done::quiet(token.map(Consumed::from)))
        })
        .await
    }

    async fn verify_email(&self, hash: &TokenHash, now: Stamp) -> Result<Option<User>, StoreError> {
        let hash = *hash;
        self.write(move |conn| proofs::verify_email(conn, hash, now).map(Done::quiet)).await
    }

    async fn resettable(&self, hash: &TokenHash, now: Stamp) -> Result<Option<User>, StoreError> {
        let hash = *hash;
        self.read(move |conn| in_snapshot(conn, |conn| proofs::resettable(conn, hash, now))).await
    }

    async fn reset_password(
        &self,
        hash: &TokenHash,
        new: PasswordReplacement,
    ) -> Result<Option<Vec<Revocation>>, StoreError> {
        let hash = *hash;
        self.write(move |conn| proofs::reset_password(conn, hash, &new).map(Done::quiet)).await
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
        self.write(move |conn| {
            proofs::magic_log_in(conn, hash, new_user, &session, cap, ending).map(Done::quiet)
        })
        .await
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
            if !sessions::lasts(conn, user, session, now)? {
                return Ok(Done::quiet(EmailChange::SessionEnded));
            }
            proofs::change_email(conn, user, &email, &proof, notice.as_ref(), now).map(Done::quiet)
        })
        .await
    }
}
