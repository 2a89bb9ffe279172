//! The operations on todos, tasks and users, and the logins beside v1.

use actix_web::http::Method;
use domain::code::ErrorCode::{
    CurrentPasswordWrong, EmailInvalid, EmailTaken, FieldRequired, PasswordUnchanged, PasswordWeak,
    TokenMalformed, ValueInvalid, ValueTooLong,
};
use serde_json::{Value, json};

use super::operation::Access::{
    AllUsers, ForbiddenToOthers, ForbiddenToOthersUnread, NotFoundToOthers, Public,
};
use super::operation::Operation;
use crate::harness::PASSWORD;

pub fn operations() -> Vec<Operation> {
    let mut all = accounts();
    all.extend(todos());
    all.extend(tasks());
    all.extend(user_tasks());
    all.extend(v1_todos());
    all.extend(v1_users());
    all
}

fn account(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

fn accounts() -> Vec<Operation> {
    let new = account("{fresh}@example.com", PASSWORD);
    let ann = account("ann@example.com", PASSWORD);
    let addresses = || [json!({}), account("ann", PASSWORD), json!({"email": null, "password": PASSWORD})];
    let no_password =
        || [json!({"email": "x@example.com"}), json!({"email": "x@example.com", "password": null})];
    let wrong_types =
        || [json!({"email": 7, "password": PASSWORD}), json!({"email": "x@example.com", "password": 7})];
    let registration = |path| {
        Operation::new(Method::POST, path, 201, Public)
            .body(new.clone())
            .refuses(EmailInvalid, addresses())
            .refuses(EmailTaken, [account("ANN@example.com", PASSWORD)])
            .refuses(FieldRequired, no_password())
            .refuses(ValueInvalid, wrong_types())
            .refuses(
                PasswordWeak,
                [account("x@example.com", "short"), account("x@example.com", &"Aa1!".repeat(19))],
            )
    };
    let login = |path| {
        Operation::new(Method::POST, path, 200, Public)
            .body(ann.clone())
            .refuses(EmailInvalid, addresses())
            .refuses(FieldRequired, no_password())
            .refuses(ValueInvalid, wrong_types())
    };
    let change = |current: Value, new: Value| json!({"current_password": current, "new_password": new});
    vec![
        registration("/auth/register").refuses(PasswordWeak, [account("x@example.com", "ZebraStripe7")]),
        login("/auth/login"),
        Operation::new(Method::POST, "/auth/refresh", 200, Public)
            .body(json!({"refresh_token": "{refresh}"}))
            .refuses(ValueInvalid, [json!({"refresh_token": 7})])
            .refuses(TokenMalformed, [json!({}), json!({"refresh_token": "x"})]),
        Operation::new(Method::POST, "/auth/logout", 200, AllUsers)
            .body(json!({"refresh_token": "{refresh}"}))
            .refuses(ValueInvalid, [json!({"refresh_token": 7})])
            .refuses(TokenMalformed, [json!({"refresh_token": "x"})]),
        Operation::new(Method::POST, "/auth/change-password", 200, AllUsers)
            .body(change(json!(PASSWORD), json!("Giraffe-Spot-8")))
            .refuses(FieldRequired, [json!({}), change(json!(null), json!("Giraffe-Spot-8"))])
            .refuses(ValueInvalid, [change(json!(7), json!("Giraffe-Spot-8"))])
            .refuses(CurrentPasswordWrong, [change(json!("wrong"), json!("Giraffe-Spot-8"))])
            .refuses(PasswordUnchanged, [change(json!(PASSWORD), json!(PASSWORD))])
            .refuses(PasswordWeak, [change(json!(PASSWORD), json!("GiraffeSpot8"))]),
        registration("/api/auth/signup").refuses(
            ValueTooLong,
            [json!({"email": "x@example.com", "password": PASSWORD, "name": "n".repeat(101)})],
        ),
        login("/api/auth/signin"),
    ]
}

fn todos() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/todos", 200, AllUsers).refuses_queries(&[
            "skip=-1",
            "limit=0",
            "limit=101",
            "limit=x",
            "is_completed=2",
            "sort_by=id",
            "sort_order=up",
            "skip=1&skip=2",
        ]),
        Operation::new(Method::POST, "/todos", 201, AllUsers)
            .body(json!({"title": "Buy bread"}))
            .titled("title", 255)
            .requires("title"),
        Operation::new(Method::GET, "/todos/{uuid}", 200, ForbiddenToOthers),
        Operation::new(Method::PUT, "/todos/{uuid}", 200, ForbiddenToOthers)
            .body(json!({"title": "t".repeat(255), "is_completed": true}))
            .titled("title", 255)
            .flagged("is_completed"),
        Operation::new(Method::DELETE, "/todos/{uuid}", 204, ForbiddenToOthers),
    ]
}

