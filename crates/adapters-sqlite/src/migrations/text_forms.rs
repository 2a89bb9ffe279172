//! The forms in which addresses are compared, for rows of before these forms. A search folds texts itself.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use domain::user::Email;

use super::MigrateError;
use crate::rows::Id;
use crate::schema::users;

/// The migration after which every address has this form.
pub(super) const SINCE: &str = "20260202000001";

/// Gives addresses their keys. Only those with characters outside ASCII can differ. Of two accounts whose keys
/// become the same, the older one gets it.
pub(super) fn renew(conn: &mut SqliteConnection) -> Result<(), MigrateError> {
    let foreign = sql::<Bool>("coalesce(octet_length(email) > length(email), 0)");
    let addresses = users::table
        .filter(foreign)
        .order((users::created_at, users::id))
        .select((users::id, users::email))
        .load::<(Id, Option<String>)>(conn)?;
    for (user, address) in addresses {
        let Some(email) = address.map(Email::from_stored) else { continue };
        let owners = users::table.filter(users::email_key.eq(email.key())).filter(users::id.ne(user));
        if owners.count().get_result::<i64>(conn)? > 0 {
            tracing::warn!(user = %user.0, "another account has this account's address in its other form");
            continue;
        }
        diesel::update(users::table.filter(users::id.eq(user)))
            .set(users::email_key.eq(email.key()))
            .execute(conn)?;
    }
    Ok(())
}
