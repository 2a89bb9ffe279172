//! The list of statements: which of them name one user, several, or none.
//!
//! Where a database is distributed by users, a statement that names one user runs on one machine.
//! The list in `statements.txt` says of each statement that the contract makes the stores send how
//! many users it names. A statement that is not in the list fails the contract;
//! `UPDATE_STATEMENTS=1` adds it, under a heading that its author then checks.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::fs;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const LIST: &str = "tests/suite/statements.txt";
/// The length at which a line of the list ends, in characters.
const LONGEST: usize = 110;
const TABLES: [&str; 8] = [
    "users",
    "todos",
    "sessions",
    "refresh_tokens",
    "revoked_tokens",
    "external_identities",
    "one_time_tokens",
    "mail_outbox",
];

/// How many users a statement names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Names {
    One,
    Several,
    None,
    /// It concerns no table of users.
    Nothing,
}

impl Names {
    const ALL: [(Self, &str); 4] = [
        (Self::One, "## One user"),
        (Self::Several, "## Several users"),
        (Self::None, "## No user"),
        (Self::Nothing, "## No table of users"),
    ];

    /// What the text of a statement says of it.
    fn of(statement: &str) -> Self {
        let words: Vec<_> =
            statement.split([' ', '(', ')', ',', ';']).filter(|word| !word.is_empty()).collect();
        let concerns_users = words.windows(2).any(|pair| {
            ["from", "join", "into", "update", "using"].contains(&pair[0]) && TABLES.contains(&pair[1])
        });
        let (start, conditions) = statement.split_once(" where ").unwrap_or((statement, ""));
        let one = ["user_id = $", "users.id = $", "u.id = $"].iter().any(|part| conditions.contains(part));
        let inserted = start.starts_with("insert into users ") || start.contains("user_id");
        if !concerns_users {
            Self::Nothing
        } else if one {
            Self::One
        } else if ["unnest (", "any ("].iter().any(|part| statement.contains(part)) {
            Self::Several
        } else if start.starts_with("insert into") && start.contains(" values (") && inserted {
            Self::One
        } else {
            Self::None
        }
    }
}

/// The statements that were sent and are not in the list, or under another heading.
static UNLISTED: Mutex<BTreeMap<String, Names>> = Mutex::new(BTreeMap::new());

/// Takes the log of the statements of this process.
struct Watch {
    listed: BTreeMap<String, Names>,
}

/// Compares each statement of this process with the list, from now on.
pub fn watch() {
    static WATCHED: OnceLock<()> = OnceLock::new();
    WATCHED.get_or_init(|| {
        let watch = Watch { listed: read() };
        tracing::subscriber::set_global_default(watch).expect("the only subscriber");
    });
}

/// Fails if a statement was sent that is not in the list.
pub fn all_are_listed() {
    let unlisted = UNLISTED.lock().unwrap_or_else(PoisonError::into_inner);
    if unlisted.is_empty() || std::thread::panicking() {
        return;
    }
    if std::env::var_os("UPDATE_STATEMENTS").is_some() {
        update(&unlisted);
        return;
    }
    panic!("{LIST} lacks these statements (UPDATE_STATEMENTS=1 adds them): {unlisted:#?}");
}

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(LIST)
}

fn read() -> BTreeMap<String, Names> {
    let text = fs::read_to_string(path()).unwrap_or_default();
    let (mut names, mut listed) = (None, BTreeMap::new());
    for line in text.lines() {
        match Names::ALL.iter().find(|(_, heading)| *heading == line) {
            Some((found, _)) => names = Some(*found),
            None if line.is_empty() || line.starts_with("# ") => {}
            None => {
                listed.insert(line.to_owned(), names.expect("a statement stands under a heading"));
            }
        }
    }
    listed
}

