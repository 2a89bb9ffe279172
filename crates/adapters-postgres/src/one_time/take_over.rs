//! What becomes of an account whose owner shows that the address is theirs.

use diesel::prelude::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use domain::session::{Ending, Revocation};
use domain::user::{PasswordHash, User};

use super::write::make_void_all_but;
use crate::error::Failure;
use crate::identities::write::forget;
use crate::rows::timestamp;
use crate::schema::users;
use crate::sessions::write::end_all;

/// Marks the address of the user, who is locked, as verified, sets or removes the password, and ends every other way in; identities only
/// where the address was not verified before.
pub(super) async fn shut_out_others(
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
        forget(conn, user.id).await?;
    }
    make_void_all_but(conn, user.id, None, ending.at).await?;
    end_all(conn, user.id, None, ending).await
}
