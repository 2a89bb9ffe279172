//! The forms in which texts are compared, for rows of before these forms.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use domain::text::fold;
use domain::user::Email;

use super::MigrateError;
use crate::rows::Id;
use crate::schema::{todos, users};

/// The migration after which every row has these forms.
pub(super) const SINCE: &str = "20260202000001";

/// Folds the texts of todos again, and gives addresses their keys. Only rows with characters outside
/// ASCII can differ.
pub(super) fn renew(conn: &mut SqliteConnection) -> Result<(), MigrateError> {
    fold_todos(conn)?;
    key_addresses(conn)
}

fn fold_todos(conn: &mut SqliteConnection) -> Result<(), MigrateError> {
    let foreign = sql::<Bool>(
        "coalesce(octet_length(title) > length(title) OR octet_length(description) > length(description), 0)",
    );
    let texts = todos::table
        .filter(foreign)
        .select((todos::user_id, todos::id, todos::title, todos::description))
        .load::<(Id, Id, Option<String>, Option<String>)>(conn)?;
    for (user, id, title, description) in texts {
        diesel::update(todos::table.filter(todos::user_id.eq(user)).filter(todos::id.eq(id)))
            .set((
                todos::title_folded.eq(title.as_deref().map(fold)),
                todos::description_folded.eq(description.as_deref().map(fold)),
            ))
            .execute(conn)?;
    }
    Ok(())
}

fn key_addresses(conn: &mut SqliteConnection) -> Result<(), MigrateError> {
    let foreign = sql::<Bool>("coalesce(octet_length(email) > length(email), 0)");
    let addresses =
        users::table.filter(foreign).select((users::id, users::email)).load::<(Id, Option<String>)>(conn)?;
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
