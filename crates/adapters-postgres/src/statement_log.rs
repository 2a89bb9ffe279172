//! Logs statements without their bound values.

use diesel::connection::{Instrumentation, InstrumentationEvent};

pub(crate) struct StatementLog;

impl Instrumentation for StatementLog {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        // Only this event shows a statement without its values.
        if let InstrumentationEvent::FinishQuery { query, error, .. } = event {
            tracing::info!(target: "sql", failed = error.is_some(), "{query}");
        }
    }
}
