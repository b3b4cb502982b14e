"""EKS: clusters on top of moto's, and access entries with their policies, which moto lacks."""

import ipaddress
import json
import re
import threading
import time
import uuid
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moto.eks.exceptions import EKSError
from moto.eks.models import Cluster, eks_backends

import authenticator
from errors import AwsError
from identity import Identity, iam
from request import Request
from state import Sandbox

API = "API"
CONFIG_MAP = "CONFIG_MAP"
API_AND_CONFIG_MAP = "API_AND_CONFIG_MAP"

ACCESS_POLICIES = [
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSAutoNodePolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSSecretReaderPolicy",
    "AmazonEKSViewPolicy",
]
#: The user name of an entry for nodes. The authenticator renders the first one for EC2 instances alone.
#: https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html
_INSTANCE = "system:node:{{EC2PrivateDNSName}}"
_NODE_USERNAMES = {
    "EC2": _INSTANCE,
    "EC2_LINUX": _INSTANCE,
    "EC2_WINDOWS": _INSTANCE,
    "FARGATE_LINUX": "system:node:{{SessionName}}",
    "HYBRID_LINUX": "system:node:{{SessionName}}",
    "HYPERPOD_LINUX": "system:node:{{SessionName}}",
}
_TYPES = ["STANDARD", *_NODE_USERNAMES]
_RESERVED_PREFIXES = ("system:", "eks:", "aws:", "amazon:", "iam:")


@dataclass
class AccessEntry:
    """A principal's access to a cluster. It belongs to the principal's unique id, not to its name alone."""

    cluster_name: str
    principal_arn: str
    principal_id: str
    arn: str
    username: str
    groups: list[str]
    type: str
    tags: dict[str, str]
    created_at: float
    modified_at: float
    #: The associated access policies by ARN: their scope and times.
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Returns the entry as the API returns it."""
        return {
            "clusterName": self.cluster_name,
            "principalArn": self.principal_arn,
            "kubernetesGroups": self.groups,
            "accessEntryArn": self.arn,
            "createdAt": self.created_at,
            "modifiedAt": self.modified_at,
            "tags": self.tags,
            "username": self.username,
            "type": self.type,
        }


# Clusters


def create_cluster(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """A new cluster. Only the one that the sandbox was started with has an API server behind it, which clusters of the same
    name in other regions share: the authenticator knows a cluster by its name."""
    cluster = make_cluster(sandbox, request.region, request.parameters, caller)
    return {"cluster": _cluster_json(sandbox, request.region, cluster)}


def make_cluster(sandbox: Sandbox, region: str, parameters: dict[str, Any], creator: Identity) -> Cluster:
    """Creates a cluster from the parameters of CreateCluster."""
    access = parameters.get("accessConfig", {})
    try:
        cluster = eks_backends[sandbox.account][region].create_cluster(
            name=parameters["name"],
            role_arn=parameters["roleArn"],
            version=parameters.get("version", "1.34"),
            resources_vpc_config=_vpc_config({}, parameters.get("resourcesVpcConfig", {})),
            tags=parameters.get("tags"),
        )
    except EKSError as error:
        raise AwsError(error.TYPE, json.loads(error.description).get("message", ""), error.STATUS) from None
    cluster.authentication_mode = access.get("authenticationMode", CONFIG_MAP)
    cluster.access_entries = {}
    # By id, and by name.
    cluster.associations, cluster.addons = {}, {}
    cluster.compute_config = parameters.get("computeConfig")
    cluster.updates = {}
    if access.get("bootstrapClusterCreatorAdminPermissions", True) and cluster.authentication_mode != CONFIG_MAP:
        entry = _add_entry(sandbox, region, cluster, creator.arn, creator.user_id, {})
        _associate(entry, _policy_arn(sandbox, "AmazonEKSClusterAdminPolicy"), {"type": "cluster", "namespaces": []})
    publish(sandbox)
    return cluster


def describe_cluster(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """The cluster."""
    return {"cluster": _cluster_json(sandbox, request.region, cluster_of(sandbox, request))}


def update_cluster_config(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Changes the endpoint's access or the authentication mode, at once."""
    cluster = cluster_of(sandbox, request)
    parameters = request.parameters
    wanted = parameters.get("accessConfig", {}).get("authenticationMode", cluster.authentication_mode)
    order = [CONFIG_MAP, API_AND_CONFIG_MAP, API]
    if order.index(wanted) not in (order.index(cluster.authentication_mode), order.index(cluster.authentication_mode) + 1):
        raise AwsError(
            "InvalidParameterException",
            f"Unsupported authentication mode update from {cluster.authentication_mode} to {wanted}",
        )
    network = parameters.get("resourcesVpcConfig", {})
    refused = [cidr for cidr in network.get("publicAccessCidrs", []) if _is_private(cidr)]
    if refused:
        raise AwsError(
            "InvalidParameterException",
            f"The following CIDRs are not allowed in publicAccessCidrs: [{', '.join(refused)}]",
        )
    cluster.authentication_mode = wanted
    cluster.resources_vpc_config = _vpc_config(cluster.resources_vpc_config, network)
    publish(sandbox)
    kind = "AccessConfigUpdate" if "accessConfig" in parameters else "EndpointAccessUpdate"
    update = {
        "id": str(uuid.uuid4()),
        "status": "Successful",
        "type": kind,
        "params": [],
        "createdAt": time.time(),
        "errors": [],
    }
    cluster.updates[update["id"]] = update
    return {"update": update}


