//! Every operation against every caller and every bad input.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use domain::session::{EndReason, Revocation, Revoked};
use serde_json::{Value, json};

use crate::world::{User, World};

/// What another user meets at the owner's todo.
#[derive(Clone, Copy)]
enum Strangers {
    /// 404: it is as if there were none.
    FindNothing,
    /// 403 `AUTHZ_001`.
    AreRefused,
    /// There is nothing of the owner's in the path.
    HaveTheirOwn,
}

/// One operation behind authentication. In `path`, `{uuid}`, `{number}` and `{user}` stand for the owner's.
struct Operation {
    method: Method,
    path: &'static str,
    good: Value,
    status: u16,
    bad: Vec<(Value, &'static str)>,
    strangers: Strangers,
}

impl Operation {
    fn tasks(&self) -> bool {
        self.path.starts_with("/api/")
    }

    /// The status of a bad input.
    fn invalid(&self) -> u16 {
        if self.tasks() { 400 } else { 422 }
    }
}

fn titles(max: usize) -> Vec<(Value, &'static str)> {
    vec![
        (json!({"title": " \n"}), "VALIDATION_004"),
        (json!({"title": "t".repeat(max + 1)}), "VALIDATION_005"),
        (json!({"title": "a\u{0}b"}), "VALIDATION_006"),
        (json!({"title": 7}), "VALIDATION_006"),
        (json!({"title": "t", "description": "d".repeat(10_001)}), "VALIDATION_005"),
        (json!({"title": "t", "description": ["d"]}), "VALIDATION_006"),
        (json!([]), "VALIDATION_006"),
    ]
}

fn with(mut bad: Vec<(Value, &'static str)>, more: &[(Value, &'static str)]) -> Vec<(Value, &'static str)> {
    bad.extend(more.iter().cloned());
    bad
}

fn operations() -> Vec<Operation> {
    use Strangers::{AreRefused, FindNothing, HaveTheirOwn};
    let missing = [(json!({}), "VALIDATION_004"), (json!({"title": null}), "VALIDATION_004")];
    let flag = |name: &str| {
        [
            (json!({"title": "t", name: "yes"}), "VALIDATION_006"),
            (json!({"title": "t", name: null}), "VALIDATION_006"),
        ]
    };
    let operation =
        |method, path, good, status, bad, strangers| Operation { method, path, good, status, bad, strangers };
    let title = json!({"title": "Buy bread"});
    let completion = vec![
        (json!({}), "VALIDATION_004"),
        (json!({"completed": null}), "VALIDATION_004"),
        (json!({"completed": 1}), "VALIDATION_006"),
    ];
    vec![
        operation(Method::GET, "/todos", Value::Null, 200, vec![], HaveTheirOwn),
        operation(Method::POST, "/todos", title.clone(), 201, with(titles(255), &missing), HaveTheirOwn),
        operation(Method::GET, "/todos/{uuid}", Value::Null, 200, vec![], AreRefused),
        operation(
            Method::PUT,
            "/todos/{uuid}",
            json!({"title": "t".repeat(255), "is_completed": true}),
            200,
            with(titles(255), &flag("is_completed")),
            AreRefused,
        ),
        operation(Method::DELETE, "/todos/{uuid}", Value::Null, 204, vec![], AreRefused),
        operation(Method::GET, "/api/tasks", Value::Null, 200, vec![], HaveTheirOwn),
        operation(Method::POST, "/api/tasks", title.clone(), 201, with(titles(200), &missing), HaveTheirOwn),
        operation(Method::GET, "/api/tasks/{number}", Value::Null, 200, vec![], FindNothing),
        operation(
            Method::PUT,
            "/api/tasks/{number}",
            json!({"title": "t".repeat(200)}),
            200,
            with(with(titles(200), &missing), &flag("completed")),
            FindNothing,
        ),
        operation(
            Method::PATCH,
            "/api/tasks/{number}/complete",
            json!({"completed": true}),
            200,
            completion,
            FindNothing,
        ),
        operation(Method::DELETE, "/api/tasks/{number}", Value::Null, 200, vec![], FindNothing),
        operation(Method::GET, "/api/{user}/tasks", Value::Null, 200, vec![], AreRefused),
        operation(Method::POST, "/api/{user}/tasks", title, 201, with(titles(200), &missing), AreRefused),
        operation(Method::GET, "/api/{user}/tasks/{number}", Value::Null, 200, vec![], AreRefused),
        operation(
            Method::PUT,
            "/api/{user}/tasks/{number}",
            json!({"completed": true}),
            200,
            with(titles(200), &flag("completed")),
            AreRefused,
        ),
        operation(Method::PATCH, "/api/{user}/tasks/{number}/complete", Value::Null, 200, vec![], AreRefused),
        operation(Method::DELETE, "/api/{user}/tasks/{number}", Value::Null, 200, vec![], AreRefused),
    ]
}

