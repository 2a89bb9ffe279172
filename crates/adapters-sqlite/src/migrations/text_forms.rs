//! The forms in which texts are compared, for rows of before these forms.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Bool};
use domain::text::fold;
use domain::user::Email;
use uuid::Uuid;

use super::MigrateError;
use crate::rows::Id;
use crate::schema::{todos, users};

/// The migration after which every row has these forms.
pub(super) const SINCE: &str = "20260202000001";

/// How many todos are loaded at once.
const TODOS: i64 = 1_000;

/// Folds the texts of todos again, and gives addresses their keys. Only rows with characters outside
/// ASCII can differ.
pub(super) fn renew(conn: &mut SqliteConnection) -> Result<(), MigrateError> {
    let mut after = (Id(Uuid::nil()), Id(Uuid::nil()));
    while let Some(last) = fold_todos(conn, after)? {
        after = last;
    }
    key_addresses(conn)
}

type Texts = (Id, Id, Option<String>, Option<String>, Option<String>, Option<String>);

/// Folds the texts of the next todos after `after`, in the order of users and ids, and writes those whose folded
/// texts differ. Returns the last of them.
fn fold_todos(conn: &mut SqliteConnection, (user, id): (Id, Id)) -> Result<Option<(Id, Id)>, MigrateError> {
    let foreign = sql::<Bool>(
        "coalesce(octet_length(title) > length(title) OR octet_length(description) > length(description), 0)",
    );
    let later =
        sql::<Bool>("(user_id, id) > (").bind::<Binary, _>(user).sql(", ").bind::<Binary, _>(id).sql(")");
    let texts = todos::table
        .filter(foreign)
        .filter(later)
        .order((todos::user_id, todos::id))
        .limit(TODOS)
        .select((
            todos::user_id,
            todos::id,
            todos::title,
            todos::title_folded,
            todos::description,
            todos::description_folded,
        ))
        .load::<Texts>(conn)?;
    let last = texts.last().map(|(user, id, ..)| (*user, *id));
    for (user, id, title, title_folded, description, description_folded) in texts {
        let folded = (title.as_deref().map(fold), description.as_deref().map(fold));
        if folded == (title_folded, description_folded) {
            continue;
        }
        diesel::update(todos::table.filter(todos::user_id.eq(user)).filter(todos::id.eq(id)))
            .set((todos::title_folded.eq(folded.0), todos::description_folded.eq(folded.1)))
            .execute(conn)?;
    }
    Ok(last)
}

/// Of two accounts whose keys become the same, the older one gets it.
fn key_addresses(conn: &mut SqliteConnection) -> Result<(), MigrateError> {
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
