//! The API server over plain HTTP, through `kubectl proxy`, as the cluster's administrator. Setting a runner up and
//! removing what tests created is done before each of them, and a process of kubectl takes half a second of processor
//! time.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

use super::error::Error;
use super::{Eks, EksOptions, node};

/// The kinds that tests create in a namespace, by their paths.
const CONTENT: [(&str, &str); 4] = [
    ("apis/batch/v1", "jobs"),
    ("apis/rbac.authorization.k8s.io/v1", "roles,rolebindings"),
    (
        "api/v1",
        "pods,serviceaccounts,secrets,configmaps,resourcequotas,limitranges,events",
    ),
    ("apis/coordination.k8s.io/v1", "leases"),
];

/// A client of `kubectl proxy`.
pub(super) struct ApiServer {
    url: String,
    agent: Agent,
}

impl ApiServer {
    /// A client for the proxy on a port of 127.0.0.1.
    pub(super) fn new(port: u16) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).proxy(None).build();
        Self {
            url: format!("http://127.0.0.1:{port}"),
            agent: config.into(),
        }
    }

    /// Whether the API server reports that it is ready and has created its namespaces.
    pub(super) fn is_ready(&self) -> bool {
        let is_there = |name: &str| self.get(&format!("api/v1/namespaces/{name}")).is_ok();
        self.send("GET", "readyz", &Value::Null)
            .is_ok_and(|(status, _)| status == 200)
            && is_there("default")
            && is_there("kube-system")
    }

    /// Creates an object or changes it to this one. `path` is that of its kind, such as `api/v1/namespaces`.
    pub(super) fn apply(&self, path: &str, object: &Value) -> Result<(), Error> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let path = format!("{path}/{name}?fieldManager=sandbox&force=true");
        self.done("PATCH", &path, object).map(drop)
    }

    /// Creates the cluster's node.
    pub(super) fn create_node(&self, options: &EksOptions) -> Result<(), Error> {
        let mut node = self.done("POST", "api/v1/nodes", &node::node(options))?;
        // Admission taints every new node as not ready, and only the controller of a cloud takes the taint away.
        node["spec"]["taints"].take();
        let path = format!("api/v1/nodes/{}", node::name(options));
        self.done("PUT", &path, &node).map(drop)
    }

    /// Waits until no pod is left: the Job controller has to remove its finalizer from those of a deleted Job.
    fn wait_for_no_pods(&self) -> Result<(), Error> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let pods = self.get("api/v1/pods")?;
            if pods["items"].as_array().is_none_or(Vec::is_empty) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(Error::ApiServer {
                    request: "GET /api/v1/pods".to_owned(),
                    message: format!("pods are left: {pods}"),
                });
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Deletes all claims and volumes. Admission adds a finalizer to each, which only the controllers remove.
    fn delete_volumes(&self) -> Result<(), Error> {
        for kind in ["persistentvolumeclaims", "persistentvolumes"] {
            let mut objects = self.get(&format!("api/v1/{kind}"))?;
            for object in objects["items"].as_array_mut().into_iter().flatten() {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                let path = match object["metadata"]["namespace"].as_str() {
                    Some(namespace) => format!("api/v1/namespaces/{namespace}/{kind}/{name}"),
                    None => format!("api/v1/{kind}/{name}"),
                };
                object["metadata"]["finalizers"] = json!([]);
                object["metadata"]["resourceVersion"].take();
                self.done("PUT", &path, object)?;
                // One that was deleted before went with its finalizer.
                self.send("DELETE", &path, &Value::Null)?;
            }
        }
        Ok(())
    }

    fn get(&self, path: &str) -> Result<Value, Error> {
        self.done("GET", path, &Value::Null)
    }

    /// The response to a request that has to succeed.
    fn done(&self, method: &str, path: &str, body: &Value) -> Result<Value, Error> {
        let (status, text) = self.send(method, path, body)?;
        let failed = |message: String| Error::ApiServer {
            request: format!("{method} /{path}"),
            message,
        };
        if !(200..300).contains(&status) {
            return Err(failed(text));
        }
        serde_json::from_str(&text).map_err(|error| failed(error.to_string()))
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Result<(u16, String), Error> {
        let failed = |error: &dyn ToString| Error::ApiServer {
            request: format!("{method} /{path}"),
            message: error.to_string(),
        };
        let content_type = match method {
            "PATCH" => "application/apply-patch+yaml",
            _ => "application/json",
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.url))
            .header("Content-Type", content_type)
            .body(if body.is_null() {
                String::new()
            } else {
                body.to_string()
            })
            .map_err(|error| failed(&error))?;
        let response = self.agent.run(request);
        let mut response = response.map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string();
        Ok((status, text.map_err(|error| failed(&error))?))
    }
}

impl Eks {
    /// Deletes every namespace that a test created, with what is in it, all volumes, and the `aws-auth` ConfigMap, and
    /// replaces all nodes by the one that the cluster started with.
    pub(super) fn reset_cluster(&self) -> Result<(), Error> {
        let api = &self.api_server;
        // It is missing after most tests.
        let aws_auth = "api/v1/namespaces/kube-system/configmaps/aws-auth";
        api.send("DELETE", aws_auth, &Value::Null)?;
        let at_once = json!({"gracePeriodSeconds": 0, "propagationPolicy": "Background"});
        api.done("DELETE", "api/v1/nodes", &at_once)?;
        api.create_node(&self.options)?;
        api.delete_volumes()?;
        let namespaces = api.get("api/v1/namespaces")?;
        let names = namespaces["items"].as_array().into_iter().flatten();
        let names = names.filter_map(|namespace| namespace["metadata"]["name"].as_str());
        for namespace in names.filter(|name| *name != "default" && !name.starts_with("kube-")) {
            for (group, kinds) in CONTENT {
                for kind in kinds.split(',') {
                    let path = format!("{group}/namespaces/{namespace}/{kind}");
                    api.done("DELETE", &path, &at_once)?;
                }
            }
            if self.options.runs_jobs {
                api.wait_for_no_pods()?;
            }
            let path = format!("api/v1/namespaces/{namespace}");
            api.done("DELETE", &path, &Value::Null)?;
            // What the namespace controller does last; there is none here.
            let finalized = json!({
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": namespace},
                "spec": {"finalizers": []},
            });
            api.done("PUT", &format!("{path}/finalize"), &finalized)?;
        }
        Ok(())
    }
}