fn update(unlisted: &BTreeMap<String, Names>) {
    let mut listed = read();
    listed.extend(unlisted.clone());
    let mut text = String::from(
        "# The statements of the stores on PostgreSQL, by the number of users that they name. Long ones are \
         cut.\n",
    );
    for (names, heading) in Names::ALL {
        let _ = writeln!(text, "\n{heading}");
        for (statement, _) in listed.iter().filter(|(_, found)| **found == names) {
            let _ = writeln!(text, "{statement}");
        }
    }
    fs::write(path(), text).expect("the list can be written");
}

impl Subscriber for Watch {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sql"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let statement = shape(&text.0);
        let (line, names) = (line(&statement), Names::of(&statement));
        if !line.is_empty() && self.listed.get(&line) != Some(&names) {
            UNLISTED.lock().unwrap_or_else(PoisonError::into_inner).insert(line, names);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The text of an event.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

/// A statement without what differs between two of a kind: case, the numbers of placeholders, and
/// how many columns, values or rows a list has.
fn shape(statement: &str) -> String {
    let spaced: String = statement
        .to_lowercase()
        .replace('"', "")
        .chars()
        .map(|c| if ",();".contains(c) { format!(" {c} ") } else { c.to_string() })
        .collect();
    let words: Vec<_> = spaced.split_whitespace().map(without_number).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let is_plain = |word: &&str| word.chars().all(|c| c.is_alphanumeric() || "_.$*".contains(c));
    let mut short = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let mut end = at + 1;
        while is_plain(word) && words.get(end) == Some(&",") && words.get(end + 1).is_some_and(is_plain) {
            end += 2;
        }
        // Of a list of more than two, only the first, and the user.
        if end > at + 3 {
            let names_user = words[at + 1..end].contains(&"user_id");
            short.extend(if names_user {
                vec![*word, ",", "user_id", ",", "…"]
            } else {
                vec![*word, ",", "…"]
            });
            at = end;
        } else {
            short.push(*word);
            at += 1;
        }
    }
    let mut text = short.join(" ").replace(" ,", ",").replace("( ", "(").replace(" )", ")");
    for row in ["($)", "($, $)", "($, …)"] {
        while text.contains(&format!("{row}, {row}")) {
            text = text.replace(&format!("{row}, {row}"), row);
        }
    }
    text
}

fn without_number(word: &str) -> String {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
    match word.strip_prefix('$') {
        Some(rest) if digits(rest) > 0 => format!("${}", &rest[digits(rest)..]),
        _ if word == "default" => "$".to_owned(),
        _ if digits(word) == word.len() => "0".to_owned(),
        _ => word.to_owned(),
    }
}

/// The line of a statement in the list: its beginning, if it is long.
fn line(statement: &str) -> String {
    match statement.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &statement[..end]),
        None => statement.to_owned(),
    }
}

#[test]
fn two_statements_of_a_kind_have_one_shape() {
    let one = r#"INSERT INTO "todos" ("user_id", "id", "title") VALUES ($1, $2, DEFAULT), ($3, $4, $5)"#;
    let other = "insert into todos (user_id, id, title)  values ($1, $2, $3)";
    assert_eq!(shape(one), shape(other));
    assert_eq!(shape(one), "insert into todos (user_id, …) values ($, …)");
    let inner = "INSERT INTO s (a, user_id, b) VALUES ($1, $2, $3)";
    assert_eq!(shape(inner), "insert into s (a, user_id, …) values ($, …)");
    assert_eq!(Names::of(&shape(one)), Names::One);
    assert_eq!(Names::of("delete from todos where todos.user_id = $"), Names::One);
    assert_eq!(Names::of("update mail_outbox set user_id = $ where token_id = $"), Names::None);
    let joined = shape("select id from todos t join unnest($1::uuid[]) k on t.user_id = k.user_id");
    assert_eq!(Names::of(&joined), Names::Several);
    assert_eq!(Names::of("delete from todos where deleted_at < $"), Names::None);
    assert_eq!(Names::of("begin"), Names::Nothing);
}
