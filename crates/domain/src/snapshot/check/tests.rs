use super::super::TABLES;
use super::*;

const USER: &str = "0190163d8694739baea5966c26f8ad91";

/// A row of the table with these values, and null in every other column.
fn row(table: &str, values: &[(&str, &str)]) -> (&'static Table, Row) {
    let table = TABLES.iter().find(|known| known.name == table).expect("a table");
    let mut row = vec![None; table.columns.len()];
    for (column, value) in values {
        row[table.position(column).expect("a column")] = Some((*value).to_owned());
    }
    (table, row)
}

fn user(more: &[(&str, &str)]) -> (&'static Table, Row) {
    let usual = [
        ("id", USER),
        ("sync_clock", "20"),
        ("sync_horizon", "0"),
        ("live_todos", "1"),
        ("tombstones", "0"),
        ("stored_bytes", "4"),
        ("epoch_ordinal", "1"),
        ("epoch_counter", "0"),
        ("digest", "0"),
    ];
    row("users", &[&usual, more].concat())
}

fn todo(more: &[(&str, &str)]) -> (&'static Table, Row) {
    let versions =
        ["version", "title_version", "description_version", "completed_version", "deleted_version"];
    let mut values: Vec<_> = versions.map(|name| (name, "1")).into();
    let usual = [
        ("user_id", USER),
        ("id", USER),
        ("number", "7"),
        ("created_at", "20"),
        ("updated_at", "20"),
        ("title", "milk"),
    ];
    values.extend(usual);
    values.extend(more);
    row("todos", &values)
}

fn report(rows: &[(&'static Table, Row)]) -> Report {
    let mut check = Check::new();
    let (table, epoch) = row("epochs", &[("ordinal", "1"), ("epoch", "e"), ("begun_at", "0")]);
    check.row(table, &epoch);
    for (table, row) in rows {
        check.row(table, row);
    }
    check.finish()
}

fn problems(rows: &[(&'static Table, Row)]) -> Vec<String> {
    report(rows).findings.into_iter().map(|finding| finding.problem).collect()
}

fn digest() -> String {
    let id = USER.parse().expect("an id");
    Digest::of(id, 1, Stamp::from_micros(20).expect("a stamp")).to_i64().to_string()
}

#[test]
fn a_database_whose_rows_agree_has_no_findings() {
    let rows = [user(&[("digest", &digest())]), todo(&[]), row("todo_numbers", &[("next", "8")])];
    assert_eq!(problems(&rows), [""; 0]);
}

#[test]
fn totals_that_differ_are_found_and_counted() {
    let rows = [user(&[("live_todos", "2"), ("sync_clock", "19")]), todo(&[])];
    let report = report(&rows);
    let [finding] = &report.findings[..] else { panic!("{:?}", report.findings) };
    assert_eq!(finding.problem, "sync_clock, live_todos, digest is not what the todos say");
    let [recount] = &report.recounts[..] else { panic!("one recount") };
    assert_eq!((recount.counted.live, recount.counted.clock), (1, Stamp::from_micros(20).expect("a stamp")));
    assert_eq!(recount.counted.digest.to_i64().to_string(), digest());
}

#[test]
fn rows_that_refer_to_nothing_and_impossible_rows_are_found() {
    let other = "0190163d8694739baea5966c26f8ad92";
    let good = user(&[("digest", &digest())]);
    for (wrong, problem) in [
        (todo(&[("user_id", other)]), "todos.user_id: no such user"),
        (todo(&[("version", "0")]), "todos.version: below 1"),
        (todo(&[("updated_at", "soon")]), "todos.updated_at: not a whole number"),
        (row("todo_numbers", &[("next", "7")]), "todo_numbers.next: not above every todo's number"),
        (row("sessions", &[("id", USER), ("user_id", other)]), "sessions.user_id: no such user"),
        (
            row("refresh_tokens", &[("id", USER), ("user_id", USER), ("session_id", USER)]),
            "refresh_tokens.session_id: no such session",
        ),
        (row("mail_outbox", &[("id", USER), ("user_id", other)]), "mail_outbox.user_id: no such user"),
    ] {
        let found = problems(&[good.clone(), todo(&[]), wrong]);
        assert!(found.len() == 1 && found[0].ends_with(problem), "{problem}: {found:?}");
    }
    let found = problems(&[user(&[("epoch_ordinal", "2"), ("digest", &digest())]), todo(&[])]);
    assert_eq!(found, ["corrupt value in users.epoch_ordinal: no such epoch"]);
}

#[test]
fn contents_are_equal_in_any_order_and_differ_with_any_value() {
    let [one, other] = [todo(&[]), todo(&[("title", "tea")])];
    let contents = |rows: &[(&'static Table, Row)]| report(rows).tables["todos"];
    assert_eq!(contents(&[one.clone(), other.clone()]), contents(&[other.clone(), one.clone()]));
    assert_ne!(contents(&[one.clone(), one]), contents(&[other.clone(), other]));
}
