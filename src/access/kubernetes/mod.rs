//! The questions that are put to one cluster's API, each asked once for all who want its answer.

pub(crate) mod access_policy;
pub(crate) mod aws_auth;
pub(crate) mod job;
pub(crate) mod kind;
pub(crate) mod references;
pub(crate) mod user;

mod connect;
mod exec;
pub(crate) mod go_yaml;
mod kubeconfig;
mod merge;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Shared};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

pub(crate) use connect::{ConnectError, Connection};

use self::user::User;
use super::answers::Answers;
use super::aws::ATTEMPT;
use super::aws::error::chain;
use crate::network::tls::TlsFailure;

/// How many calls one cluster gets at a time.
const AT_A_TIME: usize = 32;
/// How often a call is made that the cluster is too busy for.
const ATTEMPTS: u32 = 3;
/// The longest answer that is read. An object has at most 1.5 MiB.
const LONGEST: usize = 4 << 20;

/// The user as which a cluster's Job controller makes pods.
const JOB_CONTROLLER: (&str, &str) = ("kube-system", "job-controller");

/// Why a call of a cluster's API gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KubeError {
    /// The API answered with an error.
    #[error("the cluster's API responded with {code}: {message}")]
    Status {
        /// The HTTP status.
        code: u16,
        /// The API's own message.
        message: String,
    },
    /// The certificate of the server is not trusted, for this reason.
    #[error("{0}")]
    Certificate(String),
    /// The API did not respond, or not with something usable.
    #[error("the cluster's API cannot be reached: {0}")]
    Unreachable(String),
}

impl KubeError {
    /// What was asked about does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { code: 404, .. })
    }

    /// Who asked is not allowed to.
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Status { code: 403, .. })
    }

    /// The API does not know who asked.
    pub(crate) fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Status { code: 401, .. })
    }

    /// The API's own message, or the whole text.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Status { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }
}

/// What a question comes to.
pub(crate) type Answer<T> = Result<T, KubeError>;
/// An answer that may be under way.
pub(crate) type Asked<T> = Shared<BoxFuture<'static, Answer<T>>>;

/// An object that the API admitted and did not keep.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Admitted {
    /// The object as it would have been created, with what admission changed in it.
    pub(crate) object: Value,
    /// The API's warnings.
    pub(crate) warnings: Vec<String>,
}

/// May a user do this?
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Access {
    /// The API group; empty for the core group.
    pub(crate) group: &'static str,
    /// The resource, in the plural.
    pub(crate) resource: &'static str,
    /// The verb.
    pub(crate) verb: &'static str,
    /// Where.
    pub(crate) namespace: String,
}

/// One cluster's API, as one identity.
pub(crate) struct Cluster {
    client: kube::Client,
    permits: Semaphore,
    objects: Answers<String, Answer<Arc<Value>>>,
    reviews: Answers<(Option<User>, Access), Answer<bool>>,
}

impl Cluster {
    /// The object at a path of the API. Of Secrets only the names of the keys are kept.
    pub(crate) fn get(self: &Arc<Self>, path: impl Into<String>) -> Asked<Arc<Value>> {
        let (cluster, path) = (Arc::clone(self), path.into());
        self.objects
            .get(path.clone(), Result::is_ok, || async move {
                let (mut object, _) = cluster.send(Method::GET, &path, None, None).await?;
                if object["kind"] == "Secret"
                    && let Some(data) = object["data"].as_object_mut()
                {
                    data.values_mut().for_each(|value| *value = Value::Null);
                }
                Ok(Arc::new(object))
            })
    }

    /// Whether a user may do something; without a user, whether the asking one may.
    pub(crate) fn may(self: &Arc<Self>, user: Option<&User>, access: &Access) -> Asked<bool> {
        let (cluster, user, access) = (Arc::clone(self), user.cloned(), access.clone());
        let settled = |answer: &Answer<bool>| matches!(answer, Ok(true));
        self.reviews
            .get((user.clone(), access.clone()), settled, || async move {
                let (kind, path) = match user {
                    Some(_) => ("SubjectAccessReview", "subjectaccessreviews"),
                    None => ("SelfSubjectAccessReview", "selfsubjectaccessreviews"),
                };
                let mut review = json!({
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": kind,
                    "spec": {"resourceAttributes": {
                        "group": access.group,
                        "resource": access.resource,
                        "verb": access.verb,
                        "namespace": access.namespace,
                    }},
                });
                if let Some(user) = user {
                    let mut groups = user.groups;
                    groups.push("system:authenticated".to_owned());
                    // Groups alone are enough of a subject.
                    if !user.name.is_empty() {
                        review["spec"]["user"] = user.name.into();
                    }
                    review["spec"]["groups"] = groups.into();
                }
                let path = format!("/apis/authorization.k8s.io/v1/{path}");
                let (answer, _) = cluster
                    .send(Method::POST, &path, Some(&review), None)
                    .await?;
                answer["status"]["allowed"].as_bool().ok_or_else(|| {
                    KubeError::Unreachable(format!(
                        "the response to a {kind} has no status.allowed"
                    ))
                })
            })
    }

