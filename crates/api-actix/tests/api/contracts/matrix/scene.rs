//! The callers, and the todo that they call for.

use std::cell::Cell;
use std::time::Duration;

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::operation::{Input, Operation};
use crate::harness::{Answer, TestApi, User};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// No token.
    Anonymous,
    /// An expired token.
    Expired,
    /// A token of a session that has logged out.
    Revoked,
    /// Another user.
    Other,
    /// The owner of the resource in the path.
    Owner,
}

impl Caller {
    /// Every caller. The owner comes last, whose calls change the resource.
    pub const ALL: [Self; 5] = [Self::Anonymous, Self::Expired, Self::Revoked, Self::Other, Self::Owner];
}

/// A todo, and a token of each caller.
pub struct Scene {
    pub api: TestApi,
    pub owner: User,
    other: User,
    expired: String,
    revoked: String,
    uuid: String,
    number: String,
    device: String,
    fresh: Cell<u32>,
}

impl Scene {
    pub async fn new() -> Self {
        let api = TestApi::new();
        let (early, other) = (api.user("ann").await, api.user("bob").await);
        api.advance(Duration::from_hours(2));
        let (revoked, _) = api.log_in("ann").await;
        api.post(&revoked, "/auth/logout", Value::Null).await.expect(200);
        let (token, refresh) = api.log_in("bob").await;
        let other = User { token, refresh, ..other };
        let (token, refresh) = api.log_in("ann").await;
        let owner = User { token, refresh, ..early.clone() };
        let todo = api.post(&owner.token, "/todos", json!({"title": "Buy milk"})).await.expect(201);
        let task = api.get(&owner.token, "/api/tasks").await.expect(200)[0]["id"].to_string();
        let devices = api.get(&owner.token, "/api/v1/users/me/devices").await.expect(200);
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let (uuid, device) = (text(&todo["id"]), text(&devices[0]["id"]));
        let expired = early.token;
        Self { api, owner, other, expired, revoked, uuid, number: task, device, fresh: Cell::new(0) }
    }

    fn token(&self, caller: Caller) -> &str {
        match caller {
            Caller::Anonymous => "",
            Caller::Expired => &self.expired,
            Caller::Revoked => &self.revoked,
            Caller::Other => &self.other.token,
            Caller::Owner => &self.owner.token,
        }
    }

    fn filled(&self, text: &str) -> String {
        self.fresh.set(self.fresh.get() + 1);
        text.replace("{uuid}", &self.uuid)
            .replace("{number}", &self.number)
            .replace("{device}", &self.device)
            .replace("{user}", &self.owner.id.to_string())
            .replace("{refresh}", &self.owner.refresh)
            .replace("{fresh}", &format!("new-{}", self.fresh.get()))
    }

    pub async fn call(&self, operation: &Operation, caller: Caller, input: &Input) -> Answer {
        let path = self.filled(operation.path);
        let request = |path: &str| {
            let request = TestRequest::default().method(operation.method.clone()).uri(path);
            match self.token(caller) {
                "" => request,
                token => request.insert_header(("authorization", format!("Bearer {token}"))),
            }
        };
        let with_body = |content_type, body: String| {
            request(&path).insert_header(("content-type", content_type)).set_payload(body)
        };
        self.api
            .send(match input {
                Input::Body(Value::Null) => request(&path),
                Input::Body(body) => with_body("application/json", self.filled(&body.to_string())),
                Input::Query(query) => request(&format!("{path}?{query}")),
                Input::Raw(content_type, body) => with_body(content_type, body.clone()),
            })
            .await
    }

    /// Fails unless the owner has the scene's todo alone, unchanged.
    pub async fn expect_untouched(&self) {
        let (token, _) = self.api.log_in("ann").await;
        let tasks = self.api.get(&token, "/api/tasks").await.expect(200);
        assert_eq!(tasks.as_array().map(Vec::len), Some(1), "{tasks}");
        let task = &tasks[0];
        assert_eq!(task["user_id"], self.owner.id.to_string());
        assert_eq!((&task["title"], &task["completed"]), (&json!("Buy milk"), &json!(false)));
        assert_eq!(task["created_at"], task["updated_at"]);
    }
}
