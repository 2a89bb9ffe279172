//! A record of what happened, for the reader of a failure.

use std::sync::{Arc, Mutex};

use super::values::short;
use super::wire::{Gone, Lost, Reply, Request};

/// Lines that survive the failure of the run that wrote them. By default nothing is recorded.
#[derive(Clone, Debug, Default)]
pub struct Trace(Option<Arc<Mutex<Vec<String>>>>);

impl Trace {
    /// A trace that records.
    #[must_use]
    pub fn recording() -> Self {
        Self(Some(Arc::default()))
    }

    /// Adds a line.
    pub fn record(&self, line: impl FnOnce() -> String) {
        if let Some(lines) = &self.0 {
            lines.lock().expect("no holder panicked").push(line());
        }
    }

    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.as_ref().map(|lines| lines.lock().expect("no holder panicked").clone()).unwrap_or_default()
    }
}

/// A request, on one line.
#[must_use]
pub fn request_line(request: &Request) -> String {
    let Request { client_id, strategy, last_sync, limit, include_deleted, todos, .. } = request;
    let since = last_sync.map(|since| short(since.at));
    let todos: Vec<_> = todos
        .iter()
        .map(|upload| {
            let healing = if upload.healing { " healing" } else { "" };
            format!("{} on {:?}{healing} {:?}", upload.id.0.as_u128(), upload.version, upload.fields)
        })
        .collect();
    let all = if *include_deleted { " all" } else { "" };
    format!("{client_id} syncs ({strategy}, {limit} from {since:?}{all}): [{}]", todos.join(", "))
}

/// A request and its reply.
#[must_use]
pub fn exchange_line(request: &Request, reply: &Result<Reply, Lost>) -> String {
    let reply = match reply {
        Ok(Reply::Done(answer)) => {
            let (to, more) = (short(answer.sync_timestamp.at), if answer.has_more { " more" } else { "" });
            format!("{:?}, changes {:?}, to {to}{more}", answer.verdicts, answer.changes)
        }
        Ok(Reply::Gone(Gone::Forgotten { .. })) => "forgotten".to_owned(),
        Ok(Reply::Gone(Gone::Restored { to, horizon, .. })) => {
            format!("restored to {:?}, horizon {}", to.map(short), short(*horizon))
        }
        Err(Lost) => "lost".to_owned(),
    };
    format!("{}\n      -> {reply}", request_line(request))
}
