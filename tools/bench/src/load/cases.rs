//! The kinds of requests.

use std::io::Write as _;
use std::ops::Range;
use std::rc::Rc;

use super::Actor;
use crate::Result;
use crate::client::Answer;
use crate::dataset::{Dataset, TODOS, USERS, todo_id};

/// The number of todos that a sync sends.
const SYNCED: usize = 100;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Get,
    List,
    Tasks,
    Create,
    Patch,
    Sync,
}

/// A side of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Server,
    Floor,
}

impl Case {
    /// The name in the report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "`GET /todos/{id}`",
            Self::List => "`GET /todos`, 50 items",
            Self::Tasks => "`GET /api/tasks`, 1,000 tasks",
            Self::Create => "`POST /todos`",
            Self::Patch => "`PATCH /todos/{id}` with `version`",
            Self::Sync => "`POST /todos/sync`, 100 changed todos",
        }
    }

    /// The users whose todos it accesses. Readers may read all. Server and baseline write different
    /// users' todos, because a baseline keeps no clock; so do patches and syncs, because a sync
    /// would return what a patch changed.
    fn users(self, side: Side) -> Range<usize> {
        match (self, side) {
            (Self::Get | Self::List | Self::Tasks, _) => 0..USERS,
            (Self::Sync, _) => 0..250,
            (Self::Patch, Side::Server) => 250..500,
            (Self::Create, Side::Server) => 0..500,
            (Self::Patch | Self::Create, Side::Floor) => 500..1_000,
        }
    }

    /// One actor per connection. Each that writes has its own users.
    pub fn actors(self, side: Side, connections: usize, dataset: &Rc<Dataset>) -> Vec<Box<dyn Actor>> {
        let all = self.users(side);
        (0..connections)
            .map(|i| -> Box<dyn Actor> {
                let dataset = dataset.clone();
                match self {
                    Self::Get => Box::new(Get { dataset }),
                    Self::List => Box::new(List { path: "/api/v1/todos", dataset }),
                    Self::Tasks => Box::new(List { path: "/api/tasks", dataset }),
                    Self::Create => {
                        Box::new(Create { users: RoundRobin::new(all.clone(), i, connections), dataset })
                    }
                    Self::Patch => {
                        Box::new(Patch::new(RoundRobin::new(all.clone(), i, connections), dataset))
                    }
                    Self::Sync => Box::new(Sync {
                        users: RoundRobin::new(all.clone(), i, connections),
                        dataset,
                        user: 0,
                        first: 0,
                    }),
                }
            })
            .collect()
    }
}

/// The users of one connection, in rotation.
pub struct RoundRobin {
    users: Vec<usize>,
    position: usize,
}

impl RoundRobin {
    pub fn new(users: Range<usize>, connection: usize, connections: usize) -> Self {
        Self { users: users.skip(connection).step_by(connections).collect(), position: 0 }
    }

    fn next(&mut self) -> usize {
        let user = self.users[self.position % self.users.len()];
        self.position += 1;
        user
    }
}

/// A request without a body.
pub fn without_body(out: &mut Vec<u8>, request: std::fmt::Arguments<'_>, bearer: &str) {
    // Writing to a vector never fails.
    let _ = write!(out, "{request} HTTP/1.1\r\nHost: localhost\r\n{bearer}\r\n");
}

