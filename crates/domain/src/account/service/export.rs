//! Exports everything stored about a user.

use std::collections::HashSet;
use std::sync::Arc;

use super::AccountService;
use crate::account::AccountRecords;
use crate::error::StoreError;
use crate::ids::{TodoId, UserId};
use crate::session::{AuthFailure, Principal, SessionService};
use crate::time::Stamp;
use crate::todo::{Todo, TodoStore};

/// The number of todos in one read. The largest todos take about 80 KB each, as loaded and as
/// written, so a page takes up to 4 MB of memory.
const PAGE: u32 = 50;

/// An export in progress. Its memory is bounded by one page of todos and 16 bytes for each todo.
pub struct Export {
    todos: Arc<dyn TodoStore>,
    user: UserId,
    /// The session that asks; `None` if an operator does.
    session: Option<(SessionService, Principal)>,
    progress: Progress,
}

enum Progress {
    /// Nothing is exported yet; the export was started at this instant.
    Account(Box<AccountRecords>, Stamp),
    /// The todos with these ids are exported, up to this stamp. A todo that changes during the
    /// export is read again with a later stamp; its id shows that it was exported before. A
    /// snapshot of the database would avoid that, but it would stay open for as long as the client
    /// reads and burden every user.
    Todos(Option<Stamp>, HashSet<TodoId>),
    Done,
}

/// A part of an export.
#[derive(Debug)]
pub enum ExportPart {
    /// The first part: everything except the todos, and the start time of the export.
    Account(Box<AccountRecords>, Stamp),
    /// The next todos in stamp order, tombstones included, each in its state when the part is read.
    /// An export contains each todo only once.
    Todos(Vec<Todo>),
}

/// Why an export ends before it is complete.
#[derive(Debug)]
pub enum ExportError {
    /// The caller's session or account has ended.
    Unauthorized(AuthFailure),
    Store(StoreError),
}

impl AccountService {
    /// Starts an export of the caller's account. `None` if the account was deleted.
    pub async fn export(&self, principal: &Principal) -> Result<Option<Export>, StoreError> {
        let records = self.ports.accounts.records(principal.user).await?;
        Ok(records.map(|records| Export {
            todos: self.ports.todos.clone(),
            user: principal.user,
            session: Some((self.sessions.clone(), principal.clone())),
            progress: Progress::Account(Box::new(records), self.now()),
        }))
    }
}

impl Export {
    /// An export for an operator, which begins with `records`, as of `started`.
    pub(super) fn by_operator(records: AccountRecords, todos: Arc<dyn TodoStore>, started: Stamp) -> Self {
        let user = records.user.id;
        Self { todos, user, session: None, progress: Progress::Account(Box::new(records), started) }
    }

    /// Returns the next part, or `None` at the end. Fails if the session has ended since the
    /// previous part, because a client may read at any pace.
    pub async fn next(&mut self) -> Result<Option<ExportPart>, ExportError> {
        if let Some((sessions, principal)) = &self.session {
            sessions.check(principal).map_err(ExportError::Unauthorized)?;
        }
        match std::mem::replace(&mut self.progress, Progress::Done) {
            Progress::Account(records, started) => {
                self.progress = Progress::Todos(None, HashSet::new());
                Ok(Some(ExportPart::Account(records, started)))
            }
            Progress::Todos(since, ids) => self.next_todos(since, ids).await.map_err(ExportError::Store),
            Progress::Done => Ok(None),
        }
    }

    async fn next_todos(
        &mut self,
        since: Option<Stamp>,
        mut ids: HashSet<TodoId>,
    ) -> Result<Option<ExportPart>, StoreError> {
        let gone = || StoreError::Unavailable("the account was deleted during its export".to_owned());
        let changes = self.todos.changes(self.user, since, true, PAGE).await?.ok_or_else(gone)?;
        let next = changes.has_more.then(|| changes.complete_to());
        let todos = changes.todos.into_iter().filter(|todo| ids.insert(todo.id())).collect();
        if let Some(stamp) = next {
            self.progress = Progress::Todos(Some(stamp), ids);
        }
        Ok(Some(ExportPart::Todos(todos)))
    }
}
