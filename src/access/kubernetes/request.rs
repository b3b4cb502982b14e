//! The HTTP requests to a cluster's API.

use http::{Method, Request};
use serde_json::Value;

use super::user::User;

/// Returns a call as an HTTP request, which impersonates `user` if there is one.
///
/// # Errors
/// What is wrong with the path, the user's name, or the body.
pub(super) fn request(
    method: &Method,
    path: &str,
    body: Option<&Value>,
    user: Option<&User>,
) -> Result<Request<Vec<u8>>, String> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(http::header::ACCEPT, "application/json");
    if let Some(user) = user {
        request = request.header("Impersonate-User", &user.name);
        for group in &user.groups {
            request = request.header("Impersonate-Group", group);
        }
    }
    let bytes = match body {
        Some(body) => {
            request = request.header(http::header::CONTENT_TYPE, "application/json");
            serde_json::to_vec(body).map_err(|error| error.to_string())?
        }
        None => Vec::new(),
    };
    request.body(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn impersonation_is_in_the_headers() {
        let user = User::service_account("ns", "sa");
        let body = json!({"a": 1});
        let request = request(&Method::POST, "/x?dryRun=All", Some(&body), Some(&user)).unwrap();
        assert_eq!(
            request.headers()["impersonate-user"],
            "system:serviceaccount:ns:sa"
        );
        let groups = request.headers().get_all("impersonate-group").iter();
        assert_eq!(
            groups.collect::<Vec<_>>(),
            ["system:serviceaccounts", "system:serviceaccounts:ns"]
        );
        assert_eq!(request.body().as_slice(), br#"{"a":1}"#);
    }
}
