//! Checks that every SQL statement about rows of users names a user. It runs when a test's server
//! is dropped.

use std::collections::BTreeSet;

use serde_json::Value;

/// The tables that hold rows of users.
const TABLES: [&str; 7] = [
    "todos",
    "sessions",
    "refresh_tokens",
    "revoked_tokens",
    "external_identities",
    "one_time_tokens",
    "mail_outbox",
];

/// Fragments of statements that need not name a user, each with the reason.
const EXEMPT: [(&str, &str); 26] = [
    (" where 1=0", "an empty list writes and reads nothing"),
    ("where ((revoked_tokens.id > ", "the poll for revocations of all instances"),
    ("select max(revoked_tokens.id) from revoked_tokens", "the poll for revocations of all instances"),
    ("from refresh_tokens where (refresh_tokens.token_hash = ", "the hash of a secret finds its user"),
    ("from todos where (todos.deleted_at < ", "housekeeping finds old tombstones"),
    ("from todos where ((todos.deleted_at < ", "housekeeping finds old tombstones with texts"),
    ("from todos t where t.deleted_at < ", "housekeeping finds old tombstones"),
    ("from one_time_tokens o where o.token_hash = ", "the hash of a secret finds its user"),
    ("from one_time_tokens where ((((one_time_tokens.token_hash = ", "the hash of a secret finds its user"),
    ("from external_identities i where i.provider = ", "the identity finds its user"),
    ("from external_identities where ((external_identities.provider = ", "the identity finds its user"),
    ("update one_time_tokens set user_id = ", "a row for an address gets its user"),
    ("update mail_outbox set user_id = ", "a row for an address gets its user"),
    (
        "from mail_outbox where (mail_outbox.next_attempt_at <= ",
        "the mail worker sends the due mails of all users",
    ),
    ("from mail_outbox m where m.next_attempt_at <= ", "the mail worker sends the due mails of all users"),
    (
        "from mail_outbox where (mail_outbox.next_attempt_at is not null",
        "the mail worker counts queued mails",
    ),
    ("from mail_outbox m where m.next_attempt_at is not null", "the mail worker counts queued mails"),
    ("update mail_outbox set next_attempt_at = ", "the mail worker records leases and failures"),
    ("update mail_outbox set attempts = ", "the mail worker records failures"),
    ("update mail_outbox set sent_at = ", "the mail worker records deliveries"),
    ("from mail_outbox where sent_at < ", "housekeeping deletes old mails"),
    ("from mail_outbox where given_up_at < ", "housekeeping deletes old mails"),
    ("from one_time_tokens where used_at ", "housekeeping deletes used tokens of all users"),
    ("where expires_at <= ", "housekeeping deletes expired rows of all users"),
    (" r.expires_at <= ", "housekeeping deletes expired revocations, and the tokens of their sessions"),
    ("from sessions s where s.expires_at <= ", "housekeeping deletes expired rows of all users"),
];

/// The distinct statements in a log that concern rows of users and name no user.
pub(crate) fn without_user(log: &str) -> BTreeSet<String> {
    let statements: BTreeSet<String> = log.lines().filter_map(statement).collect();
    let exempt = |statement: &String| EXEMPT.iter().any(|(part, _)| statement.contains(part));
    statements.into_iter().filter(|statement| !names_its_user(statement) && !exempt(statement)).collect()
}

/// The statement of a log line, normalised for both databases.
fn statement(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok().filter(|line: &Value| line["target"] == "sql")?;
    let text = line["statement"].as_str().or_else(|| line["message"].as_str())?;
    Some(text.to_lowercase().replace(['`', '"'], "").split_whitespace().collect::<Vec<_>>().join(" "))
}

fn names_its_user(statement: &str) -> bool {
    let words: Vec<_> = statement.split([' ', '(', ')', ',', ';']).filter(|word| !word.is_empty()).collect();
    if ["create", "alter", "drop", "grant", "do"].contains(words.first().unwrap_or(&"")) {
        return true;
    }
    let touches = words
        .windows(2)
        .any(|pair| ["from", "join", "into", "update"].contains(&pair[0]) && TABLES.contains(&pair[1]));
    if !touches {
        return true;
    }
    // An INSERT names the user among its columns, any other statement in its condition.
    let place = if statement.starts_with("insert") {
        Some(statement)
    } else {
        statement.find(" where ").or_else(|| statement.find(" on ")).map(|start| &statement[start..])
    };
    place.is_some_and(|place| place.contains("user_id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(statement: &str) -> usize {
        without_user(&serde_json::json!({"target": "sql", "message": statement}).to_string()).len()
    }

    #[test]
    fn a_statement_that_names_no_user_is_found() {
        assert_eq!(found("SELECT `todos`.`user_id` FROM `todos` WHERE (`todos`.`id` = ?)"), 1);
        assert_eq!(found("update todos set title = $1"), 1);
        assert_eq!(found("delete from sessions where id = $1"), 1);
        assert_eq!(found("INSERT INTO todos (id, title) VALUES ($1, $2)"), 1);
        assert_eq!(found("update todos set user_id = $1"), 1);
        assert_eq!(found("delete from external_identities where provider = $1"), 1);
        assert_eq!(found("SELECT 1"), 0);
        assert_eq!(
            found("select t.id from unnest($1) as k(user_id, id) join todos t on t.user_id = k.user_id"),
            0
        );
        assert_eq!(found("DELETE FROM \"todos\" WHERE \"todos\".\"user_id\" = $1"), 0);
    }
}
