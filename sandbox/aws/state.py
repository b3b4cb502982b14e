"""What the parts of the sandbox's AWS share."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from faults import Faults
from oidc import Issuer


@dataclass
class Sandbox:
    """One account with one real cluster."""

    account: str
    partition: str
    region: str
    cluster_name: str
    #: The host name of the cluster's endpoint, which the proxy leads to `api_server_port`.
    cluster_host: str
    api_server_port: int
    #: The PEM files that the API server serves with, and the CA that clients trust it by.
    cluster_ca_file: str
    cluster_certificate_file: str
    cluster_key_file: str
    #: The files that aws-iam-authenticator watches: its backend modes, and the access entries.
    authenticator_mode_file: str
    access_entries_file: str
    #: Where the proxy writes the CA that it signs AWS's host names with.
    aws_ca_file: str
    issuer: Issuer = field(default_factory=Issuer)
    faults: Faults = field(default_factory=Faults)
    #: How often each action was called, but for the sandbox's own calls.
    calls: Counter[str] = field(default_factory=Counter)
    #: The signatures of the tokens that the cluster was shown.
    tokens: set[str] = field(default_factory=set)
    #: One request changes moto's state at a time.
    lock: threading.RLock = field(default_factory=threading.RLock)
    _visible_from: dict[tuple[str, str], float] = field(default_factory=dict)

    def propagate(self, kind: str, identifier: str) -> float:
        """Hides a new object for as long as the faults say. Returns the seconds."""
        seconds = self.faults.propagation_s.get(kind, 0.0)
        self._visible_from[kind, identifier] = time.monotonic() + seconds
        return seconds

    def is_visible(self, kind: str, identifier: str) -> bool:
        """Whether something has propagated."""
        return time.monotonic() >= self._visible_from.get((kind, identifier), 0.0)
