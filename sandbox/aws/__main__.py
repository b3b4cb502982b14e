"""AWS for the sandbox: moto's STS, IAM and EKS behind an HTTPS proxy, with what moto lacks.

    python sandbox/aws '{"account": "123456789012", …}'

takes the fields of `state.Sandbox` as JSON, prints one line of JSON when it is ready (ports and the
administrator's access key), and serves until it is ended.
"""

import json
import os
import sys
import threading

import eks
from control import Control
from identity import iam
from proxy import Proxy
from state import Sandbox

ADMINISTRATOR = "admin"


def main() -> None:
    """Starts everything."""
    sandbox = Sandbox(**json.loads(sys.argv[1]))
    # moto takes the account of every request from here.
    os.environ["MOTO_ACCOUNT_ID"] = sandbox.account
    backend = iam(sandbox.account, sandbox.region)
    backend.create_user(sandbox.region, ADMINISTRATOR)
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    backend.put_user_policy(ADMINISTRATOR, "everything", json.dumps(everything))
    key = backend.create_access_key(ADMINISTRATOR)
    administrator = {"AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret_access_key}

    proxy = Proxy(sandbox)
    control = Control(proxy, administrator)
    for server in (proxy, control):
        threading.Thread(target=server.serve_forever, daemon=True).start()

    cluster = {
        "name": sandbox.cluster_name,
        "roleArn": f"arn:{sandbox.partition}:iam::{sandbox.account}:role/eks-cluster-role",
        "resourcesVpcConfig": {"subnetIds": ["subnet-0a", "subnet-0b"]},
        "accessConfig": {"authenticationMode": eks.API_AND_CONFIG_MAP},
    }
    created = control.call({"service": "eks", "operation": "CreateCluster", "parameters": cluster})
    if "error" in created:
        sys.exit(f"the cluster could not be made: {created['error']}")
    ready = {"proxy_port": proxy.server_port, "control_port": control.server_port, "administrator": administrator}
    print(json.dumps(ready), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
