//! What Prometheus' own tool says of the metrics and of the alerts.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use blackbox_tests::binary::workspace;
use blackbox_tests::{Database, Server, Socket};

use crate::support::add;

fn promtool(arguments: &[&str], input: &str) -> Output {
    let program = std::env::var_os("PROMTOOL_BIN").unwrap_or_else(|| "promtool".into());
    let mut promtool = Command::new(program);
    promtool.args(arguments).current_dir(workspace().join("deploy/prometheus"));
    promtool.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = promtool.spawn().expect("promtool is needed: `cargo xtask test` unpacks it");
    running.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
    running.wait_with_output().expect("it ends")
}

fn accepted(output: &Output) {
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
    let listed = page.lines().filter(|line| line.starts_with("| `") && line.contains(" |  | "));
    let unlabelled =
        listed.filter(|line| !line.contains("| histogram |")).filter_map(|line| line.split('`').nth(1));
    let late: Vec<_> = unlabelled.filter(|name| !at_start.contains(&format!("\n{name} "))).collect();
    assert_eq!(late, [""; 0], "a series is there from the start");
}

#[test]
fn promtool_accepts_the_alerts_and_each_fires_on_its_condition() {
    accepted(&promtool(&["check", "config", "prometheus.yml"], ""));
    accepted(&promtool(&["test", "rules", "alerts_test.yml"], ""));
    // Each alert has its paragraph.
    let alerts =
        std::fs::read_to_string(workspace().join("deploy/prometheus/alerts.yml")).expect("it is there");
    let runbook = std::fs::read_to_string(workspace().join("docs/runbook.md")).expect("it is there");
    for alert in alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(runbook.contains(&format!("\n## {alert}\n")), "{alert} has no paragraph in docs/runbook.md");
    }
}
