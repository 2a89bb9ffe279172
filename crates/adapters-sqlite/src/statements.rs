//! Logs and traces statements, without their bound values.

use diesel::connection::{Instrumentation, InstrumentationEvent};
use tracing::{Level, Span};

/// What a connection tells of its statements.
pub(crate) struct Statements {
    /// Whether they are logged.
    pub echo: bool,
    running: Option<Span>,
}

impl Statements {
    /// `None` if nothing asks for statements.
    pub(crate) fn wanted(echo: bool) -> Option<Self> {
        (echo || is_traced()).then_some(Self { echo, running: None })
    }
}

impl Instrumentation for Statements {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                let query = query.to_string();
                let statement = without_values(&query);
                if self.echo {
                    tracing::info!(target: "sql", statement);
                }
                // What no request asks for, such as the end of a group's transaction, is part of no trace.
                if is_traced() && !Span::current().is_none() {
                    self.running = Some(tracing::trace_span!(
                        target: "spans",
                        "statement",
                        otel.kind = "client",
                        db.system.name = "sqlite",
                        db.query.text = statement
                    ));
                }
            }
            InstrumentationEvent::FinishQuery { .. } => self.running = None,
            _ => {}
        }
    }
}

fn is_traced() -> bool {
    tracing::span_enabled!(target: "spans", Level::TRACE)
}

/// The span of the caller, for work on another thread. None if statements are not traced.
pub(crate) fn caller() -> Span {
    if is_traced() { Span::current() } else { Span::none() }
}

/// Removes the bound values from a statement as diesel displays it.
fn without_values(query: &str) -> &str {
    query.split_once(" -- binds:").map_or(query, |(statement, _)| statement)
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::*;
    use crate::schema::users;

    #[test]
    fn a_logged_statement_shows_no_values() {
        let query = users::table.filter(users::email_key.eq("ann@example.com")).select(users::is_active);
        let shown = diesel::debug_query::<diesel::sqlite::Sqlite, _>(&query).to_string();
        assert!(shown.contains("ann@example.com"), "{shown}");
        let logged = without_values(&shown);
        assert!(logged.ends_with("WHERE (`users`.`email_key` = ?)"), "{logged}");
    }
}
