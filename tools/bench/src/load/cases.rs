//! The requests that are measured.

use std::io::Write as _;
use std::ops::Range;
use std::rc::Rc;

use super::{Actor, Answer};
use crate::Result;
use crate::world::{TODOS, USERS, World, todo_id};

/// How many todos a sync sends.
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

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Server,
    Floor,
}

impl Case {
    /// As the tables name it.
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

    /// Whose todos it may touch. Readers may read anything. Two sides never write the same user's, as a floor keeps no clock; nor
    /// do patches and syncs, as a device that syncs would have to be sent what a patch changed.
    fn users(self, side: Side) -> Range<usize> {
        match (self, side) {
            (Self::Get | Self::List | Self::Tasks, _) => 0..USERS,
            (Self::Sync, _) => 0..250,
            (Self::Patch, Side::Server) => 250..500,
            (Self::Create, Side::Server) => 0..500,
            (Self::Patch | Self::Create, Side::Floor) => 500..1_000,
        }
    }

    /// One actor per connection; those that write have users of their own.
    pub fn actors(self, side: Side, connections: usize, world: &Rc<World>) -> Vec<Box<dyn Actor>> {
        let all = self.users(side);
        (0..connections)
            .map(|i| -> Box<dyn Actor> {
                let world = world.clone();
                match self {
                    Self::Get => Box::new(Get { world }),
                    Self::List => Box::new(List { path: "/api/v1/todos", world }),
                    Self::Tasks => Box::new(List { path: "/api/tasks", world }),
                    Self::Create => {
                        Box::new(Create { turns: Turns::new(all.clone(), i, connections), world })
                    }
                    Self::Patch => Box::new(Patch::new(Turns::new(all.clone(), i, connections), world)),
                    Self::Sync => Box::new(Sync {
                        turns: Turns::new(all.clone(), i, connections),
                        world,
                        user: 0,
                        first: 0,
                    }),
                }
            })
            .collect()
    }
}

/// A connection's users, one after the other.
pub struct Turns {
    users: Vec<usize>,
    next: usize,
}

impl Turns {
    pub fn new(users: Range<usize>, connection: usize, connections: usize) -> Self {
        Self { users: users.skip(connection).step_by(connections).collect(), next: 0 }
    }

    fn user(&mut self) -> usize {
        let user = self.users[self.next % self.users.len()];
        self.next += 1;
        user
    }
}

/// A request without a body.
fn bare(out: &mut Vec<u8>, request: std::fmt::Arguments<'_>, bearer: &str) {
    // Writing to a vector does not fail.
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
    world: Rc<World>,
}

impl Actor for Get {
    fn request(&mut self, out: &mut Vec<u8>) {
        let (user, todo) = (self.world.random(USERS), self.world.random(TODOS));
        let id = todo_id(user, todo);
        bare(out, format_args!("GET /api/v1/todos/{id}"), self.world.bearer(user));
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Result<()> {
        answer.expect(200)
    }
}

struct List {
    path: &'static str,
    world: Rc<World>,
}

impl Actor for List {
    fn request(&mut self, out: &mut Vec<u8>) {
        let user = self.world.random(USERS);
        bare(out, format_args!("GET {}", self.path), self.world.bearer(user));
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Result<()> {
        answer.expect(200)
    }
}

struct Create {
    turns: Turns,
    world: Rc<World>,
}

impl Actor for Create {
    fn request(&mut self, out: &mut Vec<u8>) {
        let user = self.turns.user();
        let body = r#"{"text":"Buy milk and bread on the way home"}"#;
        with_body(out, format_args!("POST /api/v1/todos"), self.world.bearer(user), body);
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Result<()> {
        answer.expect(201)
    }
}

/// Changes the title of one todo after the other, each on the version it has.
pub struct Patch {
    turns: Turns,
    world: Rc<World>,
    user: usize,
    todo: usize,
    /// What stands at the start of the new title.
    pub mark: Box<dyn Fn() -> u128>,
}

impl Patch {
    pub fn new(turns: Turns, world: Rc<World>) -> Self {
        Self { turns, world, user: 0, todo: 0, mark: Box::new(|| 0) }
    }
}

impl Actor for Patch {
    fn request(&mut self, out: &mut Vec<u8>) {
        self.user = self.turns.user();
        self.todo = self.world.random(TODOS);
        let version = self.world.version(self.user, self.todo);
        let mark = (self.mark)();
        let body = format!(r#"{{"text":"{mark} milk and bread, change {version}","version":{version}}}"#);
        let id = todo_id(self.user, self.todo);
        with_body(out, format_args!("PATCH /api/v1/todos/{id}"), self.world.bearer(self.user), &body);
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Result<()> {
        answer.expect(200)?;
        self.world.changed(self.user, self.todo);
        let version = self.world.version(self.user, self.todo);
        if answer.holds(&format!(r#""version":{version},"#)) { Ok(()) } else { Err(answer.unexpected()) }
    }
}

/// A device that has everything sends a hundred changed todos.
struct Sync {
    turns: Turns,
    world: Rc<World>,
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
        self.user = self.turns.user();
        self.first = self.world.random(TODOS);
        let mut body = format!(r#"{{"last_sync":"{}","todos":["#, self.world.cursor(self.user)).into_bytes();
        for (i, todo) in self.todos().enumerate() {
            let (id, version) = (todo_id(self.user, todo), self.world.version(self.user, todo));
            let comma = if i == 0 { "" } else { "," };
            let _ = write!(
                body,
                r#"{comma}{{"id":"{id}","text":"Milk and bread, change {version}","version":{version}}}"#
            );
        }
        body.extend_from_slice(b"]}");
        let body = String::from_utf8_lossy(&body);
        with_body(out, format_args!("POST /api/v1/todos/sync"), self.world.bearer(self.user), &body);
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Result<()> {
        answer.expect(200)?;
        let clean = [r#""server_changes":[]"#, r#""conflicts":[]"#, r#""rejected":[]"#];
        let cursor = answer.quoted_after(r#""sync_timestamp":""#);
        match cursor {
            Some(cursor) if clean.iter().all(|part| answer.holds(part)) => {
                self.todos().for_each(|todo| self.world.changed(self.user, todo));
                self.world.moved(self.user, cursor);
                Ok(())
            }
            _ => Err(answer.unexpected()),
        }
    }
}
