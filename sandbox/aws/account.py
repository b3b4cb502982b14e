"""The account before anything is set up: an administrator, and the cluster that the administrator created."""

import json

from moto.eks.models import eks_backends
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

import eks
import kms
import s3
from identity import Identity, iam
from state import Sandbox

ADMINISTRATOR = "admin"
_EVERYTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


def populate(sandbox: Sandbox) -> dict[str, str]:
    """Creates the administrator and the cluster. Returns the administrator's access key."""
    backend = iam(sandbox.account, sandbox.region)
    backend.create_user(sandbox.region, ADMINISTRATOR)
    backend.put_user_policy(ADMINISTRATOR, "everything", json.dumps(_EVERYTHING))
    key = backend.create_access_key(ADMINISTRATOR)
    # The authenticator cannot read a ConfigMap before the API server runs. The process that starts this one sets the mode then.
    _make_cluster(sandbox, eks.API)
    return {"AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret_access_key}


def reset(sandbox: Sandbox) -> None:
    """Restores the account of the start. The administrator and its key stay."""
    backend = iam(sandbox.account, sandbox.region)
    administrator = backend.users[ADMINISTRATOR]
    backend.reset()
    backend.users[ADMINISTRATOR] = administrator
    sts_backends[sandbox.account][get_partition(sandbox.region)].reset()
    eks_backends[sandbox.account].reset()
    s3.reset(sandbox)
    kms.reset(sandbox)
    _make_cluster(sandbox, eks.API_AND_CONFIG_MAP)


def _make_cluster(sandbox: Sandbox, authentication_mode: str) -> None:
    administrator = iam(sandbox.account, sandbox.region).users[ADMINISTRATOR]
    creator = Identity(administrator.arn, administrator.id, sandbox.account, set(), [])
    role = f"arn:{sandbox.partition}:iam::{sandbox.account}:role/eks-cluster-role"
    parameters = {
        "name": sandbox.cluster_name,
        "roleArn": role,
        "resourcesVpcConfig": {"subnetIds": ["subnet-0a1b2c3d", "subnet-4e5f6a7b"]},
        "accessConfig": {"authenticationMode": authentication_mode},
    }
    eks.make_cluster(sandbox, sandbox.region, parameters, creator)
