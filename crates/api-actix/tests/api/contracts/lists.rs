//! Long lists of tasks.

use std::future::poll_fn;
use std::pin::pin;

use domain::todo::{Action, Description, TodoStore as _};
use domain_testkit::build::{T0, batch, create, todo_id};
use serde_json::json;

use crate::harness::TestApi;

/// Counts the polls until a future is ready, and returns its output.
async fn count_polls<T>(future: impl Future<Output = T>) -> (usize, T) {
    let (mut future, mut polls) = (pin!(future), 0);
    let output = poll_fn(|context| {
        polls += 1;
        future.as_mut().poll(context)
    });
    let output = output.await;
    (polls, output)
}

#[actix_web::test]
async fn a_long_list_yields_to_other_requests_while_it_is_serialised() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    let long = "d".repeat(1000);
    let changes: Vec<_> = (0..1000)
        .map(|n| {
            let mut change = create(todo_id(), &format!("task {n}"));
            if let Action::Create(new) = &mut change.action {
                new.description = Description::parse(&long).ok();
            }
            change
        })
        .collect();
    let (few, _) = count_polls(api.get(&ann.token, "/api/tasks")).await;
    api.store.commit(ann.id, batch(changes), T0).await.expect("commit answers");
    for path in ["/api/tasks".to_owned(), format!("/api/{}/tasks", ann.id)] {
        let (many, answer) = count_polls(api.get(&ann.token, &path)).await;
        // The in-memory store never waits, so only the handler can yield.
        let kilobytes = answer.expect(200).to_string().len() / 1000;
        assert!(many - few >= kilobytes / 70, "{many} polls for {kilobytes} kB");
    }
}

#[actix_web::test]
async fn ten_thousand_tasks_come_in_one_answer_newest_first() {
    let api = TestApi::new();
    let ann = api.user("ann").await;
    for part in 0..10 {
        let changes: Vec<_> =
            (0..1000).map(|n| create(todo_id(), &format!("task {}", 1000 * part + n))).collect();
        api.store.commit(ann.id, batch(changes), T0).await.expect("commit answers");
    }
    for path in ["/api/tasks".to_owned(), format!("/api/{}/tasks", ann.id)] {
        let answer = api.get(&ann.token, &path).await;
        assert_eq!(answer.header("x-total-count"), Some("10000"));
        let tasks = answer.expect(200);
        let tasks = tasks.as_array().expect("an array");
        let numbers: Vec<_> = tasks.iter().map(|task| task["id"].as_i64().expect("an integer")).collect();
        assert_eq!(numbers.len(), 10_000);
        assert!(numbers.is_sorted_by(|a, b| a > b));
        assert_eq!(tasks[0]["title"], json!("task 9999"));
    }
    let rest = api.get(&ann.token, "/api/tasks?offset=9998").await.expect(200);
    assert_eq!(rest.as_array().map(Vec::len), Some(2));
}