/// A world, the owner of a todo in it, and the path to that todo.
async fn scene(operation: &Operation) -> (World, User, String) {
    let world = World::new();
    let ann = world.user("ann").await;
    let todo = world.post(&ann.token, "/todos", json!({"title": "Buy milk"})).await.expect(201);
    let task = world.get(&ann.token, "/api/tasks").await.expect(200)[0]["id"].to_string();
    let path = operation.path.replace("{uuid}", todo["id"].as_str().expect("text"));
    let path = path.replace("{number}", &task).replace("{user}", &ann.id);
    (world, ann, path)
}

#[actix_web::test]
async fn the_owner_gets_an_answer_and_others_what_the_surface_has_for_them() {
    for operation in operations() {
        let (world, ann, path) = scene(&operation).await;
        let bob = world.user("bob").await;
        let call = async |token: &str| {
            world.call(token, operation.method.clone(), &path, operation.good.clone()).await
        };
        let answer = call(&bob.token).await;
        match operation.strangers {
            Strangers::FindNothing => answer.refused(404, "RESOURCE_001"),
            Strangers::AreRefused => answer.refused(403, "AUTHZ_001"),
            Strangers::HaveTheirOwn => drop(answer.expect(operation.status)),
        }
        call(&ann.token).await.expect(operation.status);
    }
}

#[actix_web::test]
async fn who_has_no_good_token_is_told_why_before_anything_else() {
    for operation in operations() {
        let (world, ann, path) = scene(&operation).await;
        let call = async |token: &str| {
            world.call(token, operation.method.clone(), &path, operation.good.clone()).await
        };
        call("").await.refused(401, "AUTH_005");
        call("nonsense").await.refused(401, "AUTH_005");
        call(&ann.refresh).await.refused(401, "AUTH_005");
        let (head, _) = ann.token.rsplit_once('.').expect("a JWT");
        call(&format!("{head}.{}", "A".repeat(43))).await.refused(401, "AUTH_006");

        world.post(&ann.token, "/auth/logout", Value::Null).await.expect(200);
        call(&ann.token).await.refused(401, "AUTH_004");

        let (late, _) = world.log_in("ann").await;
        world.wait(Duration::from_hours(2));
        call(&late).await.refused(401, "AUTH_002");
        assert!(world.store_is_untouched(&ann).await);
    }
}

