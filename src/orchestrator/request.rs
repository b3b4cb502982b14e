//! Requests as values. Each endpoint builds its own beside the function that sends it.

use reqwest::Method;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::error::ApiError;

/// One request, relative to the base URL of the API.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    pub(super) method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
}

impl Request {
    /// Returns a GET of this path. Each segment is percent-encoded later.
    pub(super) fn get<const N: usize>(path: [&str; N]) -> Self {
        Self::new(Method::GET, path)
    }

    /// Returns a POST of this JSON.
    pub(super) fn post<const N: usize>(path: [&str; N], body: Value) -> Self {
        Self::new(Method::POST, path).with_body(body)
    }

    /// Returns a PATCH with this JSON.
    pub(super) fn patch<const N: usize>(path: [&str; N], body: Value) -> Self {
        Self::new(Method::PATCH, path).with_body(body)
    }

    /// Returns a DELETE of this path.
    pub(super) fn delete<const N: usize>(path: [&str; N]) -> Self {
        Self::new(Method::DELETE, path)
    }

    fn new<const N: usize>(method: Method, path: [&str; N]) -> Self {
        Self {
            method,
            path: path.map(str::to_owned).to_vec(),
            query: Vec::new(),
            body: None,
        }
    }

    pub(super) fn with_query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    fn with_body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Returns the URL of the request below this base URL, whose own path is kept.
    ///
    /// # Errors
    /// [`ApiError::InvalidId`] for a path segment that a URL cannot contain (empty, `.` or `..`), because the URL
    /// would name something else.
    pub(super) fn url(&self, base: &Url) -> Result<Url, ApiError> {
        let mut url = base.clone();
        if let Some(bad) = self
            .path
            .iter()
            .find(|segment| matches!(segment.as_str(), "" | "." | ".."))
        {
            return Err(ApiError::InvalidId { id: bad.clone() });
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

/// Returns the value as JSON. Serialization fails only for maps whose keys are not strings, and the types of
/// this API have none.
pub(super) fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, request: &Request) -> String {
        request.url(&base.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn a_url_keeps_the_base_and_encodes_the_segments() {
        let get = Request::get(["orgs", "an org", "runners", "a/b?c#d%é"]);
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
    fn a_query_is_encoded() {
        let list = Request::get(["orgs", "o", "runner-rules"])
            .with_query("byEnvTypeId", "d&v")
            .with_query("page", "+2&");
        assert_eq!(
            url("https://a.example", &list),
            "https://a.example/orgs/o/runner-rules?byEnvTypeId=d%26v&page=%2B2%26"
        );
    }

    #[test]
    fn a_segment_that_names_something_else_is_refused() {
        let base = "https://a.example".parse().unwrap();
        let get = |id| Request::get(["orgs", "o", "runners", id]);
        for id in ["", ".", ".."] {
            let error = get(id).url(&base).unwrap_err();
            assert!(matches!(error, ApiError::InvalidId { .. }), "{error}");
        }
        assert!(get("...").url(&base).is_ok());
    }
}
