//! Records the statements of the store and explains them.

use std::path::Path;
use std::sync::Mutex;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

/// Every statement that a connection of this process ran.
static RAN: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[expect(clippy::unnecessary_wraps, reason = "the signature that diesel asks for")]
fn record() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let query = query.to_string();
            let statement = query.split(" -- binds:").next().unwrap_or_default().to_owned();
            RAN.lock().expect("no panic").push(statement);
        }
    }))
}

/// Takes the statements on data since the last call.
pub fn ran() -> Vec<String> {
    let mut ran = std::mem::take(&mut *RAN.lock().expect("no panic"));
    ran.retain(|sql| ["SELECT", "INSERT", "UPDATE", "DELETE"].iter().any(|verb| sql.starts_with(verb)));
    ran
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Stands in for the store's function, so that statements which call it can be explained.
    fn contains_words(title: Nullable<Text>, description: Nullable<Text>, words: Text) -> Bool;
    /// As above.
    fn title_key(title: Nullable<Text>) -> Nullable<Binary>;
    /// As above.
    fn not_interrupted() -> Bool;
}

/// The intended scans: of the database's few epochs, of one-row tables, and of all disabled accounts.
const INTENDED_SCANS: [&str; 4] =
    ["SCAN CONSTANT ROW", "SCAN epochs", "SCAN todo_numbers", "SCAN users USING INDEX users_disabled"];

/// Explains statements.
pub struct Planner(SqliteConnection);

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

impl Planner {
    /// Records the statements of every connection that this process opens from now on.
    pub fn new(path: &Path) -> Self {
        let mut conn = SqliteConnection::establish(path.to_str().expect("UTF-8")).expect("connects");
        not_interrupted_utils::register_nondeterministic_impl(&conn, || true).expect("registers");
        title_key_utils::register_impl(&mut conn, |title: Option<String>| title.map(String::into_bytes))
            .expect("registers");
        contains_words_utils::register_impl(&mut conn, |_: Option<String>, _: Option<String>, _: String| {
            false
        })
        .expect("registers");
        set_default_instrumentation(record).expect("no lock is poisoned");
        Self(conn)
    }

    fn plan(&mut self, sql: &str) -> Vec<String> {
        let explain = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}"));
        let steps: Vec<Step> = explain.load(&mut self.0).unwrap_or_else(|e| panic!("{e}: {sql}"));
        steps.into_iter().map(|step| step.detail).collect()
    }

    /// Fails if a statement since the last call scans a table of users' rows, or reads todos without naming a user.
    pub fn check_all(&mut self, what: &str) -> Vec<(String, Vec<String>)> {
        let statements = ran();
        assert!(!statements.is_empty(), "{what} runs a statement");
        statements
            .into_iter()
            .map(|sql| {
                let plan = self.plan(&sql);
                let scan = plan
                    .iter()
                    .find(|step| step.contains("SCAN") && !INTENDED_SCANS.contains(&step.as_str()));
                assert_eq!(scan, None, "{what} reads rows of others: {sql}\n{plan:#?}");
                assert!(!sql.contains("`todos`") || sql.contains("`user_id`"), "{what} names no user: {sql}");
                (sql, plan)
            })
            .collect()
    }

    /// As [`Self::check_all`], and one of the statements has exactly this plan.
    pub fn expect(&mut self, what: &str, expected: &[&str]) {
        let found = self.check_all(what);
        assert!(
            found.iter().any(|(_, plan)| plan == expected),
            "{what} has the plan {expected:#?}: {found:#?}"
        );
    }
}