fn tasks() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/api/tasks", 200, AllUsers).refuses_queries(&[
            "status=done",
            "limit=0",
            "limit=1001",
            "limit=x",
            "offset=-1",
            "limit=1&limit=1",
        ]),
        Operation::new(Method::POST, "/api/tasks", 201, AllUsers)
            .body(json!({"title": "Buy bread"}))
            .titled("title", 200)
            .requires("title"),
        Operation::new(Method::GET, "/api/tasks/{number}", 200, NotFoundToOthers),
        Operation::new(Method::PUT, "/api/tasks/{number}", 200, NotFoundToOthers)
            .body(json!({"title": "t".repeat(200)}))
            .titled("title", 200)
            .requires("title")
            .flagged("completed"),
        Operation::new(Method::PATCH, "/api/tasks/{number}/complete", 200, NotFoundToOthers)
            .body(json!({"completed": true}))
            .requires("completed")
            .refuses(ValueInvalid, [json!({"completed": "yes"}), json!({"completed": 2})]),
        Operation::new(Method::DELETE, "/api/tasks/{number}", 200, NotFoundToOthers),
    ]
}

fn user_tasks() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/api/{user}/tasks", 200, ForbiddenToOthersUnread)
            .refuses_queries(&["status=done"]),
        Operation::new(Method::POST, "/api/{user}/tasks", 201, ForbiddenToOthersUnread)
            .body(json!({"title": "Buy bread"}))
            .titled("title", 200)
            .requires("title"),
        Operation::new(Method::GET, "/api/{user}/tasks/{number}", 200, ForbiddenToOthersUnread),
        Operation::new(Method::PUT, "/api/{user}/tasks/{number}", 200, ForbiddenToOthersUnread)
            .body(json!({"completed": true}))
            .titled("title", 200)
            .flagged("completed"),
        Operation::new(Method::PATCH, "/api/{user}/tasks/{number}/complete", 200, ForbiddenToOthersUnread),
        Operation::new(Method::DELETE, "/api/{user}/tasks/{number}", 200, ForbiddenToOthersUnread),
    ]
}

fn v1_todos() -> Vec<Operation> {
    let queries =
        ["page=0", "per_page=101", "filter=done", "sort=up", "since=yesterday", "include_deleted=2"];
    let items = |item: Value| json!({"todos": [item]});
    vec![
        Operation::new(Method::GET, "/api/v1/todos", 200, AllUsers).refuses_queries(&queries),
        Operation::new(Method::POST, "/api/v1/todos", 201, AllUsers)
            .body(json!({"text": "Buy bread"}))
            .titled("text", 500)
            .requires("text"),
        Operation::new(Method::GET, "/api/v1/todos/{uuid}", 200, NotFoundToOthers)
            .refuses_queries(&["include_deleted=2"]),
        Operation::new(Method::PATCH, "/api/v1/todos/{uuid}", 200, NotFoundToOthers)
            .body(json!({"text": "Buy bread", "version": 1}))
            .titled("text", 500)
            .refuses(ValueInvalid, [json!({"version": "1"}), json!({"completed": "yes"})]),
        Operation::new(Method::DELETE, "/api/v1/todos/{uuid}", 204, NotFoundToOthers)
            .refuses_queries(&["version=x"]),
        Operation::new(Method::POST, "/api/v1/todos/{uuid}/restore", 200, NotFoundToOthers),
        Operation::new(Method::POST, "/api/v1/todos/bulk", 201, AllUsers)
            .body(items(json!({"text": "Buy bread"})))
            .requires("todos")
            .refuses(FieldRequired, [items(json!({"text": " "}))])
            .refuses(ValueInvalid, [json!({"todos": 7}), items(json!(7))]),
        Operation::new(Method::PATCH, "/api/v1/todos/bulk", 200, AllUsers)
            .body(items(json!({"id": "{uuid}", "completed": true})))
            .requires("todos")
            .refuses(ValueInvalid, [json!({"todos": 7}), items(json!(7))]),
        Operation::new(Method::POST, "/api/v1/todos/sync", 200, AllUsers)
            .body(json!({"client_id": "phone", "todos": [{"id": "{uuid}", "completed": true, "version": 1}]}))
            .refuses(ValueInvalid, [json!({"last_sync": 7}), json!({"todos": 7}), json!({"strategy": "up"})]),
    ]
}

fn v1_users() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/api/v1/users/me", 200, AllUsers),
        Operation::new(Method::PATCH, "/api/v1/users/me", 200, AllUsers)
            .body(json!({"display_name": "Ann"}))
            .refuses(FieldRequired, [json!({"display_name": " "})])
            .refuses(ValueTooLong, [json!({"display_name": "n".repeat(101)})])
            .refuses(
                ValueInvalid,
                [json!({"display_name": 7}), json!({"display_name": "a\u{0}b"}), json!({"email": 7})],
            )
            .refuses(EmailInvalid, [json!({"email": "ann", "current_password": PASSWORD})]),
        Operation::new(Method::DELETE, "/api/v1/users/me", 204, AllUsers)
            .body(json!({"password": PASSWORD}))
            .refuses(ValueInvalid, [json!({"password": 7})]),
        Operation::new(Method::GET, "/api/v1/users/me/export", 200, AllUsers),
        Operation::new(Method::GET, "/api/v1/users/me/devices", 200, AllUsers),
        Operation::new(Method::DELETE, "/api/v1/users/me/devices/{device}", 204, NotFoundToOthers),
    ]
}
