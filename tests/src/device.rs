//! A simulated device: it stores its todos, works offline, and syncs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::client::{Answer, Client};

/// One device of one user.
pub struct Device {
    client: Client,
    name: String,
    /// The todos that the device shows, by id.
    pub todos: BTreeMap<String, Value>,
    unsent: BTreeMap<String, Value>,
    cursor: Value,
}

impl Device {
    /// Creates a device that has never synced.
    #[must_use]
    pub fn new(client: &Client, name: &str) -> Self {
        let (todos, unsent) = (BTreeMap::new(), BTreeMap::new());
        Self { client: client.clone(), name: name.to_owned(), todos, unsent, cursor: Value::Null }
    }

    /// Changes fields of a todo on the device only; an unknown id creates a todo.
    pub fn edit(&mut self, id: &str, fields: Value) {
        let known = self.todos.entry(id.to_owned()).or_insert_with(|| json!({"id": id, "version": 0}));
        let change = self
            .unsent
            .entry(id.to_owned())
            .or_insert_with(|| json!({"id": id, "version": known["version"]}));
        let Value::Object(fields) = fields else { panic!("fields are an object") };
        for (name, value) in fields {
            known[&name] = value.clone();
            change[&name] = value;
        }
    }

    /// Deletes a todo on the device only.
    pub fn delete(&mut self, id: &str) {
        self.edit(id, json!({"deleted": true}));
    }

    /// The sync request that the device would send now.
    #[must_use]
    pub fn request(&self, strategy: &str) -> Value {
        json!({"last_sync": self.cursor, "strategy": strategy, "client_id": self.name,
               "todos": self.unsent.values().collect::<Vec<_>>()})
    }

    /// Syncs until there is nothing more to receive; returns the first answer.
    pub async fn sync(&mut self, strategy: &str) -> Value {
        let first = self.exchange(strategy).await;
        let mut more = first["has_more"] == true;
        while more {
            more = self.exchange(strategy).await["has_more"] == true;
        }
        first
    }

    async fn exchange(&mut self, strategy: &str) -> Value {
        let answer = self.client.post("/api/v1/todos/sync", self.request(strategy)).await.expect(200);
        self.apply(&answer)
    }

    /// Applies an answer to [`Device::request`].
    pub fn apply(&mut self, answer: &Answer) -> Value {
        let body = answer.json();
        for (id, version) in body["versions"].as_object().expect("versions") {
            if let Some(todo) = self.todos.get_mut(id) {
                todo["version"] = version.clone();
            }
        }
        self.unsent.clear();
        let conflicts = body["conflicts"].as_array().expect("conflicts").iter().map(|c| &c["server_data"]);
        for todo in body["server_changes"].as_array().expect("server_changes").iter().chain(conflicts) {
            self.todos.insert(todo["id"].as_str().expect("an id").to_owned(), todo.clone());
        }
        self.todos.retain(|_, todo| todo["deleted"] != true && todo["deleted_at"].as_str().is_none());
        self.cursor = body["sync_timestamp"].clone();
        body
    }

    /// The text and the completed flag of each todo, sorted.
    #[must_use]
    pub fn shown(&self) -> Vec<(String, bool)> {
        let mut all: Vec<_> = self
            .todos
            .values()
            .map(|todo| (todo["text"].as_str().unwrap_or_default().to_owned(), todo["completed"] == true))
            .collect();
        all.sort();
        all
    }
}
