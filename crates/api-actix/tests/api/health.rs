//! `/health`: the body that monitoring reads.

use std::time::Duration;

use domain::session::Revocations;
use domain_testkit::build::T0;
use serde_json::json;

use crate::harness::{Setup, TestApi, get};

#[actix_web::test]
async fn the_health_of_the_instance_is_reported_with_each_check() {
    let api = TestApi::new();
    for (available, code, status, database) in
        [(true, 200, "healthy", "connected"), (false, 503, "unhealthy", "disconnected")]
    {
        api.store.set_available(available);
        for path in ["/health", "/health/ready"] {
            let answer = api.get("", path).await;
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
            let body = answer.expect(code);
            let expected = json!({
                "status": status,
                "database": database,
                "checks": {"db_connection": available, "revocations": true, "redis": null},
                "timestamp": T0.to_rfc3339(),
            });
            assert_eq!(body, expected, "{path}");
        }
    }
}

#[actix_web::test]
async fn an_instance_that_cannot_check_tokens_is_not_ready() {
    let api = TestApi::new();
    let ann = api.register("ann").await;
    api.clock.advance(Revocations::MAX_AGE + Duration::from_secs(1));
    for path in ["/health", "/health/ready"] {
        let body = api.get("", path).await.expect(503);
        assert_eq!(body["status"], "unhealthy", "{path}");
        assert_eq!(body["checks"], json!({"db_connection": true, "revocations": false, "redis": null}));
    }
    api.send(ann.ask(get("/todos"))).await.refused(503, "SERVER_003");
    api.confirm_revocations();
    api.get("", "/health/ready").await.expect(200);
}

#[actix_web::test]
async fn an_instance_without_its_redis_is_degraded_and_ready() {
    for (up, status) in [(true, "healthy"), (false, "degraded")] {
        let api = TestApi::with(Setup { redis: Some(up), ..Setup::default() });
        for path in ["/health", "/health/ready"] {
            let body = api.get("", path).await.expect(200);
            assert_eq!((&body["status"], &body["checks"]["redis"]), (&json!(status), &json!(up)), "{path}");
        }
        api.store.set_available(false);
        let body = api.get("", "/health/ready").await.expect(503);
        assert_eq!((&body["status"], &body["checks"]["redis"]), (&json!("unhealthy"), &json!(up)));
    }
}
