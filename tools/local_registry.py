"""A provider registry over HTTPS on localhost, for tools/test-release."""

import base64
import hashlib
import http.server
import io
import json
import re
import ssl
import urllib.parse
import zipfile


def package_hash(content):
    """Returns the hash of a package that a lock file has after `h1:`. It depends on the files, not on the zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        lines = [f"{hashlib.sha256(package.read(name)).hexdigest()}  {name}\n" for name in sorted(package.namelist())]
    return base64.b64encode(hashlib.sha256("".join(lines).encode()).digest()).decode()


class Registry(http.server.ThreadingHTTPServer):
    """The provider registry protocol over HTTPS, for one version, and a network mirror of it below /mirror/. It also serves
    an Orchestrator without runners."""

    def __init__(self, address, provider, version, dist, key_id, public_key, certificate):
        self.address, self.provider, self.version = address, provider, version
        self.sums = f"{provider}_{version}_SHA256SUMS"
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.files = {file.name: file.read_bytes() for file in dist.iterdir()}
        self.hashes = {name: f"h1:{package_hash(self.files[name])}" for name in self.packages().values()}
        self.keys = [{"key_id": key_id, "ascii_armor": public_key}]
        self.protocols = json.loads(self.files[f"{self.provider}_{self.version}_manifest.json"])["metadata"]["protocol_versions"]
        self.requests = []

    @property
    def host(self):
        return f"localhost:{self.server_port}"

    def sum(self, name):
        lines = [line.split() for line in self.files[self.sums].decode(errors="replace").splitlines()]
        return next(line[0] for line in lines if line[-1] == name)

    def packages(self):
        """Returns the names of the provider's packages by their platforms, which are pairs."""
        names = [name for name in self.files if name.startswith(f"{self.provider}_") and name.endswith(".zip")]
        return {tuple(name.removesuffix(".zip").split("_")[-2:]): name for name in names}

    def archives(self):
        """Returns the packages as a network mirror lists them."""
        return {
            f"{system}_{processor}": {"url": f"/files/{name}", "hashes": [self.hashes[name]]}
            for (system, processor), name in self.packages().items()
        }

    def respond(self, path):
        """Returns the body of a response, or None for 404."""
        base = f"/v1/providers/{self.address}"
        if path == "/.well-known/terraform.json":
            return {"providers.v1": "/v1/providers/"}
        if re.fullmatch(rf"/mirror/[^/]+/{self.address}/index\.json", path):
            return {"versions": {self.version: {}}}
        if re.fullmatch(rf"/mirror/[^/]+/{self.address}/{re.escape(self.version)}\.json", path):
            return {"archives": self.archives()}
        if path == f"{base}/versions":
            platforms = [{"os": system, "arch": processor} for system, processor in self.packages()]
            return {"versions": [{"version": self.version, "protocols": self.protocols, "platforms": platforms}]}
        if found := re.fullmatch(rf"{base}/{re.escape(self.version)}/download/(\w+)/(\w+)", path):
            name = f"{self.provider}_{self.version}_{found[1]}_{found[2]}.zip"
            return {
                "protocols": self.protocols, "os": found[1], "arch": found[2], "filename": name,
                "download_url": f"/files/{name}", "shasum": self.sum(name),
                "shasums_url": f"/files/{self.sums}", "shasums_signature_url": f"/files/{self.sums}.sig",
                "signing_keys": {"gpg_public_keys": self.keys},
            }
        if path.startswith("/files/"):
            return self.files.get(path.removeprefix("/files/"))
        if re.fullmatch(r"/orgs/[^/]+/runners", path):
            return {"items": []}
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = urllib.parse.unquote(self.path.partition("?")[0])
        self.server.requests.append(path)
        body = self.server.respond(path)
        self.send_response(200 if body is not None else 404)
        if not isinstance(body, bytes):
            self.send_header("Content-Type", "application/json")
            body = json.dumps(body or {}).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
