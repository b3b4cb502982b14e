"""The HTTPS proxy: AWS's real host names and the Orchestrator's issuer end here, the cluster's endpoint is led to the API
server, nothing leaves."""

import datetime
import http.client
import socket
import ssl
import sys
import tempfile
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from request import Request, Response, service_of
from service import Service
from state import Sandbox


class Proxy(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, sandbox: Sandbox):
        super().__init__(("127.0.0.1", 0), _Connection)
        self.sandbox = sandbox
        self.service = Service(sandbox)
        self.authority = _Authority(Path(sandbox.aws_ca_file))
        self.cluster_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.cluster_context.load_cert_chain(sandbox.cluster_certificate_file, sandbox.cluster_key_file)

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up, or does not trust our CA, is not worth a message."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    """One client: a CONNECT, then the requests inside the tunnel."""

    protocol_version = "HTTP/1.1"
    server: Proxy
    timeout = 120
    disable_nagle_algorithm = True

    def do_CONNECT(self) -> None:
        """Opens a tunnel to AWS or to the cluster."""
        self.host = self.path.rsplit(":", 1)[0].lower()
        sandbox = self.server.sandbox
        self.to_cluster = self.host == sandbox.cluster_host.lower()
        if self.to_cluster and sandbox.faults.cluster_unreachable:
            self.send_error(504, "The sandbox makes its cluster unreachable")
        elif self.to_cluster and not (sandbox.faults.kubernetes_delay_ms or sandbox.faults.opens_cluster_tls):
            self._relay(("127.0.0.1", sandbox.api_server_port))
        elif self.to_cluster:
            trust = ssl.create_default_context(cafile=sandbox.cluster_ca_file)
            self.upstream = http.client.HTTPSConnection("127.0.0.1", sandbox.api_server_port, context=trust, timeout=60)
            opened = sandbox.faults.opens_cluster_tls
            self._terminate(self.server.authority.context(self.host) if opened else self.server.cluster_context)
        elif service_of(self.host) or self._is_issuer() and not sandbox.faults.issuer.get("unreachable"):
            self._terminate(self.server.authority.context(self.host))
        else:
            self.send_error(502, f"The sandbox knows no host {self.host}")

    def _is_issuer(self) -> bool:
        """Whether the host is the issuer of an installation: Humanitec's, or one of `example.com`."""
        return self.host in _ISSUERS

    def _terminate(self, context: ssl.SSLContext) -> None:
        """Acts as the TLS server that the client connects to. Its requests reach `_respond`."""
        self._establish()
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)

    def _relay(self, address: tuple[str, int]) -> None:
        """Leads the bytes on, so that the client speaks TLS with the API server itself."""
        with socket.create_connection(address) as upstream:
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._establish()
            self.connection.settimeout(None)
            back = threading.Thread(target=_pump, args=(upstream, self.connection), daemon=True)
            back.start()
            _pump(self.connection, upstream)
            back.join()
        self.close_connection = True

    def _establish(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
        self.close_connection = False

    def _respond(self) -> None:
        if not isinstance(self.connection, ssl.SSLSocket):
            self.send_error(400, "The sandbox's proxy accepts only CONNECT")
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.to_cluster:
            status, headers, content = self._call_cluster(body)
        elif self._is_issuer():
            status, headers, content = self._call_issuer()
        else:
            status, headers, content = self._call_aws(body)
        sent = {key: value for key, value in headers.items() if key.lower() not in _HOP_BY_HOP}
        head = "".join(f"{key}: {value}\r\n" for key, value in sent.items())
        self.wfile.write(f"HTTP/1.1 {status} \r\n{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _respond

    def _call_aws(self, body: bytes) -> Response:
        path, _, query = self.path.partition("?")
        try:
            return self.server.service.respond(Request(self.command, self.host, path, query, self.headers, body))
        except Exception:
            # A bug of the sandbox itself: it is in the log, and is not mistaken for a response of AWS.
            traceback.print_exc()
            return 500, {}, b"the sandbox failed: see its log"

    def _call_issuer(self) -> Response:
        sandbox = self.server.sandbox
        sandbox.calls["issuer"] += 1
        time.sleep(sandbox.faults.delay_ms / 1000)
        return sandbox.issuer.document(self.host, self.path, sandbox.faults.issuer)

    def _call_cluster(self, body: bytes) -> Response:
        """Sends the request to the API server in the client's name, so that each call can be delayed."""
        time.sleep(self.server.sandbox.faults.kubernetes_delay_ms / 1000)
        self.upstream.request(self.command, self.path, body, dict(self.headers.items()))
        response = self.upstream.getresponse()
        return response.status, dict(response.getheaders()), response.read()

    def log_message(self, format: str, *args) -> None:
        """Requests are not logged: they carry tokens."""


#: The issuers that are served here, all by the same key.
_ISSUERS = {"oidc.humanitec.dev", "idtoken.humanitec.io", "oidc.example.com"}

_HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive"}


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class _Authority:
    """The CA of this run, and the certificates that it issues for the host names of AWS."""

    def __init__(self, ca_file: Path):
        self._lock = threading.Lock()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sandbox AWS CA")])
        signs_certificates = x509.KeyUsage(
            key_cert_sign=True,
            crl_sign=True,
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(True, 0), True)
            .add_extension(signs_certificates, True)
            .sign(self._key, hashes.SHA256())
        )
        ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, host: str) -> ssl.SSLContext:
        """Returns the TLS context of the server for a host. Each is created once."""
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = self._issue(host)
            return self._contexts[host]

    def _issue(self, host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
        certificate = (
            self._builder(subject, key)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False)
            .sign(self._key, hashes.SHA256())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(certificate.public_bytes(serialization.Encoding.PEM))
            pem.write(
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
            pem.flush()
            context.load_cert_chain(pem.name)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )
