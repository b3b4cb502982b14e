"""Errors as AWS returns them."""


class AwsError(Exception):
    """An error with AWS's code and message, whatever protocol it is sent in."""

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
