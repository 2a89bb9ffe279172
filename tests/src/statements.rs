//! Every statement about users' data names the user: each test's server is held to it when it goes.

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

/// Conditions of statements that are about no one user, each with its reason.
const ABOUT_NOBODY: [(&str, &str); 22] = [
    (" where 1=0", "an empty list writes and reads nothing"),
    ("from revoked_tokens where (revoked_tokens.revoked_at >= ", "the poll for sessions that ended anywhere"),
    (
        "from refresh_tokens where (refresh_tokens.token_hash = ",
        "the hash of a secret is what finds its user",
    ),
    ("from todos where (todos.deleted_at < ", "the housekeeper looks for tombstones past their age"),
    ("from todos t where t.deleted_at < ", "the housekeeper looks for tombstones past their age"),
    ("from one_time_tokens o where o.token_hash = ", "the hash of a secret is what finds its user"),
    (
        "from one_time_tokens where ((((one_time_tokens.token_hash = ",
        "the hash of a secret is what finds its user",
    ),
    ("from external_identities i where i.provider = ", "the identity is what finds its user"),
    (
        "from external_identities where ((external_identities.provider = ",
        "the identity is what finds its user",
    ),
    ("update one_time_tokens set user_id = ", "what was for an address alone gets its user"),
    ("update mail_outbox set user_id = ", "what was for an address alone gets its user"),
    ("from mail_outbox where (mail_outbox.next_attempt_at <= ", "the mail worker sends whosever mail is due"),
    ("from mail_outbox m where m.next_attempt_at <= ", "the mail worker sends whosever mail is due"),
    ("from mail_outbox where (mail_outbox.next_attempt_at is not null", "the mail worker counts what waits"),
    ("from mail_outbox m where m.next_attempt_at is not null", "the mail worker counts what waits"),
    ("update mail_outbox set next_attempt_at = ", "the mail worker notes what it takes, and what failed"),
    ("update mail_outbox set attempts = ", "the mail worker notes what failed"),
    ("update mail_outbox set sent_at = ", "the mail worker notes what it sent"),
    ("from mail_outbox where sent_at < ", "the housekeeper removes what was sent long ago"),
    ("from mail_outbox where given_up_at < ", "the housekeeper removes what was given up long ago"),
    ("where expires_at <= ", "the housekeeper removes what is over, whoever it belongs to"),
    ("from sessions s where s.expires_at <= ", "the housekeeper removes what is over, whoever it belongs to"),
];

/// The statements in a log that are about rows of users and name no user, each once.
pub(crate) fn nameless(log: &str) -> BTreeSet<String> {
    let statements: BTreeSet<String> = log.lines().filter_map(statement).collect();
    let excused = |statement: &String| ABOUT_NOBODY.iter().any(|(part, _)| statement.contains(part));
    statements.into_iter().filter(|statement| !names_its_user(statement) && !excused(statement)).collect()
}

/// The statement that a line of the log tells, in one form whatever the database.
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
    // An insertion names it among its columns, anything else in its condition.
    let told = if statement.starts_with("insert") {
        Some(statement)
    } else {
        statement.find(" where ").or_else(|| statement.find(" on ")).map(|start| &statement[start..])
    };
    told.is_some_and(|told| told.contains("user_id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(statement: &str) -> usize {
        nameless(&serde_json::json!({"target": "sql", "message": statement}).to_string()).len()
    }

    #[test]
    fn a_statement_that_forgets_its_user_is_found() {
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
