//! Long lists of tasks.

use domain::todo::TodoStore as _;
use domain_testkit::build::{T0, batch, create, todo_id};
use serde_json::json;

use crate::world::World;

#[actix_web::test]
async fn ten_thousand_tasks_come_in_one_answer_each_once_and_the_newest_first() {
    let world = World::new();
    let ann = world.user("ann").await;
    for part in 0..10 {
        let changes: Vec<_> =
            (0..1000).map(|n| create(todo_id(), &format!("task {}", 1000 * part + n))).collect();
        world.store.commit(ann.user_id(), batch(changes), T0).await.expect("commit answers");
    }
    for path in ["/api/tasks".to_owned(), format!("/api/{}/tasks", ann.id)] {
        let answer = world.get(&ann.token, &path).await;
        assert_eq!(answer.header("x-total-count"), Some("10000"));
        let tasks = answer.expect(200);
        let tasks = tasks.as_array().expect("an array");
        let numbers: Vec<_> = tasks.iter().map(|task| task["id"].as_i64().expect("an integer")).collect();
        assert_eq!(numbers.len(), 10_000);
        assert!(numbers.is_sorted_by(|a, b| a > b));
        assert_eq!(tasks[0]["title"], json!("task 9999"));
    }
    let rest = world.get(&ann.token, "/api/tasks?offset=9998").await.expect(200);
    assert_eq!(rest.as_array().map(Vec::len), Some(2));
}
