"""What OpenTofu's and Terraform's s3 backend needs, measured: one permission denied at a time.

    python generate.py

runs both programs (`tofu` and `terraform` on the PATH, or `$TOFU` and `$TERRAFORM`) through the life of a state with the backend
block that the Orchestrator writes, against moto's S3, and prints a table as JSON. The server in front of moto refuses
what a caller without the permission is refused. What each operation needs is what the API reference of S3 says of it; so
is the rule that a look-up of a missing object is 403, and not 404, without `s3:ListBucket` ("HeadObject"), and that a
request to a region other than the bucket's is redirected.

The rows of OpenTofu 1.10.0, which the runner's public image has, are generated only if `$TOFU_OF_RUNNER` is that program, and are kept
otherwise.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from moto.moto_proxy.proxy3 import MotoRequestHandler
from moto.s3.models import s3_backends

BUCKET, REGION, ACCOUNT = "states", "eu-central-1", "123456789012"
STEPS = {
    "init": ["init", "-input=false"],
    "plan": ["plan", "-input=false", "-out=plan"],
    "apply": ["apply", "-input=false", "plan"],
    "output": ["output", "-json"],
    "second plan": ["plan", "-input=false", "-out=plan"],
    "second apply": ["apply", "-input=false", "plan"],
    "destroy": ["destroy", "-input=false", "-auto-approve"],
}
MAIN = """
terraform {
  backend "s3" {
    bucket = "states"
    key    = "runners/b07e4d19-5c2f-4a86-9d3b-e81f6a2c7d50.tfstate"
  }
}

resource "terraform_data" "one" {
  input = uuid()
}

