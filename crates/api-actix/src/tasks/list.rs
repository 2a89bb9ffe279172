//! A list of tasks, which may be long: it is read and written in parts, each when the client has read the
//! one before. The list is therefore no snapshot: a task that changes meanwhile is in it as it was when its
//! part was read, and a task that is deleted before may be missing.

use actix_web::body::{BodyStream, MessageBody as _};
use actix_web::http::header::{ContentType, HeaderName};
use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, HttpResponseBuilder};
use domain::session::Principal;
use domain::todo::Todo;
use domain::todo::query::{ListKey, ListQuery};
use futures_util::stream::try_unfold;

use super::dto::Task;
use super::window::Window;
use crate::error::{HandlerResult, log_store_error};
use crate::memory_budget::Reservation;
use crate::pace::STRETCH_BYTES;
use crate::per_user_gate::HeavyWork;
use crate::state::State;
use crate::wire::{listed, with_memory};

const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
/// The number of tasks of the first part. Their texts may be as long as those of a later part.
const FIRST_PART: u32 = 50;
/// The largest number of tasks of a later part.
const PART: u32 = 1000;

/// The tasks of the window, the newest first.
pub async fn list(state: &web::Data<State>, principal: &Principal, window: Window) -> HandlerResult {
    let first = ListQuery {
        filter: window.filter,
        offset: window.offset,
        limit: window.limit.map_or(FIRST_PART, |limit| limit.min(FIRST_PART)),
        ..ListQuery::default()
    };
    let work = begin(state.clone(), principal.clone(), window, first);
    state.run_alone(principal, HeavyWork::Read, work).await
}

async fn begin(
    state: web::Data<State>,
    principal: Principal,
    window: Window,
    first: ListQuery,
) -> HandlerResult {
    let memory = state.reserve_part(principal.user).await?;
    let page = listed(state.todos.list(principal.user, &first).await?)?;
    let wanted = window.limit.map_or(u64::MAX, u64::from);
    let available = page.total.saturating_sub(window.offset).min(wanted);
    let mut document = Document {
        state,
        principal,
        window,
        left: available - (page.todos.len() as u64).min(available),
        after: page.todos.last().map(ListKey::from),
        memory: None,
        is_open: false,
        is_closed: false,
    };
    let mut bytes = document.write(&page.todos).await;
    let mut response = HttpResponse::Ok();
    response.insert_header(ContentType::json()).insert_header((X_TOTAL_COUNT, page.total.to_string()));
    if document.left == 0 {
        bytes.push(b']');
        return Ok(with_memory(response.body(bytes), memory));
    }
    document.memory = Some(memory);
    Ok(document.stream(response, bytes))
}

/// A list in progress.
struct Document {
    state: web::Data<State>,
    principal: Principal,
    window: Window,
    /// The number of tasks that are still to be written.
    left: u64,
    /// The last task that was written.
    after: Option<ListKey>,
    /// The memory of the part that the client is reading.
    memory: Option<Reservation>,
    is_open: bool,
    is_closed: bool,
}

/// The list ends before it is complete. The log has the reason; the client sees a broken connection.
#[derive(Debug, thiserror::Error)]
#[error("the list was interrupted")]
struct Interrupted;

impl Document {
    fn stream(self, mut response: HttpResponseBuilder, first: Vec<u8>) -> HttpResponse {
        let parts = try_unfold((self, Some(first)), async |(mut document, first)| match first {
            Some(first) => Ok(Some((document.keep(first), (document, None)))),
            None => document.next().await.map(|next| next.map(|(bytes, document)| (bytes, (document, None)))),
        });
        response.body(BodyStream::new(parts).boxed())
    }

    /// The next part, as the client reads it.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Interrupted> {
        if self.is_closed {
            return Ok(None);
        }
        // The client has read the last part.
        self.memory = None;
        self.state.sessions.check(&self.principal).map_err(|_| Interrupted)?;
        let user = self.principal.user;
        let memory = self.state.reserve_next_part(user).await.map_err(|_| Interrupted)?;
        self.memory = Some(memory);
        let limit = PART.min(u32::try_from(self.left).unwrap_or(u32::MAX));
        let part = self.state.todos.newest_after(user, self.window.filter, self.after, limit).await;
        let todos = part.map_err(|error| log_store_error(&error)).ok().flatten().ok_or(Interrupted)?;
        let mut bytes = self.write(&todos).await;
        self.left = self.left.saturating_sub(todos.len() as u64);
        self.after = todos.last().map(ListKey::from).or(self.after);
        if self.left == 0 || todos.is_empty() {
            bytes.push(b']');
            self.is_closed = true;
        }
        drop(todos);
        Ok(Some((self.keep(bytes), self)))
    }

    /// Reserves no more memory than the part takes.
    fn keep(&mut self, bytes: Vec<u8>) -> Bytes {
        if let Some(memory) = &mut self.memory {
            // Fails only if the part is larger than the memory for it, which then still counts.
            let _ = memory.resize(bytes.len());
        }
        bytes.into()
    }

    async fn write(&mut self, todos: &[Todo]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut yield_at = STRETCH_BYTES;
        if !self.is_open {
            self.is_open = true;
            bytes.push(b'[');
        } else if !todos.is_empty() {
            bytes.push(b',');
        }
        for (nth, todo) in todos.iter().enumerate() {
            if nth > 0 {
                bytes.push(b',');
            }
            // Every field of a task can be serialised.
            drop(serde_json::to_writer(&mut bytes, &Task::new(&self.principal, todo)));
            if bytes.len() > yield_at {
                yield_at = bytes.len() + STRETCH_BYTES;
                tokio::task::yield_now().await;
            }
        }
        bytes
    }
}
