//! The Grafana dashboard that is shipped: well formed, complete, and asking only for what is measured.

use crate::alerts::selectors;
use crate::metrics::whole_page;
use serde_json::Value;
use std::collections::BTreeSet;

fn dashboard() -> Value {
    let text = include_str!("../../deploy/grafana/centralino.json");
    serde_json::from_str(text).expect("the dashboard is JSON")
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    dashboard["panels"].as_array().expect("panels").iter().collect()
}

fn expressions(panel: &Value) -> Vec<&str> {
    let targets = panel["targets"].as_array().map_or(&[][..], Vec::as_slice);
    targets.iter().map(|target| target["expr"].as_str().expect("an expression")).collect()
}

#[test]
fn the_dashboard_is_well_formed() {
    let dashboard = dashboard();
    assert_eq!((dashboard["uid"].as_str(), dashboard["title"].as_str()), (Some("centralino"), Some("centralino")));
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let names: BTreeSet<&str> = variables.iter().filter_map(|variable| variable["name"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(["datasource", "instance", "queue"]));
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64()), "{title}: its id is another's");
        let place = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
        assert!(place("x") + place("w") <= 24, "{title}: wider than the page");
        for cell in (place("x")..place("x") + place("w")).flat_map(|x| (0..place("h")).map(move |y| (x, y))) {
            assert!(taken.insert((cell.0, cell.1 + place("y"))), "{title}: lies on another panel");
        }
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        assert!(!expressions(panel).is_empty(), "{title}: shows nothing");
        let references: BTreeSet<_> =
            panel["targets"].as_array().into_iter().flatten().map(|t| &t["refId"]).map(Value::as_str).collect();
        assert_eq!(references.len(), expressions(panel).len(), "{title}");
    }
}

#[test]
fn the_dashboard_asks_only_for_what_is_measured() {
    let (dashboard, page) = (dashboard(), whole_page());
    let mut asked = BTreeSet::new();
    for panel in panels(&dashboard) {
        for expression in expressions(panel) {
            let found = selectors(expression);
            assert!(!found.is_empty(), "{expression}");
            for selector in found {
                assert!(selector.matches(&page), "{selector:?} in {expression}");
                asked.insert(selector.name);
            }
            let brackets =
                |open: char, close: char| expression.matches(open).count() == expression.matches(close).count();
            assert!(brackets('(', ')') && brackets('{', '}') && brackets('[', ']'), "{expression}");
        }
    }
    for variable in dashboard["templating"]["list"].as_array().expect("variables") {
        let query = variable["definition"].as_str().unwrap_or_default();
        for selector in selectors(query) {
            assert!(selector.matches(&page), "{query}");
        }
    }
    for needed in [
        "acd_sla_calls_total",
        "acd_sla_target_ratio",
        "acd_queue_wait_seconds_bucket",
        "acd_queue_oldest_wait_seconds",
        "acd_agents",
        "acd_offers_total",
        "acd_calls_refused_total",
        "acd_dispatch_seconds_bucket",
    ] {
        assert!(asked.contains(needed), "nothing shows {needed}");
    }
}

/// Expressions as a Prometheus would read them, where promtool can say so.
#[test]
fn promtool_can_read_every_expression() {
    let required = std::env::var("CENTRALINO_TEST_PEERS").is_ok_and(|value| value == "required");
    let dashboard = dashboard();
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    let expressions: Vec<&str> = panels(&dashboard).into_iter().flat_map(expressions).collect();
    for (number, expression) in expressions.iter().enumerate() {
        let quoted = expression.replace('\'', "''");
        rules += &format!("      - record: panel:expression:{number}\n        expr: '{quoted}'\n");
    }
    let path = format!("{}/dashboard_{}.yml", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    std::fs::write(&path, rules).expect("a file");
    match std::process::Command::new("promtool").args(["check", "rules", &path]).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.contains(&format!("{} rules found", expressions.len())), "{said}");
        }
        Err(error) => {
            assert!(!required, "promtool: {error}");
            eprintln!("SKIPPED: promtool is not installed, the dashboard's expressions were not read by it ({error})");
        }
    }
}