#[actix_web::test]
async fn every_bad_input_has_its_code_and_changes_nothing() {
    for operation in operations() {
        let (world, ann, path) = scene(&operation).await;
        for (bad, code) in &operation.bad {
            let answer = world.call(&ann.token, operation.method.clone(), &path, bad.clone()).await;
            answer.refused(operation.invalid(), code);
            assert!(answer.body["details"]["errors"][0]["field"].is_string(), "{answer:?}");
        }
        if !operation.bad.is_empty() {
            let raw = |body: &'static str, content_type: &'static str| {
                TestRequest::default()
                    .method(operation.method.clone())
                    .uri(&path)
                    .insert_header(("authorization", format!("Bearer {}", ann.token)))
                    .insert_header(("content-type", content_type))
                    .set_payload(body)
            };
            world.send(raw("{", "application/json")).await.refused(400, "VALIDATION_009");
            world.send(raw("{}", "text/plain")).await.refused(415, "VALIDATION_011");
            let large = json!({"title": "t".repeat(3 * 1024 * 1024)});
            let answer = world.call(&ann.token, operation.method.clone(), &path, large).await;
            answer.refused(413, "VALIDATION_010");
        }
        assert!(world.store_is_untouched(&ann).await);
    }
}

#[actix_web::test]
async fn an_outage_is_500_with_a_time_to_try_again() {
    for operation in operations() {
        let (world, ann, path) = scene(&operation).await;
        let call =
            async || world.call(&ann.token, operation.method.clone(), &path, operation.good.clone()).await;
        world.store.set_available(false);
        let answer = call().await;
        answer.refused(500, "SERVER_001");
        assert_eq!(answer.header("retry-after"), Some("1"));
        world.store.set_available(true);

        world.clock.advance(Duration::from_secs(11));
        let answer = call().await;
        answer.refused(500, "SERVER_003");
        assert_eq!(answer.header("retry-after"), Some("1"));
        world.hear();
        assert!(world.store_is_untouched(&ann).await);
        call().await.expect(operation.status);
    }
}

#[actix_web::test]
async fn a_user_who_is_gone_is_locked_out() {
    for operation in operations() {
        let (world, ann, path) = scene(&operation).await;
        let now = domain::Clock::now(&*world.clock);
        let what = Revoked::User(ann.user_id());
        let (reason, until) = (EndReason::AccountDeleted, now.plus(Duration::from_hours(1)));
        world.revocations.add(&[Revocation { what, user: ann.user_id(), reason, at: now, until }]);
        let answer = world.call(&ann.token, operation.method.clone(), &path, operation.good.clone()).await;
        answer.refused(401, "AUTH_004");
    }
}

#[actix_web::test]
async fn a_known_path_names_its_methods_and_an_unknown_one_is_404_on_every_surface() {
    let world = World::new();
    for (method, path, allow) in [
        (Method::PATCH, "/todos", "GET, HEAD, POST"),
        (Method::POST, "/todos/x", "GET, HEAD, PUT, DELETE"),
        (Method::GET, "/auth/login", "POST"),
        (Method::DELETE, "/api/tasks", "GET, HEAD, POST"),
        (Method::PUT, "/api/tasks/7/complete", "PATCH"),
        (Method::PUT, "/api/someone/tasks", "GET, HEAD, POST"),
        (Method::PATCH, "/api/someone/tasks/7", "GET, HEAD, PUT, DELETE"),
        (Method::GET, "/api/auth/signup", "POST"),
    ] {
        let answer = world.call("", method.clone(), path, Value::Null).await;
        answer.refused(405, "RESOURCE_003");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
    for path in [
        "/auth",
        "/auth/nowhere",
        "/todos/a/b",
        "/api",
        "/api/nowhere",
        "/api/tasks/7/8/9",
        "/api/v1/tasks",
        "/api/v1/tasks/7",
    ] {
        world.get("", path).await.refused(404, "RESOURCE_003");
    }
}

impl World {
    /// Whether the owner still has the one todo of the scene as it was made.
    async fn store_is_untouched(&self, owner: &User) -> bool {
        let (token, _) = self.log_in("ann").await;
        let tasks = self.get(&token, "/api/tasks").await.expect(200);
        let task = &tasks[0];
        assert_eq!(task["user_id"], owner.id.as_str());
        tasks.as_array().map(Vec::len) == Some(1)
            && task["title"] == "Buy milk"
            && task["completed"] == false
            && task["created_at"] == task["updated_at"]
    }
}
