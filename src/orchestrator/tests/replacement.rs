//! The create of a replacement, while the object that it replaces exists.

use std::collections::HashSet;

use super::api::When::Before;
use super::fake::Reply;
use super::*;
use crate::orchestrator::{ApiError, Existing, RuleKey};

/// The POST of a replacement with `create_before_destroy` gets no usable response, and the old object still exists with
/// the values that were sent.
#[tokio::test]
async fn an_object_that_is_older_than_the_create_is_not_its_result() {
    let key = RuleKey {
        runner_id: "my-runner".to_owned(),
        project_id: None,
        env_type_id: Some("dev".to_owned()),
    };
    let created = "2026-01-01T00:00:00Z";
    let old = json!({
        "id": "uuid-0", "runner_id": "my-runner", "project_id": "", "env_type_id": "dev", "created_at": created,
    });
    for (date, is_new) in [
        ("Thu, 01 Jan 2026 00:00:00 GMT", true),
        ("Wed, 31 Dec 2025 23:59:59 GMT", true),
        ("Thu, 01 Jan 2026 00:10:00 GMT", false),
        ("no date", true),
    ] {
        for fault in [Reply::Lost, Reply::empty(503)] {
            let (_fake, state, client) = world(Some(&runner())).await;
            state.lock().unwrap().rules.push(old.clone());
            let mut stored = serde_json::to_value(runner()).unwrap();
            stored["created_at"] = created.into();
            let rule = old.clone();
            let mut lost = HashSet::new();
            state.lock().unwrap().fail(move |seen| {
                let shown = match (seen.method.as_str(), seen.target.as_str()) {
                    ("POST", path) => {
                        let is_first = lost.insert(path.to_owned());
                        return is_first.then(|| (Before, fault.clone()));
                    }
                    ("GET", "/orgs/org/runners/my-runner") => &stored,
                    ("GET", "/orgs/org/runner-rules/uuid-0") => &rule,
                    _ => return None,
                };
                let reply = Reply::json(200, shown).with_header(&format!("Date: {date}"));
                Some((Before, reply))
            });
            let runner = client.create_runner(&runner(), &budget()).await;
            let rule = client.create_rule(&key, &budget()).await;
            if is_new {
                assert_eq!(runner.unwrap().id, "my-runner", "{date}");
                assert_eq!(rule.unwrap().id, "uuid-0", "{date}");
                continue;
            }
            for error in [runner.unwrap_err(), rule.unwrap_err()] {
                assert!(
                    matches!(
                        error,
                        ApiError::AlreadyExists {
                            existing: Existing::Importable,
                            ..
                        }
                    ),
                    "{date}: {error:?}"
                );
            }
        }
    }
}