output "one" {
  value = terraform_data.one.output
}
"""
RUNNER = "tofu 1.10.0"
PERMISSIONS = ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"]


class Server(ThreadingHTTPServer):
    """S3 and STS with one permission denied."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.moto = MotoRequestHandler(0)
        self.lock = threading.Lock()
        self.denied = ""
        self.operations: list[str] = []

    def start_again(self, denied: str) -> None:
        """An empty bucket, and one permission denied."""
        self.denied, self.operations = denied, []
        backend = s3_backends[ACCOUNT]["aws"]
        backend.reset()
        backend.create_bucket(BUCKET, REGION)


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        # The server is the proxy of both programs.
        address = urlsplit(self.path)
        self.path = address.path + (f"?{address.query}" if address.query else "")
        with self.server.lock:
            status, headers, content = self._service(body)
        if self.command == "HEAD":
            length, content = headers.get("Content-Length") or headers.get("content-length") or "0", b""
        else:
            length = str(len(content))
        kept = {key: value for key, value in headers.items() if key.lower() not in ("content-length", "connection")}
        head = "".join(f"{key}: {value}\r\n" for key, value in kept.items())
        self.wfile.write(f"HTTP/1.1 {status} \r\n{head}Content-Length: {length}\r\n\r\n".encode() + content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _respond

    def _service(self, body: bytes) -> tuple[int, dict, bytes]:
        scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", self.headers.get("Authorization", ""))
        region, service = scope.groups() if scope else ("", "")
        if service == "sts":
            return self._call_moto("sts", body)
        operation, permission = self._operation()
        self.server.operations.append(operation)
        if region != REGION:
            return _error(301, "PermanentRedirect", {"x-amz-bucket-region": REGION})
        if permission == self.server.denied:
            return _error(403, "AccessDenied", {})
        status, headers, content = self._call_moto(f"{BUCKET}.s3", body)
        if status == 404 and self.server.denied == "s3:ListBucket":
            return _error(403, "AccessDenied", {})
        return status, headers, content

    def _operation(self) -> tuple[str, str]:
        """The operation and the permission that the API reference names for it."""
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        on_object = path != "/"
        match (self.command, on_object):
            case ("GET", False) if "list-type" in query or "prefix" in query:
                return f"ListObjectsV2 {query.get('prefix', [''])[0]}", "s3:ListBucket"
            case ("HEAD", False):
                return "HeadBucket", "s3:ListBucket"
            case ("HEAD", True):
                return "HeadObject", "s3:GetObject"
            case ("GET", True):
                return "GetObject", "s3:GetObject"
            case ("PUT", True):
                return "PutObject", "s3:PutObject"
            case ("DELETE", True):
                return "DeleteObject", "s3:DeleteObject"
        return f"{self.command} {self.path}", "unknown"

    def _call_moto(self, service: str, body: bytes) -> tuple[int, dict, bytes]:
        host = f"https://{service}.{REGION}.amazonaws.com"
        sent = {key: value for key, value in self.headers.items() if key.lower() != "host"}
        status, headers, content = self.server.moto.parse_request(self.command, host, self.path, sent, body)
        return status, dict(headers), content.encode() if isinstance(content, str) else content

    def log_message(self, format: str, *args) -> None:
        pass


def _error(status: int, code: str, headers: dict) -> tuple[int, dict, bytes]:
    body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
    return status, {"Content-Type": "application/xml", **headers}, body


def measure(program: str, server: Server, environment: dict[str, str]) -> dict:
    """The first step that fails, and the operations of each step."""
    variables = {
        "PATH": os.environ["PATH"],
        "HTTP_PROXY": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "an-id",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
        "AWS_ENDPOINT_URL_S3": "http://s3.example",
        "AWS_ENDPOINT_URL_STS": "http://sts.example",
        "AWS_EC2_METADATA_DISABLED": "true",
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_CONFIG_FILE": "/dev/null",
        **environment,
    }
    operations = {}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.tf").write_text(MAIN)
        for step, arguments in STEPS.items():
            server.operations = []
            command = [program, *arguments, "-no-color"]
            done = subprocess.run(
                command, cwd=folder, env={"HOME": folder, **variables}, stdin=subprocess.DEVNULL, capture_output=True
            )
            operations[step] = list(dict.fromkeys(server.operations))
            if done.returncode != 0:
                text = (done.stdout + done.stderr).decode()
                found = re.search(r"Error: (.*)", text)
                print(f"{program}: {step}: {text}", file=sys.stderr)
                # A request has another ID each time.
                error = re.sub(r"(Request|Host)ID: [^,]*,\s*", "", found.group(1) if found else text)
                return {"fails_at": step, "error": error.strip(), "operations": operations}
    return {"fails_at": None, "operations": operations}


def rows() -> Iterator[dict]:
    """The rows of the table."""
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, variable in (("tofu", "TOFU"), ("terraform", "TERRAFORM"), ("tofu", "TOFU_OF_RUNNER")):
        program = os.environ.get(variable)
        if program is None and variable == "TOFU_OF_RUNNER":
            kept = json.loads(Path(__file__).with_name("table.json").read_text())
            yield from (row for row in kept if row["program"] == RUNNER)
            continue
        program = program or shutil.which(name)
        if program is None:
            sys.exit(f"{name} is not on the PATH")
        environment = os.environ | {"TF_CLI_CONFIG_FILE": "/dev/null"}
        command = [program, "version", "-json"]
        shown = subprocess.run(command, capture_output=True, check=True, env=environment).stdout
        version = f"{name} {json.loads(shown)['terraform_version']}"
        here = {"AWS_REGION": REGION}
        for denied in ["", *PERMISSIONS]:
            server.start_again(denied)
            yield {"program": version, "denied": denied or None, "region": REGION, **measure(program, server, here)}
        for variable in ("AWS_DEFAULT_REGION", "AWS_REGION", None):
            other = {variable: REGION if variable == "AWS_DEFAULT_REGION" else "us-east-1"} if variable else {}
            server.start_again("")
            yield {
                "program": version,
                "denied": None,
                "region": next(iter(other.values()), None),
                **measure(program, server, other),
            }


if __name__ == "__main__":
    json.dump(list(rows()), sys.stdout, indent=1)
    print()
