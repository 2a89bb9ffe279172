//! Runs the app of `docs/better-auth.md` as printed.

use blackbox_tests::on_both_databases;

use super::{BetterAuth, add_task, caller, trusting_keys};

on_both_databases! {
    async fn the_page_of_the_guide_shows_the_tasks_of_the_current_user(database: Database) {
        let mut app = BetterAuth::of_the_guide().await;
        let server = trusting_keys(database, &app).await;
        app.send_line(&server.base_url);
        let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
        assert_eq!(ann.get("/tasks").await, "<ul></ul>", "the page's first request creates the user");
        add_task(&caller(&server, &ann).await, "Buy milk").await.expect(201);
        assert_eq!(ann.get("/tasks").await, "<ul><li>Buy milk</li></ul>");
        assert_eq!(bob.get("/tasks").await, "<ul></ul>");
        assert_eq!(app.redirects_anonymous_from("/tasks").await, "/login");
    }
}
