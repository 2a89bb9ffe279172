//! Revokes other access to an account when its owner proves control of the address.

use diesel::prelude::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::session::{Ending, Revocation};
use domain::user::{PasswordHash, User};

use crate::error::Failure;
use crate::rows::timestamp;
use crate::schema::users;
use crate::tables;

/// Marks the address as verified, sets or removes the password, and revokes every other access. The user must
/// be locked.
///
/// Linked identities are removed only if the address was not verified before.
pub(super) async fn revoke_other_access(
    conn: &AsyncPgConnection,
    user: &User,
    password: Option<&PasswordHash>,
    ending: &Ending,
) -> Result<Vec<Revocation>, Failure> {
    let verified = diesel::update(users::table.filter(users::id.eq(user.id.0))).set((
        users::email_verified.eq(true),
        users::password_hash.eq(password.map(|hash| &hash.0)),
        users::updated_at.eq(timestamp(ending.at)),
    ));
    verified.execute(&mut &*conn).await?;
    if !user.email_verified {
        tables::external_identities::delete_all(conn, user.id).await?;
    }
    tables::one_time_tokens::invalidate_all_except(conn, user.id, None, ending.at).await?;
    tables::sessions::end_all(conn, user.id, None, ending).await
}