    /// The user as which the cluster knows whoever asks, which every authenticated user is allowed to ask.
    pub(crate) async fn who_am_i(self: &Arc<Self>) -> Answer<User> {
        const PATH: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let cluster = Arc::clone(self);
        let review = self
            .objects
            .get(PATH.to_owned(), Result::is_ok, || async move {
                let review =
                    json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
                let (answer, _) = cluster
                    .send(Method::POST, PATH, Some(&review), None)
                    .await?;
                Ok(Arc::new(answer))
            });
        let review = review.await?;
        let info = &review["status"]["userInfo"];
        // aws-iam-authenticator adds what STS said. What has the access key in it is another text in each session.
        let key = info["extra"]["accessKeyId"][0].as_str().unwrap_or_default();
        let stays = |text: &&str| key.is_empty() || !text.contains(key);
        let groups = info["groups"].as_array().into_iter().flatten();
        let groups = groups.filter_map(Value::as_str).filter(stays);
        let name = info["username"].as_str().filter(stays);
        Ok(User {
            name: name.unwrap_or_default().to_owned(),
            groups: groups
                .filter(|group| *group != "system:authenticated")
                .map(str::to_owned)
                .collect(),
        })
    }

    /// Tries to create an object, which is then not kept (`dryRun=All`), as another user if one
    /// is given.
    pub(crate) async fn try_create(
        &self,
        path: &str,
        object: &Value,
        user: Option<&User>,
    ) -> Answer<Admitted> {
        let path = format!("{path}?dryRun=All");
        let (object, warnings) = self.send(Method::POST, &path, Some(object), user).await?;
        Ok(Admitted { object, warnings })
    }

    /// The user as which the cluster itself makes the pods of Jobs.
    pub(crate) fn job_controller() -> User {
        User::service_account(JOB_CONTROLLER.0, JOB_CONTROLLER.1)
    }

