//! What Prometheus' own tool says of the metrics and of the alerts.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use blackbox_tests::binary::workspace;
use blackbox_tests::{Database, Server, Socket};
use serde_json::{Value, json};

use crate::support::{add, items};

pub fn promtool(arguments: &[&str], input: &str) -> Output {
    let program = std::env::var_os("PROMTOOL_BIN").unwrap_or_else(|| "promtool".into());
    let mut promtool = Command::new(program);
    promtool.args(arguments).current_dir(workspace().join("deploy/prometheus"));
    promtool.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = promtool.spawn().expect("promtool is needed: `cargo xtask test` unpacks it");
    running.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
    running.wait_with_output().expect("it ends")
}

pub fn accepted(output: &Output) {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success() && err.is_empty(), "{out}{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_accepts_the_metrics_and_each_series_is_there_from_the_start() {
    let server = Server::start_with(Database::Sqlite, &[("BACKUP_EVERY", "1d")]).await;
    let at_start = server.client().get("/metrics").await.expect(200).text;
    let (ann, _) = server.client().register("ann@example.com").await;
    let (_socket, _) = Socket::ready(&server.socket_url(), ann.token(), "").await;
    add(&ann, "milk").await;
    let metrics = server.client().get("/metrics").await.expect(200).text;
    accepted(&promtool(&["check", "metrics"], &metrics));
    // The page lists what each series is.
    let page = std::fs::read_to_string(workspace().join("docs/operations.md")).expect("it is there");
    let names = |text: &str| -> Vec<String> {
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        types.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    };
    let undocumented: Vec<_> =
        names(&metrics).into_iter().filter(|name| !page.contains(&format!("| `{name}` |"))).collect();
    assert_eq!(undocumented, [""; 0], "docs/operations.md lists every series");
    let unlabelled = page.lines().filter(|line| line.starts_with("| `") && line.contains(" |  | "));
    let first_line = |line: &str| {
        let name = line.split('`').nth(1).expect("a name");
        let suffix = if line.contains("| histogram |") { "_count" } else { "" };
        format!("\n{name}{suffix} ")
    };
    let few = [
        ("logins_total", "outcome=\"wrong\""),
        ("rate_limit_refusals_total", "limit=\"api\""),
        ("sync_changes_total", "outcome=\"contested\""),
    ];
    let few = few.map(|(name, label)| format!("\n{name}{{{label}}} 0"));
    let late: Vec<_> =
        unlabelled.map(first_line).chain(few).filter(|line| !at_start.contains(line.as_str())).collect();
    assert_eq!(late, [""; 0], "a series is there from the start");
}

#[test]
fn promtool_accepts_the_alerts_and_each_fires_on_its_condition() {
    accepted(&promtool(&["check", "config", "prometheus.yml"], ""));
    accepted(&promtool(&["test", "rules", "alerts_test.yml"], ""));
    // Each alert has its paragraph, and is on series that exist.
    let alerts =
        std::fs::read_to_string(workspace().join("deploy/prometheus/alerts.yml")).expect("it is there");
    let runbook = std::fs::read_to_string(workspace().join("docs/runbook.md")).expect("it is there");
    for alert in alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(runbook.contains(&format!("\n## {alert}\n")), "{alert} has no paragraph in docs/runbook.md");
    }
    expect_series(&alerts);
}

/// Asserts that each selector of `text` names a series that docs/operations.md lists. Every selector has labels.
fn expect_series(text: &str) {
    let page = std::fs::read_to_string(workspace().join("docs/operations.md")).expect("it is there");
    let mut found = 0;
    for (before, _) in text.match_indices("{job=").map(|(at, _)| text.split_at(at)) {
        let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().expect("a name");
        let of_histogram = ["_bucket", "_count", "_sum"].iter().find_map(|suffix| name.strip_suffix(suffix));
        let listed = |name: &str, kind: &str| page.contains(&format!("| `{name}` | {kind}"));
        let is_listed = listed(name, "") || of_histogram.is_some_and(|name| listed(name, "histogram |"));
        assert!(name == "up" || is_listed, "there is no series {name}");
        found += 1;
    }
    assert!(found > 0, "{text}");
}

#[test]
fn each_panel_of_the_dashboard_shows_series_that_exist() {
    let file = workspace().join("deploy/grafana/dashboard.json");
    let text = std::fs::read_to_string(file).expect("it is there");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = items(&dashboard["panels"]);
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().expect("an id")).collect();
    assert_eq!(ids.len(), panels.len(), "ids are unique");
    let mut rules = Vec::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "no unit: {panel}");
        for target in items(&panel["targets"]) {
            let query = crate::support::text(&target["expr"]);
            expect_series(query);
            let query = query.replace("$__rate_interval", "1m").replace("$instance", ".*");
            assert!(!query.contains('$'), "{query}");
            rules.push(json!({"record": format!("panel:{}:{}", panel["id"], rules.len()), "expr": query}));
        }
    }
    // promtool parses queries as rules. JSON is YAML.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.yml");
    std::fs::write(&file, json!({"groups": [{"name": "panels", "rules": rules}]}).to_string())
        .expect("written");
    accepted(&promtool(&["check", "rules", file.to_str().expect("UTF-8")], ""));
}
