"""The path of an AWS request: faults, signature, permission, and then the response, ours or moto's."""

import os
from typing import Any, Callable

from moto.moto_proxy.proxy3 import MotoRequestHandler
from werkzeug.exceptions import HTTPException

import eks
import iam
import kms
import pods
import s3
import sts
from authorization import authorize
from errors import AwsError
from identity import Identity, authenticate
from request import Request, Response
from state import Sandbox

Handler = Callable[[Sandbox, Request, Identity], dict[str, Any]]

#: The user agent of the sandbox's own calls, which no fault affects and which are not counted.
SETUP_USER_AGENT = "sandbox-setup"

#: The header of the sandbox's own calls in another account than its own.
OTHER_ACCOUNT = "x-sandbox-account"

_HANDLERS: dict[str, Handler] = {
    "eks:AssociateAccessPolicy": eks.associate_access_policy,
    "eks:CreateAccessEntry": eks.create_access_entry,
    "eks:CreateAddon": pods.create_addon,
    "eks:CreateCluster": eks.create_cluster,
    "eks:CreatePodIdentityAssociation": pods.create_association,
    "eks:DeleteAccessEntry": eks.delete_access_entry,
    "eks:DeleteAddon": pods.delete_addon,
    "eks:DeletePodIdentityAssociation": pods.delete_association,
    "eks:DescribeAccessEntry": eks.describe_access_entry,
    "eks:DescribeAddon": pods.describe_addon,
    "eks:DescribeCluster": eks.describe_cluster,
    "eks:DescribePodIdentityAssociation": pods.describe_association,
    "eks:DescribeUpdate": eks.describe_update,
    "eks:DisassociateAccessPolicy": eks.disassociate_access_policy,
    "eks:ListAccessEntries": eks.list_access_entries,
    "eks:ListAccessPolicies": eks.list_access_policies,
    "eks:ListAddons": pods.list_addons,
    "eks:ListAssociatedAccessPolicies": eks.list_associated_access_policies,
    "eks:ListPodIdentityAssociations": pods.list_associations,
    "eks:UpdateAccessEntry": eks.update_access_entry,
    "eks:UpdateClusterConfig": eks.update_cluster_config,
    "eks:UpdatePodIdentityAssociation": pods.update_association,
    "iam:AddClientIDToOpenIDConnectProvider": iam.add_client_id,
    "iam:RemoveClientIDFromOpenIDConnectProvider": iam.remove_client_id,
    "iam:SimulatePrincipalPolicy": iam.simulate_principal_policy,
    "kms:DescribeKey": kms.describe_key,
    "kms:GetKeyPolicy": kms.get_key_policy,
    "kms:ListGrants": kms.list_grants,
    "sts:AssumeRole": sts.assume_role,
    "sts:GetCallerIdentity": sts.get_caller_identity,
}


class Service:
    """AWS, behind the proxy."""

    def __init__(self, sandbox: Sandbox):
        self._sandbox = sandbox
        self._moto = MotoRequestHandler(0)

    def respond(self, request: Request) -> Response:
        """Returns the response to a request."""
        try:
            return self._respond(request)
        except AwsError as error:
            return request.refuse(error)

    def _respond(self, request: Request) -> Response:
        sandbox = self._sandbox
        # The authenticator sends the presigned URL of a token: that call is the cluster's, not the caller's.
        of_the_cluster = request.signature is not None and request.signature.presigned
        if of_the_cluster:
            sandbox.tokens.add(request.signature.signature)
        own = SETUP_USER_AGENT in (request.headers.get("User-Agent") or "")
        if not own and not of_the_cluster:
            sandbox.calls[request.action] += 1
            sandbox.faults.strike(request)
        with sandbox.lock:
            if request.action == "sts:AssumeRoleWithWebIdentity":
                if request.action in sandbox.faults.deny:
                    raise AwsError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
                return request.respond(sts.assume_role_with_web_identity(sandbox, request))
            if request.service == "s3" and (redirection := s3.redirect(request)):
                return redirection
            caller = authenticate(sandbox, request)
            # An account besides the sandbox's own, which the sandbox sets up.
            if own and (account := request.headers.get(OTHER_ACCOUNT)):
                return self._call_moto_in(account, request)
            denied = [] if own else sandbox.faults.deny
            if request.is_head_bucket:
                return s3.head_bucket(request, self._is_allowed(request, caller, denied))
            authorize(request, caller, denied, sandbox.partition)
            if request.service == "s3":
                s3.refuse_other_account(request, caller, sandbox.partition)
            if handler := _HANDLERS.get(request.action):
                return request.respond(handler(sandbox, request, caller))
            if request.action == "iam:GetRole":
                iam.refuse_hidden_role(sandbox, request)
            response = self._call_moto(request)
            if request.action == "iam:CreateRole" and response[0] == 200:
                iam.propagate_role(sandbox, request)
            if request.action in ("iam:AttachRolePolicy", "iam:PutRolePolicy") and response[0] == 200:
                iam.propagate_policy(sandbox, request)
            return response

    def _is_allowed(self, request: Request, caller: Identity, denied: list[str]) -> bool:
        try:
            authorize(request, caller, denied, self._sandbox.partition)
            s3.refuse_other_account(request, caller, self._sandbox.partition)
        except AwsError:
            return False
        return True

    def _call_moto_in(self, account: str, request: Request) -> Response:
        """Returns moto's response in another account. The caller holds the lock."""
        os.environ["MOTO_ACCOUNT_ID"] = account
        try:
            return self._call_moto(request)
        finally:
            os.environ["MOTO_ACCOUNT_ID"] = self._sandbox.account

    def _call_moto(self, request: Request) -> Response:
        """Returns moto's response, whatever the host name of the request is."""
        host = f"https://{request.service}.{request.region}.amazonaws.com"
        path = request.s3_path if request.service == "s3" else request.path
        path = f"{path}?{request.query}" if request.query else path
        # moto would look for the bucket in the host's name.
        sent = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        try:
            status, headers, body = self._moto.parse_request(request.method, host, path, sent, kms.body_for_moto(request))
        except HTTPException as error:
            status, headers, body = error.code or 500, dict(error.get_headers()), error.get_body()
        return status, headers, body.encode() if isinstance(body, str) else body
