//! The calls to one cluster's API. Each call is sent once, and everything that needs its response shares it.

pub(crate) mod access_policy;
pub(crate) mod aws_auth;
pub(crate) mod environment;
pub(crate) mod exceeded_quota;
pub(crate) mod go_yaml;
pub(crate) mod job;
pub(crate) mod object_kind;
pub(crate) mod placement;
pub(crate) mod references;
pub(crate) mod refusal;
pub(crate) mod user;

mod change;
mod connect;
mod error;
mod exec;
mod kubeconfig;
mod request;
mod response;

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub(crate) use connect::ClusterConnection;
pub(crate) use error::{ConnectError, KubeError};

use self::response::ResponseBody;
use self::user::User;
use super::aws::ATTEMPT;
use super::single_flight::{SharedCall, SingleFlight};
use crate::network::call_log::LoggedCall;

/// The path that every authenticated user is allowed to read.
pub(crate) const VERSION_PATH: &str = "/version";
/// The path of the cluster's first nodes. A response has at most 4 MiB, so a node can have 40 KiB. Most of it is the list of its
/// images: at most 50 with 5 names each (`nodeStatusMaxImages` in the kubelet's configuration, and
/// `MaxNamesPerImageInNodeStatus` in pkg/kubelet/nodestatus/setters.go).
pub(crate) const NODES_PATH: &str = "/api/v1/nodes?limit=100";

/// How many calls of one cluster run at a time.
const AT_A_TIME: usize = 32;
/// How many attempts a call has if the responses say that the API does not work at the moment.
const ATTEMPTS: u32 = 3;
/// How long a call is repeated that the API throttles. It is longer than what a busy API needs, and shorter than the time
/// limit of most runs.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest pause after a throttled call, unless the API requests a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The user as which a cluster's Job controller creates pods: the namespace and the name of its service account.
const JOB_CONTROLLER: (&str, &str) = ("kube-system", "job-controller");

/// The result of a call of a cluster's API.
pub(crate) type KubeResult<T> = Result<T, KubeError>;
/// A call of a cluster's API that might be under way.
pub(crate) type KubeCall<T> = SharedCall<KubeResult<T>>;

/// An object that the API admitted and did not keep.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Admitted {
    /// The object as it would have been created, with what admission changed in it.
    pub(crate) object: Value,
    /// The API's warnings.
    pub(crate) warnings: Vec<String>,
}

/// An action on a resource, as an access review names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ResourceAction {
    /// The API group; empty for the core group.
    pub(crate) group: &'static str,
    /// The resource, in the plural.
    pub(crate) resource: &'static str,
    /// The verb.
    pub(crate) verb: &'static str,
    /// The namespace.
    pub(crate) namespace: String,
}

/// The API of one cluster, called as one identity.
pub(crate) struct ClusterClient {
    client: kube::Client,
    /// The client for calls as another user, without the user that a kubeconfig impersonates.
    impersonating: kube::Client,
    /// The host of its API.
    host: String,
    permits: Semaphore,
    objects: SingleFlight<String, KubeResult<Arc<Value>>>,
    reviews: SingleFlight<(Option<User>, ResourceAction), KubeResult<bool>>,
}

impl ClusterClient {
    /// Returns the object at a path of the API. Of Secrets only the names of the keys are kept.
    pub(crate) fn get(self: &Arc<Self>, path: impl Into<String>) -> KubeCall<Arc<Value>> {
        let (cluster, path) = (Arc::clone(self), path.into());
        self.objects.call(path.clone(), Result::is_ok, || async move {
            let (mut object, _) = cluster.send(Method::GET, &path, None, None).await?;
            if object["kind"] == "Secret"
                && let Some(data) = object["data"].as_object_mut()
            {
                data.values_mut().for_each(|value| *value = Value::Null);
            }
            Ok(Arc::new(object))
        })
    }

    /// Returns whether a user is allowed to do something, or without a user, whether this identity itself is.
    pub(crate) fn is_allowed(self: &Arc<Self>, user: Option<&User>, action: &ResourceAction) -> KubeCall<bool> {
        let (cluster, user, action) = (Arc::clone(self), user.cloned(), action.clone());
        let is_settled = |response: &KubeResult<bool>| matches!(response, Ok(true));
        self.reviews
            .call((user.clone(), action.clone()), is_settled, || async move {
                let (kind, path, review) = access_review(user, &action);
                let path = format!("/apis/authorization.k8s.io/v1/{path}");
                let (response, _) = cluster.send(Method::POST, &path, Some(&review), None).await?;
                response["status"]["allowed"]
                    .as_bool()
                    .ok_or_else(|| KubeError::Unreachable(format!("the response to a {kind} has no status.allowed")))
            })
    }

