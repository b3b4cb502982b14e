"""The switches for what goes wrong: throttling, denied actions, slow calls, slow propagation."""

import threading
import time
from dataclasses import dataclass, field, fields
from typing import Any

from errors import AwsError
from request import Request


@dataclass
class Faults:
    """What goes wrong now. Actions are named as in IAM policies, such as `eks:DescribeCluster`."""

    #: How many of the next calls of an action are throttled.
    throttle: dict[str, int] = field(default_factory=dict)
    #: The calls per second that a service accepts, such as {"iam": 15}. More are throttled. Those of the first second can come at once.
    rate: dict[str, float] = field(default_factory=dict)
    #: Actions that are refused, whatever the policies allow.
    deny: list[str] = field(default_factory=list)
    #: Actions that a policy of the AWS organization denies in simulations.
    organization_denies: list[str] = field(default_factory=list)
    #: Regions whose STS is not activated for the account. It still says who signed a request.
    sts_disabled: list[str] = field(default_factory=list)
    #: Milliseconds added to each AWS call.
    delay_ms: int = 0
    #: Milliseconds added to each Kubernetes call through the proxy.
    kubernetes_delay_ms: int = 0
    #: Whether the proxy cannot reach the cluster's endpoint, as one that is private or bars the caller's address.
    cluster_unreachable: bool = False
    #: Whether the proxy opens TLS to the cluster, too, with a certificate of its own CA.
    opens_cluster_tls: bool = False
    #: What the issuer publishes in place of its documents (`oidc.Issuer.document`), or `{"unreachable": true}`.
    issuer: dict[str, Any] = field(default_factory=dict)
    #: Seconds until a new `role` or `access-entry` is visible, and until a new `policy` of a role counts.
    propagation_s: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        now = time.monotonic()
        # For each service: the number of calls that it had left, and the time of that.
        self._left = {service: (rate, now) for service, rate in self.rate.items()}

    @classmethod
    def parse(cls, values: dict[str, Any]) -> "Faults":
        """Returns the faults in a JSON object. A fault that it does not name does not happen."""
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """Returns the JSON form. The number of throttled calls decreases with each of them."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def strike(self, request: Request) -> None:
        """Delays the request, and raises its AwsError, if it has one."""
        time.sleep(self.delay_ms / 1000)
        with self._lock:
            throttled = self.throttle.get(request.action, 0) > 0
            if throttled:
                self.throttle[request.action] -= 1
            throttled = throttled or not self._has_left(request.service)
        if throttled and request.service == "eks":
            raise AwsError("ThrottlingException", "Rate exceeded", 429)
        if throttled and request.service == "kms":
            raise AwsError("ThrottlingException", "Rate exceeded")
        if throttled and request.service == "s3":
            raise AwsError("SlowDown", "Reduce your request rate.", 503)
        if throttled:
            raise AwsError("Throttling", "Rate exceeded")
        if request.action.startswith("sts:AssumeRole") and request.region in self.sts_disabled:
            raise AwsError("RegionDisabledException", "STS is not activated in this region for account:123456789012", 403)

    def _has_left(self, service: str) -> bool:
        """Returns whether the service accepts one more call now. The caller holds the lock."""
        if service not in self.rate:
            return True
        rate, now = self.rate[service], time.monotonic()
        left, since = self._left[service]
        left = min(rate, left + (now - since) * rate)
        self._left[service] = (left - 1 if left >= 1 else left, now)
        return left >= 1
