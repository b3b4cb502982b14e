//! A small stand-in for the API, with faults that a test switches on.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::fake::{Reply, Seen};

/// When a fault happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Before the request is carried out, which then does not happen.
    Before,
    /// After the request was carried out, in place of the response.
    After,
}

type Fault = Box<dyn FnMut(&Seen) -> Option<(When, Reply)> + Send>;

/// The objects of the small API.
#[derive(Default)]
pub(super) struct State {
    pub(super) runner: Option<Value>,
    pub(super) rules: Vec<Value>,
    /// The summaries of a list of runners.
    pub(super) listed: Vec<Value>,
    /// How many objects were created.
    pub(super) created: usize,
    fault: Option<Fault>,
}

pub(super) type Shared = Arc<Mutex<State>>;

impl State {
    pub(super) fn fail(&mut self, fault: impl FnMut(&Seen) -> Option<(When, Reply)> + Send + 'static) {
        self.fault = Some(Box::new(fault));
    }
}

/// Returns a handler with this state, for the organization `org`.
pub(super) fn handler(state: &Shared) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static + use<> {
    let state = Arc::clone(state);
    move |seen| {
        let mut state = state.lock().unwrap();
        let fault = match state.fault.take() {
            Some(mut fault) => {
                let struck = fault(seen);
                state.fault = Some(fault);
                struck
            }
            None => None,
        };
        match fault {
            Some((When::Before, reply)) => reply,
            // A truncated response is half of the real one.
            Some((When::After, Reply::Truncated(..))) => match work(&mut state, seen) {
                Reply::Response(status, _, body) => Reply::Truncated(status, body),
                other => other,
            },
            Some((When::After, reply)) => {
                work(&mut state, seen);
                reply
            }
            None => work(&mut state, seen),
        }
    }
}

fn work(state: &mut State, seen: &Seen) -> Reply {
    let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (seen.method.as_str(), segments.as_slice()) {
        (_, ["orgs", org, ..]) if *org != "org" => Reply::error(404, "organization not found"),
        ("GET", ["orgs", _, "runners"]) => Reply::json(200, &json!({"items": state.listed})),
        ("POST", ["orgs", _, "runners"]) if state.runner.is_some() => {
            Reply::error(409, "runner with id my-runner already exists")
        }
        ("POST", ["orgs", _, "runners"]) => {
            state.created += 1;
            state.runner = Some(seen.body.clone());
            Reply::json(201, &shown(&seen.body))
        }
        ("GET", ["orgs", _, "runners", _]) => match &state.runner {
            Some(runner) => Reply::json(200, &shown(runner)),
            None => Reply::error(404, "runner not found"),
        },
        ("PATCH", ["orgs", _, "runners", _]) => match &mut state.runner {
            Some(runner) => {
                for (key, value) in seen.body.as_object().unwrap() {
                    runner[key] = value.clone();
                }
                Reply::json(200, &shown(runner))
            }
            None => Reply::error(404, "runner not found"),
        },
        ("DELETE", ["orgs", _, "runners", _]) => match state.runner.take() {
            Some(_) => Reply::empty(204),
            None => Reply::error(404, "runner not found"),
        },
        (_, ["orgs", _, "runner-rules", ..]) => work_on_rules(state, seen, query, &segments),
        _ => Reply::error(400, "no such call"),
    }
}

fn work_on_rules(state: &mut State, seen: &Seen, query: &str, segments: &[&str]) -> Reply {
    match (seen.method.as_str(), segments) {
        ("POST", ["orgs", _, "runner-rules"]) => {
            let same = |rule: &&Value| {
                ["project_id", "env_type_id"]
                    .iter()
                    .all(|key| rule[key].as_str().unwrap_or("") == seen.body[key].as_str().unwrap_or(""))
            };
            if let Some(rule) = state.rules.iter().find(same) {
                let message = format!(
                    "runner rule conflicts with existing rule '{}' for runner '{}'",
                    rule["id"].as_str().unwrap(),
                    rule["runner_id"].as_str().unwrap()
                );
                return Reply::error(409, &message);
            }
            state.created += 1;
            let mut rule = seen.body.clone();
            rule["id"] = json!(format!("uuid-{}", state.created));
            rule["org_id"] = json!("org");
            for key in ["project_id", "env_type_id"] {
                if rule[key].is_null() {
                    rule[key] = json!("");
                }
            }
            state.rules.push(rule.clone());
            Reply::json(201, &rule)
        }
        // One rule a page, and no filter works: what is found must be looked at.
        ("GET", ["orgs", _, "runner-rules"]) => {
            let page = query
                .split('&')
                .find_map(|pair| pair.strip_prefix("page="))
                .map_or(0, |page| page.parse().unwrap());
            let mut list = json!({"items": state.rules.iter().skip(page).take(1).collect::<Vec<_>>()});
            if page + 1 < state.rules.len() {
                list["next_page_token"] = json!((page + 1).to_string());
            }
            Reply::json(200, &list)
        }
        ("GET", ["orgs", _, "runner-rules", id]) => match state.rules.iter().find(|rule| rule["id"] == *id) {
            Some(rule) => Reply::json(200, rule),
            None => Reply::error(404, "runner rule not found"),
        },
        ("DELETE", ["orgs", _, "runner-rules", id]) => {
            let before = state.rules.len();
            state.rules.retain(|rule| rule["id"] != *id);
            if state.rules.len() < before {
                Reply::empty(204)
            } else {
                Reply::error(404, "runner rule not found")
            }
        }
        _ => Reply::error(400, "no such call"),
    }
}

/// Returns a runner as the API returns it.
fn shown(runner: &Value) -> Value {
    let mut runner = runner.clone();
    runner["org_id"] = json!("org");
    runner["created_at"] = json!("2026-01-01T00:00:00Z");
    runner["updated_at"] = json!("2026-01-01T00:00:00Z");
    if runner["description"].is_null() {
        runner["description"] = json!("");
    }
    runner
}