def describe_update(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """An update of the cluster, always finished."""
    update = cluster_of(sandbox, request).updates.get(request.parameters["updateId"])
    if update is None:
        raise AwsError("ResourceNotFoundException", f"No update found for ID: {request.parameters['updateId']}", 404)
    return {"update": update}


def set_cluster(sandbox: Sandbox, values: dict[str, Any]) -> None:
    """Sets what no API call can set: the status, any authentication mode, any access of the endpoint, Auto Mode,
    the states of add-ons, and no issuer of service accounts."""
    cluster = eks_backends[sandbox.account][sandbox.region].clusters[sandbox.cluster_name]
    cluster.status = values.get("status", cluster.status)
    cluster.authentication_mode = values.get("authenticationMode", cluster.authentication_mode)
    cluster.resources_vpc_config = {**cluster.resources_vpc_config, **values.get("resourcesVpcConfig", {})}
    cluster.compute_config = values.get("computeConfig", cluster.compute_config)
    cluster.identity = values.get("identity", cluster.identity)
    for name, status in values.get("addons", {}).items():
        cluster.addons[name]["status"] = status
    publish(sandbox)


def cluster_of(sandbox: Sandbox, request: Request) -> Cluster:
    """The cluster that a request names."""
    name = request.parameters["name"]
    cluster = eks_backends[sandbox.account][request.region].clusters.get(name)
    if cluster is None:
        raise AwsError("ResourceNotFoundException", f"No cluster found for name: {name}.", 404)
    return cluster


def _is_private(cidr: str) -> bool:
    # EKS refuses the ranges for documentation as well, which the tests use.
    ranges = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
    network = ipaddress.ip_network(cidr, strict=False)
    return any(network.version == 4 and network.subnet_of(ipaddress.ip_network(one)) for one in ranges)


def _vpc_config(current: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    defaults = {
        "subnetIds": [],
        "securityGroupIds": [],
        "clusterSecurityGroupId": "sg-0123456789abcdef0",
        "vpcId": "vpc-0123456789abcdef0",
        "endpointPublicAccess": True,
        "endpointPrivateAccess": False,
        "publicAccessCidrs": ["0.0.0.0/0"],
    }
    return {**defaults, **current, **parameters}


def _cluster_json(sandbox: Sandbox, region: str, cluster: Cluster) -> dict[str, Any]:
    real = cluster.name == sandbox.cluster_name
    described = {
        "name": cluster.name,
        "arn": cluster.arn,
        "createdAt": cluster.created_at.timestamp(),
        "version": cluster.version,
        "roleArn": cluster.role_arn,
        "resourcesVpcConfig": cluster.resources_vpc_config,
        "kubernetesNetworkConfig": cluster.kubernetes_network_config,
        "logging": cluster.logging,
        "identity": cluster.identity,
        "status": cluster.status,
        "platformVersion": "eks.20",
        "tags": cluster.tags,
        "accessConfig": {"authenticationMode": cluster.authentication_mode},
        "upgradePolicy": {"supportType": "EXTENDED"},
        "deletionProtection": False,
    }
    if cluster.compute_config is not None:
        described["computeConfig"] = cluster.compute_config
    if cluster.status not in ("CREATING", "PENDING"):
        authority = Path(sandbox.cluster_ca_file).read_bytes() if real else b"no API server is behind this cluster"
        described["endpoint"] = f"https://{sandbox.cluster_host}" if real else cluster.endpoint
        described["certificateAuthority"] = {"data": b64encode(authority).decode()}
    return described


# Access entries


def create_access_entry(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """A new entry, for a role or user that exists now."""
    cluster = _cluster_with_entries(sandbox, request)
    principal = request.parameters["principalArn"]
    if principal in cluster.access_entries:
        raise AwsError(
            "ResourceInUseException", "The specified access entry resource is already in use on this cluster.", 409
        )
    backend = iam(sandbox.account, request.region)
    owner = next((one for one in [*backend.roles.values(), *backend.users.values()] if one.arn == principal), None)
    if owner is None or not sandbox.is_visible("role", owner.id):
        raise AwsError("InvalidParameterException", "The specified principalArn is invalid: invalid principal.")
    _validate(request)
    entry = _add_entry(sandbox, request.region, cluster, principal, owner.id, request.parameters)
    publish(sandbox, after=sandbox.propagate("access-entry", entry.arn))
    return {"accessEntry": entry.as_json()}


def list_access_entries(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """The principals that have an entry."""
    cluster = _cluster_with_entries(sandbox, request)
    entries = [entry for entry in cluster.access_entries.values() if sandbox.is_visible("access-entry", entry.arn)]
    policy = request.parameters.get("associatedPolicyArn")
    return {"accessEntries": [entry.principal_arn for entry in entries if policy is None or policy in entry.policies]}


def describe_access_entry(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """One entry."""
    return {"accessEntry": _entry(sandbox, request).as_json()}


def update_access_entry(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Changes an entry's groups and user name."""
    entry = _entry(sandbox, request)
    _validate(request)
    entry.groups = request.parameters.get("kubernetesGroups", entry.groups)
    entry.username = request.parameters.get("username", entry.username)
    entry.modified_at = time.time()
    publish(sandbox)
    return {"accessEntry": entry.as_json()}


def delete_access_entry(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Deletes an entry. Its principal is no longer admitted."""
    entry = _entry(sandbox, request)
    del cluster_of(sandbox, request).access_entries[entry.principal_arn]
    publish(sandbox)
    return {}


def entries_in_force(sandbox: Sandbox) -> list[AccessEntry]:
    """The entries of the real cluster that its API server goes by now."""
    cluster = eks_backends[sandbox.account][sandbox.region].clusters.get(sandbox.cluster_name)
    if cluster is None or cluster.authentication_mode == CONFIG_MAP:
        return []
    return [entry for entry in cluster.access_entries.values() if sandbox.is_visible("access-entry", entry.arn)]


def publish(sandbox: Sandbox, after: float = 0.0) -> None:
    """Writes the current entries for the authenticator, now and again when something new has propagated."""
    with sandbox.lock:
        cluster = eks_backends[sandbox.account][sandbox.region].clusters.get(sandbox.cluster_name)
        roles, users = [], []
        for entry in entries_in_force(sandbox):
            kind, mappings = ("role", roles) if ":role/" in entry.principal_arn else ("user", users)
            mappings.append(
                {
                    f"{kind}arn": entry.principal_arn,
                    "userid": entry.principal_id,
                    "username": entry.username,
                    "groups": entry.groups,
                }
            )
        authenticator.write(sandbox, cluster.authentication_mode if cluster else API, roles, users)
    if after > 0:
        timer = threading.Timer(after, publish, [sandbox])
        timer.daemon = True
        timer.start()


def _cluster_with_entries(sandbox: Sandbox, request: Request) -> Cluster:
    cluster = cluster_of(sandbox, request)
    if cluster.authentication_mode == CONFIG_MAP:
        raise AwsError(
            "InvalidRequestException",
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this "
            "operation.",
        )
    return cluster


def _entry(sandbox: Sandbox, request: Request) -> AccessEntry:
    entry = _cluster_with_entries(sandbox, request).access_entries.get(request.parameters["principalArn"])
    if entry is None or not sandbox.is_visible("access-entry", entry.arn):
        raise AwsError(
            "ResourceNotFoundException",
            "The specified principalArn could not be found. You can view your available access entries with "
            "'list-access-entries'.",
            404,
        )
    return entry


def _validate(request: Request) -> None:
    parameters = request.parameters
    kind = parameters.get("type", "STANDARD")
    problem = None
    if kind not in _TYPES:
        problem = "The specified type is invalid."
    elif kind != "STANDARD" and ("username" in parameters or "kubernetesGroups" in parameters):
        problem = "The username and kubernetesGroups can be specified for access entries of type STANDARD only."
    elif any(group.startswith(_RESERVED_PREFIXES) for group in parameters.get("kubernetesGroups", [])):
        problem = "The kubernetes group name is invalid: it cannot start with system:, eks:, aws:, amazon: or iam:."
    elif parameters.get("username", "").startswith(_RESERVED_PREFIXES):
        problem = "The username is invalid: it cannot start with system:, eks:, aws:, amazon: or iam:."
    elif re.match(r"[^:]*\{\{SessionName", parameters.get("username", "")):
        problem = "The username is invalid: it must have a colon before {{SessionName}} or {{SessionNameRaw}}."
    if problem:
        raise AwsError("InvalidParameterException", problem)


def _add_entry(
    sandbox: Sandbox, region: str, cluster: Cluster, principal: str, principal_id: str, parameters: dict[str, Any]
) -> AccessEntry:
    kind, _, path = principal.split(":")[-1].partition("/")
    name = path.split("/")[-1]
    session = f"arn:{sandbox.partition}:sts::{sandbox.account}:assumed-role/{name}/{{{{SessionName}}}}"
    of_nodes = _NODE_USERNAMES.get(parameters.get("type", "STANDARD"))
    entry = AccessEntry(
        cluster_name=cluster.name,
        principal_arn=principal,
        principal_id=principal_id,
        arn=f"arn:{sandbox.partition}:eks:{region}:{sandbox.account}:access-entry/{cluster.name}/{kind}/"
        f"{sandbox.account}/{name}/{uuid.uuid4()}",
        username=of_nodes or parameters.get("username") or (session if kind == "role" else principal),
        groups=["system:nodes"] if of_nodes else parameters.get("kubernetesGroups", []),
        type=parameters.get("type", "STANDARD"),
        tags=parameters.get("tags", {}),
        created_at=time.time(),
        modified_at=time.time(),
    )
    cluster.access_entries[principal] = entry
    return entry


# Access policies


def list_access_policies(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """The policies that can be associated."""
    return {"accessPolicies": [{"name": name, "arn": _policy_arn(sandbox, name)} for name in ACCESS_POLICIES]}


def associate_access_policy(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Associates an access policy with an entry, for the cluster or for some namespaces."""
    entry = _entry(sandbox, request)
    policy, scope = request.parameters["policyArn"], request.parameters["accessScope"]
    if policy not in {_policy_arn(sandbox, name) for name in ACCESS_POLICIES}:
        raise AwsError("InvalidParameterException", f"The specified policyArn is invalid: {policy}")
    # Besides STANDARD, only entries of nodes of EKS Auto Mode can have a policy, and only the one for these nodes.
    if entry.type != "STANDARD" and (entry.type, policy.split("/")[-1]) != ("EC2", "AmazonEKSAutoNodePolicy"):
        raise AwsError(
            "InvalidRequestException", f"Access policies cannot be associated with an access entry of type {entry.type}."
        )
    _associate(entry, policy, {"type": scope["type"], "namespaces": scope.get("namespaces", [])})
    return {**_names(entry), "associatedAccessPolicy": entry.policies[policy]}


def list_associated_access_policies(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """The policies of an entry."""
    entry = _entry(sandbox, request)
    return {**_names(entry), "associatedAccessPolicies": list(entry.policies.values())}


def disassociate_access_policy(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Removes an access policy from an entry."""
    if _entry(sandbox, request).policies.pop(request.parameters["policyArn"], None) is None:
        raise AwsError("ResourceNotFoundException", "The specified policyArn is not associated with the entry.", 404)
    return {}


def _associate(entry: AccessEntry, policy: str, scope: dict[str, Any]) -> None:
    now = time.time()
    entry.policies[policy] = {"policyArn": policy, "accessScope": scope, "associatedAt": now, "modifiedAt": now}


def _names(entry: AccessEntry) -> dict[str, str]:
    return {"clusterName": entry.cluster_name, "principalArn": entry.principal_arn}


def _policy_arn(sandbox: Sandbox, name: str) -> str:
    return f"arn:{sandbox.partition}:eks::aws:cluster-access-policy/{name}"
