"""AWS for the sandbox: moto's STS, IAM, EKS, S3 and KMS behind an HTTPS proxy, with what moto lacks.

    python sandbox/aws '{"account": "123456789012", …}'

takes the fields of `state.Sandbox` as JSON, prints one line of JSON when it is ready (ports and the
administrator's access key), and serves until it is ended.
"""

import json
import os
import sys
import threading

import account
from control import Control
from proxy import Proxy
from state import Sandbox


def main() -> None:
    """Starts everything."""
    sandbox = Sandbox(**json.loads(sys.argv[1]))
    # moto reads the account of every request from this variable.
    os.environ["MOTO_ACCOUNT_ID"] = sandbox.account
    administrator = account.populate(sandbox)
    proxy = Proxy(sandbox)
    control = Control(proxy, administrator)
    for server in (proxy, control):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    ready = {"proxy_port": proxy.server_port, "control_port": control.server_port, "administrator": administrator}
    print(json.dumps(ready), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
