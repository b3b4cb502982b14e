//! The cluster's objects in Terraform for hashicorp/kubernetes, from their manifests.

use std::fmt::Write as _;

use serde_json::Value;

use crate::access::identifier;

/// One resource a manifest. Where a namespace is one of the resources, it is referred to, so that it
/// is made first.
pub(super) fn render(manifests: &str) -> String {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifests).unwrap_or_default();
    let resources: Vec<String> = documents.iter().map(resource).collect();
    resources.join("\n")
}

fn resource(manifest: &Value) -> String {
    let (kind, body) = match manifest["kind"].as_str().unwrap_or_default() {
        "Namespace" => ("kubernetes_namespace_v1", metadata(manifest)),
        "ServiceAccount" => ("kubernetes_service_account_v1", metadata(manifest)),
        "Role" => ("kubernetes_role_v1", metadata(manifest) + &rules(manifest)),
        _ => (
            "kubernetes_role_binding_v1",
            metadata(manifest) + &binding(manifest),
        ),
    };
    format!("resource \"{kind}\" {} {{\n{body}}}\n", label(manifest))
}

fn metadata(manifest: &Value) -> String {
    let Value::String(namespace) = &manifest["metadata"]["namespace"] else {
        return format!(
            "  metadata {{\n    name = {}\n  }}\n",
            string(&manifest["metadata"]["name"])
        );
    };
    format!(
        "  metadata {{\n    name      = {}\n    namespace = kubernetes_namespace_v1.{}.metadata[0].name\n  }}\n",
        string(&manifest["metadata"]["name"]),
        identifier(namespace)
    )
}

fn rules(manifest: &Value) -> String {
    let mut text = String::new();
    for rule in manifest["rules"].as_array().into_iter().flatten() {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "  rule {{\n    api_groups = {}\n    resources  = {}\n    verbs      = {}\n  }}\n",
            list(&rule["apiGroups"]),
            list(&rule["resources"]),
            list(&rule["verbs"])
        );
    }
    text
}

fn binding(manifest: &Value) -> String {
    let role = &manifest["roleRef"];
    let mut text = format!(
        "  role_ref {{\n    api_group = {}\n    kind      = {}\n    name      = kubernetes_role_v1.{}.metadata[0].name\n  }}\n",
        string(&role["apiGroup"]),
        string(&role["kind"]),
        within(
            &manifest["metadata"]["namespace"],
            role["name"].as_str().unwrap_or_default()
        )
    );
    for subject in manifest["subjects"].as_array().into_iter().flatten() {
        // A user has no namespace, and a service account no API group.
        let (key, value) = match &subject["namespace"] {
            Value::Null => ("api_group", &subject["apiGroup"]),
            namespace => ("namespace", namespace),
        };
        let _ = write!(
            text,
            "  subject {{\n    {key} = {}\n    kind      = {}\n    name      = {}\n  }}\n",
            string(value),
            string(&subject["kind"]),
            string(&subject["name"])
        );
    }
    text
}

/// A resource's own name: that of the object, behind its namespace's.
fn label(manifest: &Value) -> String {
    let metadata = &manifest["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    format!("\"{}\"", within(&metadata["namespace"], name))
}

/// The identifier of an object in a namespace, if it is in one.
fn within(namespace: &Value, name: &str) -> String {
    match namespace.as_str() {
        Some(namespace) => identifier(&format!("{namespace}_{name}")),
        None => identifier(name),
    }
}

fn list(values: &Value) -> String {
    let values = values.as_array().into_iter().flatten();
    format!("[{}]", values.map(string).collect::<Vec<_>>().join(", "))
}

/// A text as Terraform's string: JSON's, but for what begins a template.
fn string(text: &Value) -> String {
    text.to_string().replace("${", "$${").replace("%{", "%%{")
}