/// A request with a JSON body.
pub fn with_body(out: &mut Vec<u8>, request: std::fmt::Arguments<'_>, bearer: &str, body: &str) {
    let length = body.len();
    let _ = write!(
        out,
        "{request} HTTP/1.1\r\nHost: localhost\r\n{bearer}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
}

struct Get {
    dataset: Rc<Dataset>,
}

impl Actor for Get {
    fn request(&mut self, out: &mut Vec<u8>) {
        let (user, todo) = (self.dataset.random(USERS), self.dataset.random(TODOS));
        let id = todo_id(user, todo);
        without_body(out, format_args!("GET /api/v1/todos/{id}"), self.dataset.bearer(user));
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Result<()> {
        answer.expect(200)
    }
}

struct List {
    path: &'static str,
    dataset: Rc<Dataset>,
}

impl Actor for List {
    fn request(&mut self, out: &mut Vec<u8>) {
        let user = self.dataset.random(USERS);
        without_body(out, format_args!("GET {}", self.path), self.dataset.bearer(user));
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Result<()> {
        answer.expect(200)
    }
}

struct Create {
    users: RoundRobin,
    dataset: Rc<Dataset>,
}

impl Actor for Create {
    fn request(&mut self, out: &mut Vec<u8>) {
        let user = self.users.next();
        let body = r#"{"text":"Buy milk and bread on the way home"}"#;
        with_body(out, format_args!("POST /api/v1/todos"), self.dataset.bearer(user), body);
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Result<()> {
        answer.expect(201)
    }
}

/// Changes titles of todos, each with its current version.
pub struct Patch {
    users: RoundRobin,
    dataset: Rc<Dataset>,
    user: usize,
    todo: usize,
    /// Makes the start of each new title.
    pub mark: Box<dyn Fn() -> u128>,
}

impl Patch {
    pub fn new(users: RoundRobin, dataset: Rc<Dataset>) -> Self {
        Self { users, dataset, user: 0, todo: 0, mark: Box::new(|| 0) }
    }
}

impl Actor for Patch {
    fn request(&mut self, out: &mut Vec<u8>) {
        self.user = self.users.next();
        self.todo = self.dataset.random(TODOS);
        let version = self.dataset.version(self.user, self.todo);
        let mark = (self.mark)();
        let body = format!(r#"{{"text":"{mark} milk and bread, change {version}","version":{version}}}"#);
        let id = todo_id(self.user, self.todo);
        with_body(out, format_args!("PATCH /api/v1/todos/{id}"), self.dataset.bearer(self.user), &body);
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Result<()> {
        answer.expect(200)?;
        self.dataset.changed(self.user, self.todo);
        let version = self.dataset.version(self.user, self.todo);
        if answer.contains(&format!(r#""version":{version},"#)) { Ok(()) } else { Err(answer.unexpected()) }
    }
}

/// A device that is up to date sends a hundred changed todos.
struct Sync {
    users: RoundRobin,
    dataset: Rc<Dataset>,
    user: usize,
    first: usize,
}

impl Sync {
    fn todos(&self) -> impl Iterator<Item = usize> {
        (self.first..self.first + SYNCED).map(|todo| todo % TODOS)
    }
}

impl Actor for Sync {
    fn request(&mut self, out: &mut Vec<u8>) {
        self.user = self.users.next();
        self.first = self.dataset.random(TODOS);
        let mut body =
            format!(r#"{{"last_sync":"{}","todos":["#, self.dataset.cursor(self.user)).into_bytes();
        for (i, todo) in self.todos().enumerate() {
            let (id, version) = (todo_id(self.user, todo), self.dataset.version(self.user, todo));
            let comma = if i == 0 { "" } else { "," };
            let _ = write!(
                body,
                r#"{comma}{{"id":"{id}","text":"Milk and bread, change {version}","version":{version}}}"#
            );
        }
        body.extend_from_slice(b"]}");
        let body = String::from_utf8_lossy(&body);
        with_body(out, format_args!("POST /api/v1/todos/sync"), self.dataset.bearer(self.user), &body);
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Result<()> {
        answer.expect(200)?;
        let clean = [r#""server_changes":[]"#, r#""conflicts":[]"#, r#""rejected":[]"#];
        let cursor = answer.quoted_after(r#""sync_timestamp":""#);
        match cursor {
            Some(cursor) if clean.iter().all(|part| answer.contains(part)) => {
                self.todos().for_each(|todo| self.dataset.changed(self.user, todo));
                self.dataset.set_cursor(self.user, cursor);
                Ok(())
            }
            _ => Err(answer.unexpected()),
        }
    }
}
