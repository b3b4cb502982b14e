//! The mount of the service account's token in the Orchestrator's container.

use serde_json::Value;

use crate::runner::job_container::MAIN;

/// The directory in which client-go's in-cluster configuration reads the token and the CA (k8s.io/client-go/rest,
/// `InClusterConfig`). The namespace is in the backend's block, so that file is not read.
pub(super) const DIRECTORY: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The same directory in an image in which `/var/run` is a link to `/run`, as in those of Debian and Alpine.
const LINKED_DIRECTORY: &str = "/run/secrets/kubernetes.io/serviceaccount";
/// The files that the configuration reads there.
const FILES: [&str; 2] = ["token", "ca.crt"];

/// The content of [`DIRECTORY`] in the container.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TokenFiles {
    /// Every file exists.
    Files,
    /// Every file exists, unless the service account turns the mount off.
    ByServiceAccount,
    /// No file exists, because the pod turns the mount off.
    Off,
    /// A volume with this name is mounted at [`LINKED_DIRECTORY`]. The files exist if the image has the link.
    Linked(String),
    /// A volume is mounted that lacks this file.
    Lacks(&'static str),
    /// A volume with this name is mounted, whose content only the cluster knows.
    Unknown(String),
    /// A volume with this name is mounted, with a token for this audience, which the API server might not accept.
    Audience(String, String),
}

/// The audience of the API server of EKS: the default of kube-apiserver for a token without one is its own
/// (`--api-audiences`), and EKS issues its service account tokens for this one.
const API_AUDIENCE: &str = "https://kubernetes.default.svc";

/// Returns the content of [`DIRECTORY`] in the container of a pod spec.
///
/// The API server mounts the token there unless the pod or its service account turns the mount off, or the container
/// mounts something else at that path (plugin/pkg/admission/serviceaccount).
pub(super) fn find(spec: &Value) -> TokenFiles {
    let automount = match &spec["automountServiceAccountToken"] {
        Value::Bool(true) => TokenFiles::Files,
        Value::Bool(false) => TokenFiles::Off,
        _ => TokenFiles::ByServiceAccount,
    };
    let mut result = TokenFiles::Files;
    for file in FILES {
        let path = format!("{DIRECTORY}/{file}");
        let one = match nearest(spec, &path) {
            Some(mount) if mount_path(mount).len() >= DIRECTORY.len() || automount == TokenFiles::Off => {
                provided(spec, mount, &path, file)
            }
            _ => match automount {
                TokenFiles::Files => TokenFiles::Files,
                TokenFiles::Off => return linked(spec).map_or(TokenFiles::Off, TokenFiles::Linked),
                _ => TokenFiles::ByServiceAccount,
            },
        };
        match one {
            TokenFiles::Files => {}
            TokenFiles::Lacks(_) => return one,
            // If one of the files is uncertain, the result is uncertain.
            other => result = other,
        }
    }
    result
}

/// Returns the name of the volume that has the files at [`LINKED_DIRECTORY`] in the container, or might have them.
pub(super) fn linked(spec: &Value) -> Option<String> {
    let mut volume = None;
    for file in FILES {
        let path = format!("{LINKED_DIRECTORY}/{file}");
        let mount = nearest(spec, &path)?;
        if let TokenFiles::Lacks(_) = provided(spec, mount, &path, file) {
            return None;
        }
        volume = mount["name"].as_str();
    }
    volume.map(str::to_owned)
}

/// Returns the mount of the container that is nearest to a file: it hides the others.
fn nearest<'a>(spec: &'a Value, path: &str) -> Option<&'a Value> {
    let containers = spec["containers"].as_array()?;
    let main = containers.iter().find(|one| one["name"] == MAIN)?;
    let mounts = main["volumeMounts"].as_array()?.iter();
    mounts
        .filter(|mount| below(path, mount_path(mount)).is_some())
        .max_by_key(|mount| mount_path(mount).len())
}

fn mount_path(mount: &Value) -> &str {
    mount["mountPath"].as_str().unwrap_or_default().trim_end_matches('/')
}

/// Returns the rest of a path below a directory. It is empty if the path is the directory itself.
fn below<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(directory)?;
    match rest.strip_prefix('/') {
        Some(rest) => Some(rest),
        None => rest.is_empty().then_some(rest),
    }
}

