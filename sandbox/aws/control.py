"""The control endpoint: sets the sandbox up and breaks it, and is the API server's authorization webhook.

Plain HTTP on a free port of 127.0.0.1, JSON in and out:

    POST   /call            one AWS API call, through the proxy: {service, operation, parameters, region?, credentials?},
                            or in another account than the sandbox's: {…, account}
    POST   /oidc-token      a token of the issuer: {claims, lifetime?, forged?}
    POST   /cluster-token   a bearer token for the cluster: {credentials, region?, cluster?}
    GET    /faults          the faults in force
    PUT    /faults          other faults instead; {} for none
    PATCH  /cluster         sets {status, authenticationMode, resourcesVpcConfig, computeConfig, identity, addons}
    GET    /calls           how often each AWS action was called
    DELETE /calls           counts from zero again, tokens too
    GET    /tokens          how many tokens the cluster was shown
    POST   /reset           the account as it was at the start
    POST   /authorize       a SubjectAccessReview of the API server
"""

import base64
import json
import threading
import traceback
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.signers import RequestSigner

import account
import authorizer
import eks
from faults import Faults
from proxy import Proxy
from service import OTHER_ACCOUNT, SETUP_USER_AGENT


class Control(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1."""

    daemon_threads = True

    def __init__(self, proxy: Proxy, administrator: dict[str, str]):
        super().__init__(("127.0.0.1", 0), _Command)
        self.sandbox = proxy.sandbox
        self._proxy_url = f"http://127.0.0.1:{proxy.server_port}"
        self._administrator = administrator
        self._clients: dict[str, BaseClient] = {}
        self._lock = threading.Lock()

    def call(self, body: dict[str, Any]) -> Any:
        """Returns the response of AWS, or its error."""
        try:
            client = self._client(body["service"], body.get("region"), body.get("credentials"), body.get("account"))
            response = client._make_api_call(body["operation"], body.get("parameters", {}))
        except ClientError as error:
            return {"error": {"code": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}}
        except BotoCoreError as error:
            return {"error": {"code": type(error).__name__, "message": str(error)}}
        response.pop("ResponseMetadata", None)
        return {"result": response}

    def oidc_token(self, body: dict[str, Any]) -> Any:
        """Returns a token with the requested claims."""
        issuer = self.sandbox.issuer
        return {"token": issuer.token(body["claims"], body.get("lifetime", 3600), body.get("forged", False))}

    def cluster_token(self, body: dict[str, Any]) -> Any:
        """A presigned GetCallerIdentity for the cluster, as https://docs.aws.amazon.com/eks describes its tokens."""
        region = body.get("region", self.sandbox.region)
        client = self._client("sts", region, body["credentials"])
        credentials = self._session(body["credentials"]).get_credentials()
        signer = RequestSigner(client.meta.service_model.service_id, region, "sts", "v4", credentials, client.meta.events)
        url = signer.generate_presigned_url(
            {
                "method": "GET",
                "url": f"{client.meta.endpoint_url}/?Action=GetCallerIdentity&Version=2011-06-15",
                "body": {},
                "headers": {"x-k8s-aws-id": body.get("cluster", self.sandbox.cluster_name)},
                "context": {},
            },
            region_name=region,
            expires_in=60,
            operation_name="",
        )
        return {"token": "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")}

    def set_faults(self, body: dict[str, Any]) -> Any:
        """Replaces the faults."""
        self.sandbox.faults = Faults.parse(body)
        return self.sandbox.faults.as_dict()

    def set_cluster(self, body: dict[str, Any]) -> Any:
        """Changes the cluster without its API."""
        with self.sandbox.lock:
            eks.set_cluster(self.sandbox, body)
        return {}

    def reset_calls(self, body: dict[str, Any]) -> Any:
        """Sets the counts of the calls to zero."""
        self.sandbox.calls.clear()
        self.sandbox.tokens.clear()
        return {}

    def reset(self, body: dict[str, Any]) -> Any:
        """Removes everything that was set up, and all faults."""
        with self.sandbox.lock:
            self.sandbox.faults = Faults()
            self.sandbox.calls.clear()
            account.reset(self.sandbox)
        return {}

    def _session(self, credentials: dict[str, str] | None) -> boto3.Session:
        keys = credentials or self._administrator
        return boto3.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
        )

    def _client(
        self, service: str, region: str | None, credentials: dict[str, str] | None, account: str | None = None
    ) -> BaseClient:
        region = region or self.sandbox.region
        name = json.dumps([service, region, credentials, account], sort_keys=True)
        with self._lock:
            if name not in self._clients:
                config = Config(
                    proxies={"https": self._proxy_url},
                    user_agent_extra=SETUP_USER_AGENT,
                    retries={"total_max_attempts": 1},
                )
                client = self._session(credentials).client(
                    service, region_name=region, config=config, verify=self.sandbox.aws_ca_file
                )
                if account:
                    client.meta.events.register(
                        "before-sign", lambda request, **_: request.headers.add_header(OTHER_ACCOUNT, account)
                    )
                self._clients[name] = client
            return self._clients[name]


class _Command(BaseHTTPRequestHandler):
    """One request of the test's process or of the API server."""

    protocol_version = "HTTP/1.1"
    server: Control
    disable_nagle_algorithm = True

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        control = self.server
        commands = {
            "POST /call": control.call,
            "POST /oidc-token": control.oidc_token,
            "POST /cluster-token": control.cluster_token,
            "GET /faults": lambda body: control.sandbox.faults.as_dict(),
            "PUT /faults": control.set_faults,
            "PATCH /cluster": control.set_cluster,
            "GET /calls": lambda body: dict(control.sandbox.calls),
            "DELETE /calls": control.reset_calls,
            "GET /tokens": lambda body: len(control.sandbox.tokens),
            "POST /reset": control.reset,
            "POST /authorize": lambda body: authorizer.review(control.sandbox, body),
        }
        command = commands.get(f"{self.command} {path}")
        try:
            if command is None:
                status, content = 404, {"error": f"no such command: {self.command} {path}"}
            else:
                status, content = 200, command(json.loads(body) if body else {})
        except Exception as error:
            traceback.print_exc()
            status, content = 400, {"error": f"{type(error).__name__}: {error}"}
        content = json.dumps(content, default=_plain).encode()
        self.wfile.write(
            f"HTTP/1.1 {status} \r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            + content
        )

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _respond

    def log_message(self, format: str, *args) -> None:
        """Commands are not logged: they carry tokens."""


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
