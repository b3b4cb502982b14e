"""The authorization webhook of the API server: what the access policies of a caller's entry allow.

As on EKS, it goes by the principal that the authenticator found, not by the user name: a SubjectAccessReview
for the name alone finds no policy. What each policy allows follows
https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html, without its rarer resources.
"""

from fnmatch import fnmatchcase
from typing import Any

import eks
from state import Sandbox

_READ = {"get", "list", "watch"}
_WRITE = {"create", "delete", "deletecollection", "patch", "update"}
_VISIBLE = {
    "": {
        "configmaps",
        "endpoints",
        "events",
        "limitranges",
        "namespaces",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "resourcequotas",
        "serviceaccounts",
        "services",
    },
    "apps": {"controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"},
    "autoscaling": {"horizontalpodautoscalers"},
    "batch": {"cronjobs", "jobs"},
    "networking.k8s.io": {"ingresses", "networkpolicies"},
    "policy": {"poddisruptionbudgets"},
}
_NOT_EDITABLE = {"endpoints", "events", "limitranges", "namespaces", "resourcequotas"}


def review(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """Returns the response to a SubjectAccessReview: allowed, or no opinion."""
    spec = body["spec"]
    principal_id = spec.get("extra", {}).get("principalId", [""])[0]
    with sandbox.lock:
        allowed = any(
            _allows(policy, spec)
            for entry in eks.entries_in_force(sandbox)
            if entry.principal_id == principal_id
            for policy in entry.policies.values()
        )
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "status": {"allowed": allowed}}


def _allows(policy: dict[str, Any], spec: dict[str, Any]) -> bool:
    name = policy["policyArn"].split("/")[-1]
    scope = policy["accessScope"]
    attributes = spec.get("resourceAttributes")
    if attributes is None:
        return name == "AmazonEKSClusterAdminPolicy" and scope["type"] == "cluster"
    namespace = attributes.get("namespace", "")
    if scope["type"] == "namespace" and not any(fnmatchcase(namespace, pattern) for pattern in scope["namespaces"]):
        return False
    verb, group, resource = attributes.get("verb", ""), attributes.get("group", ""), attributes.get("resource", "")
    visible = resource in _VISIBLE.get(group, set())
    match name:
        case "AmazonEKSClusterAdminPolicy":
            return True
        case "AmazonEKSAdminViewPolicy":
            return verb in _READ
        case "AmazonEKSViewPolicy":
            return visible and verb in _READ
        case "AmazonEKSSecretReaderPolicy":
            return (group, resource) == ("", "secrets") and verb in _READ
        case "AmazonEKSAutoNodePolicy":
            # What the parts of a node of EKS Auto Mode need is not modeled here.
            return False
    editable = (visible and resource not in _NOT_EDITABLE) or (group, resource) == ("", "secrets")
    edits = (visible and verb in _READ) or (editable and verb in _READ | _WRITE)
    if name == "AmazonEKSAdminPolicy":
        administers = group == "rbac.authorization.k8s.io" and resource in ("roles", "rolebindings")
        reviews = (group, resource, verb) == ("authorization.k8s.io", "localsubjectaccessreviews", "create")
        return edits or administers and verb in _READ | _WRITE or reviews
    return edits
