//! Revokes other access to an account when its owner proves control of the address.

use diesel::prelude::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::session::{Ending, Revocation};
use domain::user::{PasswordHash, User};

use crate::error::Failure;
use crate::rows::timestamp;
use crate::schema::users;
use crate::tables;

/// What remains of the access to an account.
#[derive(Default)]
pub(super) struct NewAccess<'a> {
    /// The password of a reset; `None` removes the password.
    pub password: Option<&'a PasswordHash>,
    /// Whether to remove the identities of an owner whose address was verified before, too.
    pub unlink: bool,
}

/// Marks the address as verified, sets or removes the password, and revokes every other access.
/// Removes the name of an unverified account. The user must be locked.
pub(super) async fn revoke_other_access(
    conn: &AsyncPgConnection,
    user: &User,
    access: &NewAccess<'_>,
    ending: &Ending,
) -> Result<Vec<Revocation>, Failure> {
    let verified = diesel::update(users::table.filter(users::id.eq(user.id.0))).set((
        users::email_verified.eq(true),
        users::password_hash.eq(access.password.map(|hash| &hash.0)),
        access.password.map(|_| users::password_reset_at.eq(timestamp(ending.at))),
        (!user.email_verified).then(|| users::display_name.eq(None::<String>)),
        users::updated_at.eq(timestamp(ending.at)),
    ));
    verified.execute(&mut &*conn).await?;
    if !user.email_verified || access.unlink {
        tables::external_identities::delete_all(conn, user.id).await?;
    }
    tables::one_time_tokens::invalidate_all_except(conn, user.id, None, ending.at).await?;
    tables::sessions::end_all(conn, user.id, None, ending).await
}
