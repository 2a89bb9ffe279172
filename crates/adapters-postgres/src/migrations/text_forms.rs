//! The forms in which texts are compared, for rows of before these forms.

use diesel::RunQueryDsl;
use diesel::sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid};
use domain::text::fold;
use domain::user::Email;
use uuid::Uuid;

use super::{Harness, Outcome};
use crate::sql::{Sql, sql};

/// The migration after which every row has these forms.
pub(super) const SINCE: &str = "20260202000001";

/// How many todos are loaded at once.
const TODOS: i64 = 1_000;

/// Folds the texts of todos again, and gives addresses their keys. Only rows with characters outside
/// ASCII can differ.
pub(super) fn renew(conn: &mut Harness) -> Outcome<()> {
    let mut after = (Uuid::nil(), 0);
    while let Some(last) = fold_todos(conn, after)? {
        after = last;
    }
    key_addresses(conn)
}

type Texts = (Uuid, i64, Option<String>, Option<String>, Option<String>, Option<String>);
type TextColumns = (SqlUuid, BigInt, Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Text>);

/// Folds the texts of the next todos after `after`, in the order of users and numbers, and writes those whose
/// folded texts differ. Returns the last of them.
fn fold_todos(conn: &mut Harness, (user, number): (Uuid, i64)) -> Outcome<Option<(Uuid, i64)>> {
    let foreign: Sql<'_, TextColumns> = sql(
        "select t.user_id, t.number, t.title, t.title_folded, t.description, t.description_folded from todos t \
         where (octet_length(t.title) > char_length(t.title) \
         or octet_length(t.description) > char_length(t.description)) and (t.user_id, t.number) > (",
    )
    .bind::<SqlUuid, _>(user)
    .sql(", ")
    .bind::<BigInt, _>(number)
    .sql(") order by t.user_id, t.number limit ")
    .bind::<BigInt, _>(TODOS);
    let texts = foreign.load::<Texts>(conn)?;
    let last = texts.last().map(|(user, number, ..)| (*user, *number));
    for (user, number, title, title_folded, description, description_folded) in texts {
        let folded = (title.as_deref().map(fold), description.as_deref().map(fold));
        if folded == (title_folded, description_folded) {
            continue;
        }
        let update: Sql<'_, ()> = sql("update todos set title_folded = ")
            .bind::<Nullable<Text>, _>(folded.0)
            .sql(", description_folded = ")
            .bind::<Nullable<Text>, _>(folded.1)
            .sql(" where user_id = ")
            .bind::<SqlUuid, _>(user)
            .sql(" and number = ")
            .bind::<BigInt, _>(number);
        update.execute(conn)?;
    }
    Ok(last)
}

/// Of two accounts whose keys become the same, the older one gets it.
fn key_addresses(conn: &mut Harness) -> Outcome<()> {
    let foreign: Sql<'_, (SqlUuid, Text)> =
        sql("select u.id, u.email from users u where octet_length(u.email) > char_length(u.email) \
             order by u.created_at, u.id");
    for (user, address) in foreign.load::<(Uuid, String)>(conn)? {
        let email = Email::from_stored(address);
        let update: Sql<'_, ()> = sql("update users set email_key = ")
            .bind::<Text, _>(email.key().to_owned())
            .sql(" where id = ")
            .bind::<SqlUuid, _>(user)
            .sql(" and not exists (select from users o where o.id <> ")
            .bind::<SqlUuid, _>(user)
            .sql(" and o.email_key = ")
            .bind::<Text, _>(email.key().to_owned())
            .sql(")");
        if update.execute(conn)? == 0 {
            tracing::warn!(%user, "another account has this account's address in its other form");
        }
    }
    Ok(())
}