/// Returns whether a mounted volume has a file.
fn provided(spec: &Value, mount: &Value, path: &str, file: &'static str) -> TokenFiles {
    let rest = below(path, mount_path(mount)).unwrap_or_default();
    let sub_path = mount["subPath"].as_str().unwrap_or_default();
    let parts = [sub_path.trim_matches('/'), rest];
    let wanted: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let wanted = wanted.join("/");
    let name = mount["name"].as_str().unwrap_or_default();
    let mut volumes = spec["volumes"].as_array().into_iter().flatten();
    let Some(volume) = volumes.find(|volume| volume["name"] == name) else {
        return TokenFiles::Lacks(file);
    };
    let Some(sources) = volume["projected"]["sources"].as_array() else {
        return TokenFiles::Unknown(name.to_owned());
    };
    let mut is_unknown = false;
    for source in sources {
        let token = &source["serviceAccountToken"];
        if token["path"] == wanted.as_str() {
            return match token["audience"].as_str() {
                None | Some("" | API_AUDIENCE) => TokenFiles::Files,
                Some(other) => TokenFiles::Audience(name.to_owned(), other.to_owned()),
            };
        }
        for kind in ["configMap", "secret", "downwardAPI"] {
            match source[kind]["items"].as_array() {
                Some(items) if items.iter().any(|item| item["path"] == wanted.as_str()) => {
                    return TokenFiles::Files;
                }
                Some(_) => {}
                // Without items, each key is a file. Every namespace has this ConfigMap.
                None if source[kind]["name"] == "kube-root-ca.crt" && wanted == "ca.crt" => {
                    return TokenFiles::Files;
                }
                None => is_unknown |= source[kind].is_object(),
            }
        }
        is_unknown |= source["clusterTrustBundle"]["path"] == wanted.as_str();
    }
    if is_unknown {
        TokenFiles::Unknown(name.to_owned())
    } else {
        TokenFiles::Lacks(file)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(automount: Value, mounts: Value, sources: Value) -> Value {
        json!({
            "automountServiceAccountToken": automount,
            "containers": [{"name": "side"}, {"name": "main", "volumeMounts": mounts}],
            "volumes": [{"name": "tofu", "emptyDir": {}}, {"name": "t", "projected": {"sources": sources}}],
        })
    }

    #[test]
    fn the_pod_decides_and_then_the_service_account() {
        let with = |automount| {
            find(&spec(
                automount,
                json!([{"name": "tofu", "mountPath": "/opt/runner/tofu"}]),
                json!([]),
            ))
        };
        assert_eq!(with(json!(null)), TokenFiles::ByServiceAccount);
        assert_eq!(with(json!(true)), TokenFiles::Files);
        assert_eq!(with(json!(false)), TokenFiles::Off);
    }

    #[test]
    fn a_projected_volume_replaces_the_token() {
        let token = json!({"serviceAccountToken": {"path": "token"}});
        let of = |audience: &str| json!({"serviceAccountToken": {"path": "token", "audience": audience}});
        let ca = json!({"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}});
        let ca_by_key = json!({"configMap": {"name": "kube-root-ca.crt"}});
        let at = |path: &str| json!([{"name": "t", "mountPath": path}]);
        for (mounts, sources, expected) in [
            (at(DIRECTORY), json!([token, ca]), TokenFiles::Files),
            (at(&format!("{DIRECTORY}/")), json!([ca, token]), TokenFiles::Files),
            (at(DIRECTORY), json!([token]), TokenFiles::Lacks("ca.crt")),
            (at(DIRECTORY), json!([of(""), ca]), TokenFiles::Files),
            (at(DIRECTORY), json!([of(API_AUDIENCE), ca]), TokenFiles::Files),
            (
                at(DIRECTORY),
                json!([of("vault"), ca]),
                TokenFiles::Audience("t".to_owned(), "vault".to_owned()),
            ),
            (at(DIRECTORY), json!([ca]), TokenFiles::Lacks("token")),
            (at(DIRECTORY), json!([token, ca_by_key]), TokenFiles::Files),
            (
                at(DIRECTORY),
                json!([token, {"secret": {"name": "s"}}]),
                TokenFiles::Unknown("t".to_owned()),
            ),
            (
                at("/var/run/secrets/kubernetes.io"),
                json!([token, ca]),
                TokenFiles::Lacks("token"),
            ),
            (
                at("/var/run/secrets/kubernetes.io/serviceaccount2"),
                json!([token, ca]),
                TokenFiles::Off,
            ),
            (at("/elsewhere"), json!([token, ca]), TokenFiles::Off),
            (
                at(LINKED_DIRECTORY),
                json!([token, ca]),
                TokenFiles::Linked("t".to_owned()),
            ),
            (at(LINKED_DIRECTORY), json!([token]), TokenFiles::Off),
            (
                json!([
                    {"name": "t", "mountPath": format!("{DIRECTORY}/token"), "subPath": "token"},
                    {"name": "t", "mountPath": format!("{DIRECTORY}/ca.crt"), "subPath": "ca.crt"},
                ]),
                json!([token, ca]),
                TokenFiles::Files,
            ),
            (
                json!([{"name": "t", "mountPath": format!("{DIRECTORY}/token"), "subPath": "token"}]),
                json!([token, ca]),
                TokenFiles::Off,
            ),
            (
                json!([{"name": "tofu", "mountPath": DIRECTORY}]),
                json!([]),
                TokenFiles::Unknown("tofu".to_owned()),
            ),
            (
                json!([{"name": "absent", "mountPath": DIRECTORY}]),
                json!([]),
                TokenFiles::Lacks("token"),
            ),
        ] {
            assert_eq!(
                find(&spec(json!(false), mounts.clone(), sources.clone())),
                expected,
                "{mounts} {sources}"
            );
        }
        // A mount in another container does not count.
        let mut other = spec(json!(false), json!([]), json!([token, ca]));
        other["containers"][0]["volumeMounts"] = at(DIRECTORY);
        assert_eq!(find(&other), TokenFiles::Off);
    }

    #[test]
    fn a_volume_at_that_path_hides_the_token() {
        let lacking = spec(json!(true), json!([{"name": "t", "mountPath": DIRECTORY}]), json!([]));
        assert_eq!(find(&lacking), TokenFiles::Lacks("token"));
        // The token's own volume covers a volume at a parent directory.
        let above = spec(
            json!(true),
            json!([{"name": "t", "mountPath": "/var/run/secrets"}]),
            json!([]),
        );
        assert_eq!(find(&above), TokenFiles::Files);
    }
}
