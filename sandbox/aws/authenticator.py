"""Keeps the files of aws-iam-authenticator true to the cluster's authentication mode and access entries.

The authenticator watches both files, as EKS's own does: its `DynamicFile` backend holds the entries by the
principal's unique id, `EKSConfigMap` is the `aws-auth` ConfigMap, and `MountedFile`, from its configuration,
is the creator of the cluster, which EKS admits without an entry while the mode is CONFIG_MAP.
"""

import json
import time
from pathlib import Path
from typing import Any

from state import Sandbox

_BACKENDS = {
    "API": "DynamicFile",
    "API_AND_CONFIG_MAP": "DynamicFile EKSConfigMap",
    "CONFIG_MAP": "MountedFile EKSConfigMap",
}


def write(sandbox: Sandbox, mode: str, roles: list[dict[str, Any]], users: list[dict[str, Any]]) -> None:
    """Writes both files: the backends of the mode, and the mappings of the entries."""
    version = {"Version": str(time.monotonic_ns()), "LastUpdatedDateTime": str(int(time.time()))}
    # The file is written in place: the authenticator notices a replaced file only after a second.
    Path(sandbox.access_entries_file).write_text(json.dumps({**version, "mapRoles": roles, "mapUsers": users}))
    Path(sandbox.authenticator_mode_file).write_text(json.dumps({**version, "backendMode": _BACKENDS[mode]}))
