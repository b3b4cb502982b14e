"""Runs commands of the AWS CLI in processes that have already loaded it.

    python sandbox/aws_cli/server.py SOCKET

Loading the AWS CLI takes most of the time of a command, and the tests run hundreds of them. This server loads it once and
forks for each command that `client.py` sends. What runs is the real AWS CLI, with the arguments, the environment, the
directory, and the files of the client.
"""

import json
import os
import signal
import socket
import sys
import time
import traceback

import awscli.clidriver
import awscli.handlers  # noqa: F401: the driver loads it at its first command.

MAX_FILES = 3

# The AWS CLI sets this variable when it is loaded.
DATA_PATH = os.environ["AWS_DATA_PATH"]


def main() -> None:
    """Accepts clients until the process is ended."""
    # A child is not waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(sys.argv[1])
        server.listen(64)
        while True:
            client, _ = server.accept()
            if os.fork() == 0:
                server.close()
                serve(client)
            client.close()


def serve(client: socket.socket) -> None:
    """Runs the command of a client, sends it the exit code, and ends the process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 1
    try:
        first, files, _, _ = socket.recv_fds(client, 4, MAX_FILES)
        if not first:
            os._exit(0)
        size = int.from_bytes(first, "big")
        with client.makefile("rb") as reader:
            command = json.loads(reader.read(size))
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        code = run(command)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            pass
    client.sendall(bytes([code & 0xFF]))
    os._exit(0)


def run(command: dict) -> int:
    """Runs the AWS CLI with the arguments, the environment, and the directory of a client. Returns the exit code."""
    os.environ.clear()
    os.environ.update(command["environment"], AWS_DATA_PATH=DATA_PATH)
    time.tzset()
    os.chdir(command["directory"])
    sys.argv = ["aws", *command["arguments"]]
    # The streams of this process were opened on other files.
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    return awscli.clidriver.main()


if __name__ == "__main__":
    main()
