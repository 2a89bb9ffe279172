//! The README's application, whose files run as they stand there.

use blackbox_tests::on_both_databases;

use super::{BetterAuth, add_task, caller, trusting_keys};

on_both_databases! {
    async fn the_page_of_the_readme_shows_the_tasks_of_whoever_is_logged_in(database: Database) {
        let mut app = BetterAuth::of_the_readme().await;
        let server = trusting_keys(database, &app).await;
        app.tell(&server.base_url);
        let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
        assert_eq!(ann.get("/tasks").await, "<ul></ul>", "the page's first request makes the user");
        add_task(&caller(&server, &ann).await, "Buy milk").await.expect(201);
        assert_eq!(ann.get("/tasks").await, "<ul><li>Buy milk</li></ul>");
        assert_eq!(bob.get("/tasks").await, "<ul></ul>");
        assert_eq!(app.sends_strangers_to("/tasks").await, "/login");
    }
}
