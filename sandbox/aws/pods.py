"""EKS: the parts of the AWS identity of pods that moto lacks: Pod Identity associations and add-ons.

https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html
https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAddon.html
"""

import time
import uuid
from typing import Any

from moto.eks.models import Cluster

import eks
from errors import AwsError
from identity import Identity
from request import Request
from state import Sandbox

#: What a summary in a list has of an association.
_SUMMARY = ["clusterName", "namespace", "serviceAccount", "associationArn", "associationId"]


# Pod Identity associations


def create_association(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """A new association; a service account has one at most, and the role is of the cluster's account."""
    cluster, parameters = eks.cluster_of(sandbox, request), request.parameters
    for other in cluster.associations.values():
        if (other["namespace"], other["serviceAccount"]) == (parameters["namespace"], parameters["serviceAccount"]):
            raise AwsError("ResourceInUseException", f"Association already exists: {other['associationId']}", 409)
    _validate_role(sandbox, parameters["roleArn"])
    identifier = f"a-{uuid.uuid4().hex[:17]}"
    now = time.time()
    association = {
        "clusterName": cluster.name,
        "namespace": parameters["namespace"],
        "serviceAccount": parameters["serviceAccount"],
        "roleArn": parameters["roleArn"],
        "associationArn": _arn(sandbox, request, f"podidentityassociation/{cluster.name}/{identifier}"),
        "associationId": identifier,
        "tags": parameters.get("tags", {}),
        "createdAt": now,
        "modifiedAt": now,
        "disableSessionTags": parameters.get("disableSessionTags", False),
    }
    cluster.associations[identifier] = association
    _set_target(sandbox, request, cluster, association)
    return {"association": association}


def update_association(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Another role, another target role, or other tags."""
    association, parameters = _association(sandbox, request), request.parameters
    if "roleArn" in parameters:
        _validate_role(sandbox, parameters["roleArn"])
    for name in ("roleArn", "disableSessionTags"):
        if name in parameters:
            association[name] = parameters[name]
    association["modifiedAt"] = time.time()
    _set_target(sandbox, request, eks.cluster_of(sandbox, request), association)
    return {"association": association}


def describe_association(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """One association."""
    return {"association": _association(sandbox, request)}


def list_associations(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Returns the associations, or those of one namespace or service account if the request names them."""
    parameters = request.parameters
    found = eks.cluster_of(sandbox, request).associations.values()
    for name in ("namespace", "serviceAccount"):
        found = [one for one in found if parameters.get(name) in (None, one[name])]
    return {"associations": [{name: one[name] for name in _SUMMARY} for one in found]}


def delete_association(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Deletes an association."""
    association = _association(sandbox, request)
    del eks.cluster_of(sandbox, request).associations[association["associationId"]]
    return {"association": association}


def _association(sandbox: Sandbox, request: Request) -> dict[str, Any]:
    identifier = request.parameters["associationId"]
    association = eks.cluster_of(sandbox, request).associations.get(identifier)
    if association is None:
        raise AwsError(
            "ResourceNotFoundException", f"The association with associationId '{identifier}' does not exist.", 404
        )
    return association


def _set_target(sandbox: Sandbox, request: Request, cluster: Cluster, association: dict[str, Any]) -> None:
    target = request.parameters.get("targetRoleArn")
    if target is None:
        return
    association["targetRoleArn"] = target
    # region/account/cluster/namespace/service account:
    # https://docs.aws.amazon.com/eks/latest/userguide/pod-id-assign-target-role.html
    association["externalId"] = "/".join(
        [request.region, sandbox.account, cluster.name, association["namespace"], association["serviceAccount"]]
    )


def _validate_role(sandbox: Sandbox, role_arn: str) -> None:
    if role_arn.split(":")[4:5] != [sandbox.account]:
        raise AwsError("InvalidParameterException", "Cross-account pass role is not allowed.")


# Add-ons


def create_addon(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """A new add-on, active at once."""
    cluster, name = eks.cluster_of(sandbox, request), request.parameters["addonName"]
    if name in cluster.addons:
        raise AwsError("ResourceInUseException", "Addon already exists.", 409)
    now = time.time()
    cluster.addons[name] = {
        "addonName": name,
        "clusterName": cluster.name,
        "status": "ACTIVE",
        "addonVersion": request.parameters.get("addonVersion", "v1.3.8-eksbuild.2"),
        "health": {"issues": []},
        "addonArn": _arn(sandbox, request, f"addon/{cluster.name}/{name}/{uuid.uuid4()}"),
        "createdAt": now,
        "modifiedAt": now,
        "tags": request.parameters.get("tags", {}),
    }
    return {"addon": cluster.addons[name]}


def describe_addon(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """One add-on."""
    return {"addon": _addon(sandbox, request)}


def list_addons(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """The names of the add-ons."""
    return {"addons": list(eks.cluster_of(sandbox, request).addons)}


def delete_addon(sandbox: Sandbox, request: Request, caller: Identity) -> dict[str, Any]:
    """Deletes an add-on at once."""
    addon = _addon(sandbox, request)
    del eks.cluster_of(sandbox, request).addons[addon["addonName"]]
    return {"addon": {**addon, "status": "DELETING"}}


def _addon(sandbox: Sandbox, request: Request) -> dict[str, Any]:
    name = request.parameters["addonName"]
    addon = eks.cluster_of(sandbox, request).addons.get(name)
    if addon is None:
        raise AwsError(
            "ResourceNotFoundException", f"No addon: {name} found in cluster: {request.parameters['name']}", 404
        )
    return addon


def _arn(sandbox: Sandbox, request: Request, resource: str) -> str:
    return f"arn:{sandbox.partition}:eks:{request.region}:{sandbox.account}:{resource}"
