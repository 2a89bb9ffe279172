//! `/api/v1/users/me`.

use blackbox_tests::on_both_databases;
use expect_test::expect;
use serde_json::{Value, json};

const ME: &str = "/api/v1/users/me";

on_both_databases! {
    async fn users_see_and_rename_themselves(server: Server) {
        let (ann, _) = server.client().register("ann@example.com").await;
        let (bob, _) = server.client().register("bob@example.com").await;
        let me = ann.get(ME).await;
        expect![[r#"
            200
            cache-control: private, no-store
            {"created_at": "[time]", "display_name": null, "email": "ann@example.com", "email_verified": false,
             "has_password": true, "id": "[id]", "last_login": "[time]", "providers": []}
        "#]]
        .assert_eq(&me.to_string());
        let renamed = ann.patch(ME, json!({"display_name": "  Ann  "})).await;
        expect![[r#"
            200
            cache-control: private, no-store
            {"created_at": "[time]", "display_name": "Ann", "email": "ann@example.com", "email_verified": false,
             "has_password": true, "id": "[id]", "last_login": "[time]", "providers": []}
        "#]]
        .assert_eq(&renamed.to_string());
        assert_eq!(ann.get(ME).await.json()["display_name"], "Ann");
        assert_eq!(bob.get(ME).await.json()["display_name"], Value::Null);
        // An empty body changes nothing; null clears the name.
        assert_eq!(ann.patch(ME, json!({})).await.expect(200).json()["display_name"], "Ann");
        let cleared = ann.patch(ME, json!({"display_name": null})).await.expect(200).json();
        assert_eq!(cleared["display_name"], Value::Null);
    }
}
