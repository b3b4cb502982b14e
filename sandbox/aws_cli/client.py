"""Runs a command of the AWS CLI through `server.py`, or by itself if no server listens.

    python sandbox/aws_cli/client.py SOCKET AWS ARGUMENTS…

The exit code and the output are those of the AWS CLI.
"""

import json
import os
import socket
import sys


def main() -> int:
    """Sends the command, with standard input, output, and error, and waits for the exit code."""
    path, aws, *arguments = sys.argv[1:]
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(path)
    except OSError:
        os.execv(aws, [aws, *arguments])
    command = {"arguments": arguments, "environment": dict(os.environ), "directory": os.getcwd()}
    message = json.dumps(command).encode()
    socket.send_fds(server, [len(message).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(message)
    return server.recv(1)[0]


if __name__ == "__main__":
    sys.exit(main())
