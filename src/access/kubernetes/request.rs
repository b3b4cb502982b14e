//! The HTTP requests to a cluster's API.

use http::{Method, Request};
use serde_json::Value;

use super::user::User;

/// Returns a call as an HTTP request, which impersonates `user` if there is one. Like kubectl, it sends a name that is not
/// ASCII as UTF-8, which the API server reads.
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
        request = request.header("Impersonate-User", user.name.as_bytes());
        for group in &user.groups {
            request = request.header("Impersonate-Group", group.as_bytes());
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
        assert_eq!(request.headers()["impersonate-user"], "system:serviceaccount:ns:sa");
        let groups = request.headers().get_all("impersonate-group").iter();
        assert_eq!(
            groups.collect::<Vec<_>>(),
            ["system:serviceaccounts", "system:serviceaccounts:ns"]
        );
        assert_eq!(request.body().as_slice(), br#"{"a":1}"#);
    }

    #[test]
    fn a_name_outside_ascii_is_sent_as_utf_8() {
        let user = User {
            name: "j\u{fc}rgen".to_owned(),
            groups: vec!["gr\u{fc}n".to_owned()],
        };
        let request = request(&Method::GET, "/x", None, Some(&user)).unwrap();
        let header = |name: &str| request.headers()[name].as_bytes().to_vec();
        assert_eq!(header("impersonate-user"), user.name.as_bytes());
        assert_eq!(header("impersonate-group"), user.groups[0].as_bytes());
    }
}