    /// Makes a call, again when the API is too busy, and gives its answer and its warnings. None of
    /// these calls changes anything, so that each may be repeated.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        user: Option<&User>,
    ) -> Answer<(Value, Vec<String>)> {
        let unreachable = |error: String| KubeError::Unreachable(error);
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        let mut attempt = 0;
        loop {
            let request = request(&method, path, body, user).map_err(unreachable)?;
            let answer = tokio::time::timeout(ATTEMPT, self.once(request))
                .await
                .unwrap_or_else(|_| {
                    let seconds = ATTEMPT.as_secs();
                    Err(KubeError::Unreachable(format!(
                        "no response within {seconds} s"
                    )))
                });
            attempt += 1;
            let busy = matches!(
                answer,
                Err(KubeError::Status {
                    code: 429 | 503 | 504,
                    ..
                })
            );
            if !busy || attempt == ATTEMPTS {
                return answer;
            }
            let pause = fastrand::u64(100..=400) << attempt;
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn once(&self, request: Request<Vec<u8>>) -> Answer<(Value, Vec<String>)> {
        let response = self
            .client
            .send(request.map(kube::client::Body::from))
            .await
            .map_err(|error| connection_error(&error))?;
        let status = response.status();
        if let Some(encoding) = encoding(response.headers()) {
            return Err(KubeError::Unreachable(format!(
                "its response has the content encoding {encoding:?}, which is not supported"
            )));
        }
        let warnings = response.headers().get_all(http::header::WARNING).iter();
        let warnings = warnings.filter_map(warning_text).collect();
        let bytes = Limited::new(response.into_body(), LONGEST)
            .collect()
            .await
            .map_err(|error| KubeError::Unreachable(body_error(error.as_ref())))?
            .to_bytes();
        match status.is_success() {
            true => Ok((object(&bytes)?, warnings)),
            false => Err(refusal(status, &bytes)),
        }
    }
}

/// The object of a response. One that is not of Kubernetes is of something in between, such as a proxy that opens TLS.
fn object(bytes: &[u8]) -> Answer<Value> {
    let unusable = |why: String| Err(KubeError::Unreachable(why));
    match serde_json::from_slice::<Value>(bytes) {
        // `/version` alone returns no object.
        Ok(answer) if answer["kind"].is_string() || answer["gitVersion"].is_string() => Ok(answer),
        Ok(_) => unusable("the response is not one of the Kubernetes API".to_owned()),
        Err(error) => unusable(format!("the response is not JSON: {error}")),
    }
}

/// The error of a response without success.
///
/// The API server's own errors are objects of kind Status (apimachinery, `meta/v1`), but for two: of a group that it
/// does not serve it writes `404 page not found`, and too many requests it refuses in plain text (apiserver,
/// `server/filters`). Of a status from 500 on it does not matter who sends it: none says anything about the runner.
fn refusal(status: StatusCode, bytes: &[u8]) -> KubeError {
    let answer: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let code = status.as_u16();
    let from_api = |message: String| KubeError::Status { code, message };
    if answer["kind"] == "Status" {
        let message = answer["message"].as_str().map(str::to_owned);
        return from_api(message.unwrap_or_else(|| status.to_string()));
    }
    match code {
        404 if bytes.trim_ascii() == b"404 page not found" => {
            from_api("404 page not found".to_owned())
        }
        429 | 500.. => from_api(status.to_string()),
        _ => KubeError::Unreachable(format!(
            "the response, with status {status}, is not one of the Kubernetes API"
        )),
    }
}

/// A call as an HTTP request; as another user when one is given.
fn request(
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

/// What was done to the content, though nothing was asked for.
fn encoding(headers: &HeaderMap) -> Option<&str> {
    let encoding = headers.get(http::header::CONTENT_ENCODING)?.to_str().ok()?;
    (!encoding.eq_ignore_ascii_case("identity")).then_some(encoding)
}

/// The text of `299 - "text"`.
fn warning_text(header: &HeaderValue) -> Option<String> {
    let (_, text) = header.to_str().ok()?.split_once('"')?;
    let text = text.strip_suffix('"').unwrap_or(text);
    Some(text.replace("\\\"", "\"").replace("\\\\", "\\"))
}

/// Why a response's body cannot be read.
fn body_error(error: &(dyn std::error::Error + 'static)) -> String {
    if error.is::<LengthLimitError>() {
        return format!("the response is larger than {} MiB", LONGEST >> 20);
    }
    chain(error)
}

/// Why a connection failed.
fn connection_error(error: &kube::Error) -> KubeError {
    let text = chain(error);
    // The name of kube's variant says nothing.
    let text = text.strip_prefix("ServiceError: ").unwrap_or(&text);
    match TlsFailure::find(error) {
        Some(failure) if failure.is_certificate() => {
            KubeError::Certificate(format!("{failure} ({text})"))
        }
        Some(failure) => KubeError::Unreachable(format!("{failure} ({text})")),
        None => KubeError::Unreachable(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_warning_is_read() {
        let header = HeaderValue::from_static(r#"299 - "would \"violate\" PodSecurity""#);
        assert_eq!(
            warning_text(&header).unwrap(),
            r#"would "violate" PodSecurity"#
        );
    }

    #[test]
    fn only_the_api_s_own_errors_are_read_as_such() {
        let read = |code, body: &str| refusal(StatusCode::from_u16(code).unwrap(), body.as_bytes());
        let status = r#"{"kind": "Status", "message": "no"}"#;
        for code in [401, 403, 404, 422, 500] {
            let message = "no".to_owned();
            assert_eq!(read(code, status), KubeError::Status { code, message });
        }
        assert!(read(404, "404 page not found\n").is_not_found());
        for body in [
            "<html>Blocked</html>",
            "",
            "404 page not found",
            r#"{"message": "blocked"}"#,
            r#"{"kind": "Error", "message": "blocked"}"#,
        ] {
            for code in [302, 401, 403, 407] {
                let error = read(code, body);
                assert!(matches!(error, KubeError::Unreachable(_)), "{code} {body}");
            }
        }
        assert!(!read(404, "<html>404 page not found</html>").is_not_found());
        // The API is busy, in whichever words.
        for code in [429, 502, 503] {
            assert!(matches!(
                read(code, "Too many requests, please try again later."),
                KubeError::Status { .. }
            ));
        }
    }

    #[test]
    fn only_an_object_is_a_usable_response() {
        assert!(object(br#"{"kind": "Namespace"}"#).is_ok());
        assert!(object(br#"{"gitVersion": "v1.34.0"}"#).is_ok());
        for body in ["{}", "[]", r#""ok""#, r#"{"error": "blocked"}"#, "<html>"] {
            let answer = object(body.as_bytes());
            assert!(matches!(answer, Err(KubeError::Unreachable(_))), "{body}");
        }
    }

    #[test]
    fn predicates_tell_the_answers_apart() {
        let status = |code| KubeError::Status {
            code,
            message: "m".to_owned(),
        };
        assert!(status(404).is_not_found() && !status(403).is_not_found());
        assert!(status(403).is_forbidden() && status(401).is_unauthorized());
        assert_eq!(status(403).message(), "m");
        assert!(
            KubeError::Unreachable("x".to_owned())
                .message()
                .ends_with("x")
        );
    }
}
