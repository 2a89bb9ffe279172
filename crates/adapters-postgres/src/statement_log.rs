//! Logs and traces statements without their bound values.

use std::collections::VecDeque;

use diesel::connection::{Instrumentation, InstrumentationEvent};
use tracing::span::Id;
use tracing::{Level, Span, field};

/// What a connection tells of its statements.
pub(crate) struct StatementLog {
    echo: bool,
    /// The statements whose end is awaited, in the order in which they were sent.
    sent: VecDeque<Span>,
    /// The span that they are part of. Its id only: a span ends when the last handle to it is dropped.
    parent: Option<Id>,
}

impl StatementLog {
    /// `None` if nothing asks for statements.
    pub(crate) fn wanted(echo: bool) -> Option<Self> {
        let wanted = echo || is_traced();
        wanted.then(|| Self { echo, sent: VecDeque::new(), parent: None })
    }

    fn begin(&mut self) {
        let parent = Span::current();
        if parent.id() != self.parent {
            // The connection has another borrower, and the earlier one stopped waiting.
            self.sent.clear();
            self.parent = parent.id();
        }
        if self.parent.is_some() {
            self.sent.push_back(tracing::trace_span!(
                target: "spans",
                "statement",
                otel.kind = "client",
                db.system.name = "postgresql",
                db.query.text = field::Empty
            ));
        }
    }
}

fn is_traced() -> bool {
    tracing::span_enabled!(target: "spans", Level::TRACE)
}

/// The span of the caller, for work in another task. None if statements are not traced.
pub(crate) fn caller() -> Span {
    if is_traced() { Span::current() } else { Span::none() }
}

impl Instrumentation for StatementLog {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { .. } => self.begin(),
            // Only this event shows a statement without its values.
            InstrumentationEvent::FinishQuery { query, error, .. } => {
                if self.echo {
                    tracing::info!(target: "sql", failed = error.is_some(), "{query}");
                }
                if let Some(span) = self.sent.pop_front() {
                    span.record("db.query.text", field::display(query));
                }
            }
            _ => {}
        }
    }
}