    /// Returns the user as which the cluster knows this identity. Every authenticated user is allowed to look that up.
    pub(crate) async fn who_am_i(self: &Arc<Self>) -> KubeResult<User> {
        const PATH: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let cluster = Arc::clone(self);
        let review = self.objects.call(PATH.to_owned(), Result::is_ok, || async move {
            let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
            let (response, _) = cluster.send(Method::POST, PATH, Some(&review), None).await?;
            Ok(Arc::new(response))
        });
        let review = review.await?;
        let info = &review["status"]["userInfo"];
        // aws-iam-authenticator adds what STS returned. A text with the access key in it differs in each session.
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

    /// Tries to create an object, as another user if there is one. The object is not kept (`dryRun=All`).
    pub(crate) async fn try_create(&self, path: &str, object: &Value, user: Option<&User>) -> KubeResult<Admitted> {
        let path = format!("{path}?dryRun=All");
        let (object, warnings) = self.send(Method::POST, &path, Some(object), user).await?;
        Ok(Admitted { object, warnings })
    }

    /// Returns the user as which the cluster itself creates the pods of Jobs.
    pub(crate) fn job_controller() -> User {
        User::service_account(JOB_CONTROLLER.0, JOB_CONTROLLER.1)
    }

    /// Makes a call, and returns the object in its response and its warnings.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        user: Option<&User>,
    ) -> KubeResult<(Value, Vec<String>)> {
        let (bytes, warnings) = self.send_for_bytes(method, path, body, user).await?;
        Ok((response::object(&bytes)?, warnings))
    }

    /// Makes a call, again if the API throttles it or does not work at the moment, and returns the body of its response and its
    /// warnings. Each call can be repeated: a change does not count twice (`change`).
    async fn send_for_bytes(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        user: Option<&User>,
    ) -> KubeResult<ResponseBody> {
        let unreachable = |error: String| KubeError::Unreachable(error);
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        let mut attempt = 0;
        let end = Instant::now() + PATIENCE;
        loop {
            let request = request::request(&method, path, body, user).map_err(unreachable)?;
            let uri = request.uri();
            let action = format!("{method} {}", uri.path_and_query().map_or("", |path| path.as_str()));
            let log = LoggedCall::start("kubernetes", action, &self.host, attempt + 1);
            let client = if user.is_some() {
                &self.impersonating
            } else {
                &self.client
            };
            let response = tokio::time::timeout(ATTEMPT, send_once(client, request, &log)).await;
            let (response, requested) = response.unwrap_or_else(|_| {
                let message = format!("no response within {} s", ATTEMPT.as_secs());
                log.failed(&message);
                (Err(KubeError::Unreachable(message)), None)
            });
            attempt += 1;
            let Err(error) = &response else {
                return response;
            };
            let pause = Duration::from_millis(fastrand::u64(100..=400) << attempt.min(6));
            let pause = requested.unwrap_or(pause.min(LONGEST_PAUSE));
            let is_repeated = if error.is_throttled() {
                Instant::now() + pause < end
            } else {
                error.is_busy() && attempt < ATTEMPTS
            };
            if !is_repeated {
                return response;
            }
            tokio::time::sleep(pause).await;
        }
    }
}

/// Makes a call once, and returns its response and the pause that the API requests before the next attempt.
async fn send_once(
    client: &kube::Client,
    request: Request<Vec<u8>>,
    log: &LoggedCall,
) -> (KubeResult<ResponseBody>, Option<Duration>) {
    let sent = client.send(request.map(kube::client::Body::from)).await;
    let response = match sent {
        Ok(response) => response,
        Err(error) => {
            let error = KubeError::from_connection(&error);
            log.failed(&error);
            return (Err(error), None);
        }
    };
    let status = response.status().as_u16();
    // The ID under which the cluster's audit log has the request.
    let id = response.headers().get("audit-id").cloned();
    let pause = response::retry_after(response.headers());
    let read = response::read(response).await;
    log.finished(status, id.as_ref().and_then(|id| id.to_str().ok()));
    (read, pause)
}

/// Returns the kind, the resource, and the object of the access review for a user, or without one for the identity
/// that creates the review.
fn access_review(user: Option<User>, action: &ResourceAction) -> (&'static str, &'static str, Value) {
    let (kind, resource) = match user {
        Some(_) => ("SubjectAccessReview", "subjectaccessreviews"),
        None => ("SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    };
    let mut review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": kind,
        "spec": {"resourceAttributes": {
            "group": action.group,
            "resource": action.resource,
            "verb": action.verb,
            "namespace": action.namespace,
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
    (kind, resource, review)
}

#[cfg(test)]
mod tests;
