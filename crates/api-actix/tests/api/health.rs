//! `/health`: the body that monitoring reads.

use domain_testkit::build::T0;
use serde_json::json;

use crate::harness::TestApi;

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
                "checks": {"db_connection": available, "redis": null},
                "timestamp": T0.to_rfc3339(),
            });
            assert_eq!(body, expected, "{path}");
        }
    }
}
