//! The API's calls as values: built here without a server, sent by the client.

use std::fmt;

use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use super::error::Error;
use super::rules::RuleKey;
use crate::runner::Runner;

/// One request, before it has an address.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub(super) method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
}

impl Request {
    fn new<const N: usize>(method: Method, path: [&str; N]) -> Self {
        Self {
            method,
            path: path.map(str::to_owned).to_vec(),
            query: Vec::new(),
            body: None,
        }
    }

    /// Whether the response is a list of what an organization has.
    pub(super) fn is_list(&self) -> bool {
        self.method == Method::GET && self.path.len() == 3
    }

    pub(super) fn with_query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    fn with_body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The request's URL under this base, whose own path is kept.
    ///
    /// # Errors
    /// A path segment that a URL cannot carry: empty, `.` or `..`. It would name something else.
    pub(super) fn url(&self, base: &Url) -> Result<Url, Error> {
        let mut url = base.clone();
        if let Some(bad) = self
            .path
            .iter()
            .find(|segment| matches!(segment.as_str(), "" | "." | ".."))
        {
            return Err(Error::BadId { id: bad.clone() });
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(&self.path);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

/// A request as messages name it: its method, its address, and the number of the attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The HTTP method.
    pub method: Method,
    /// The address; it never holds a secret.
    pub url: Url,
    /// Which attempt this was, from 1.
    pub attempt: u32,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)?;
        match self.attempt {
            0 | 1 => Ok(()),
            attempt => write!(f, " (attempt {attempt})"),
        }
    }
}

/// All runners of the organization, as summaries, in the longest pages that the service returns.
pub(super) fn list_runners(org: &str) -> Request {
    Request::new(Method::GET, ["orgs", org, "runners"]).with_query("per_page", "100")
}

pub(super) fn get_runner(org: &str, id: &str) -> Request {
    Request::new(Method::GET, ["orgs", org, "runners", id])
}

pub(super) fn create_runner(org: &str, runner: &Runner) -> Request {
    Request::new(Method::POST, ["orgs", org, "runners"]).with_body(json_of(runner))
}

/// The update that makes the runner equal to `runner`. The service leaves an absent field as it was, so
/// everything is sent, and a description that is not set is sent as an empty string.
pub(super) fn update_runner(org: &str, runner: &Runner) -> Request {
    let body = json!({
        "description": runner.description.as_deref().unwrap_or_default(),
        "runner_configuration": json_of(&runner.runner_configuration),
        "state_storage_configuration": json_of(&runner.state_storage_configuration),
    });
    Request::new(Method::PATCH, ["orgs", org, "runners", &runner.id]).with_body(body)
}

pub(super) fn delete_runner(org: &str, id: &str) -> Request {
    Request::new(Method::DELETE, ["orgs", org, "runners", id])
}

/// The rules that apply to this project and environment type. The service also returns rules in which one
/// of them is unset (control plane, `ListRunnerRules`), and a filter cannot ask for "unset".
pub(super) fn list_rules(org: &str, key: &RuleKey) -> Request {
    let filters = [
        ("byProjectId", key.project_id.as_deref()),
        ("byEnvTypeId", key.env_type_id.as_deref()),
    ];
    filters.into_iter().fold(
        Request::new(Method::GET, ["orgs", org, "runner-rules"]),
        |request, (name, value)| match value {
            Some(value) => request.with_query(name, value),
            None => request,
        },
    )
}

pub(super) fn get_rule(org: &str, id: &str) -> Request {
    Request::new(Method::GET, ["orgs", org, "runner-rules", id])
}

pub(super) fn create_rule(org: &str, key: &RuleKey) -> Request {
    Request::new(Method::POST, ["orgs", org, "runner-rules"]).with_body(json_of(key))
}

pub(super) fn delete_rule(org: &str, id: &str) -> Request {
    Request::new(Method::DELETE, ["orgs", org, "runner-rules", id])
}

/// These types have string keys only, which is all that could fail.
pub(super) fn json_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, request: &Request) -> String {
        request.url(&base.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn a_url_keeps_the_base_and_quotes_the_rest() {
        let get = get_runner("an org", "a/b?c#d%é");
        let path = "/orgs/an%20org/runners/a%2Fb%3Fc%23d%25%C3%A9";
        for (base, expected) in [
            ("https://a.example", "https://a.example"),
            ("https://a.example/", "https://a.example"),
            ("http://a.example:8080/x/y", "http://a.example:8080/x/y"),
            ("http://a.example:8080/x/y/", "http://a.example:8080/x/y"),
        ] {
            assert_eq!(url(base, &get), format!("{expected}{path}"));
        }
    }

    #[test]
    fn a_listing_filters_by_what_is_set() {
        let mut key = RuleKey {
            runner_id: "r".to_owned(),
            project_id: None,
            env_type_id: Some("d&v".to_owned()),
        };
        assert_eq!(
            url("https://a.example", &list_rules("o", &key)),
            "https://a.example/orgs/o/runner-rules?byEnvTypeId=d%26v"
        );
        key.project_id = Some("p".to_owned());
        assert_eq!(
            url(
                "https://a.example",
                &list_rules("o", &key).with_query("page", "+2&")
            ),
            "https://a.example/orgs/o/runner-rules?byProjectId=p&byEnvTypeId=d%26v&page=%2B2%26"
        );
    }

    #[test]
    fn a_segment_that_would_name_something_else_is_refused() {
        let base = "https://a.example".parse().unwrap();
        for id in ["", ".", ".."] {
            let error = get_runner("o", id).url(&base).unwrap_err();
            assert!(matches!(error, Error::BadId { .. }), "{error}");
        }
        assert!(get_runner("o", "...").url(&base).is_ok());
    }

    #[test]
    fn an_attempt_is_counted_from_the_second() {
        let mut call = Call {
            method: Method::GET,
            url: "https://a.example/x".parse().unwrap(),
            attempt: 1,
        };
        assert_eq!(call.to_string(), "GET https://a.example/x");
        call.attempt = 3;
        assert_eq!(call.to_string(), "GET https://a.example/x (attempt 3)");
    }
}
