"""Where this machine reaches what a stack serves over HTTP."""

from typing import Final
from urllib.parse import urlsplit

FUNCTION_URL: Final = ".lambda-url."
THIS_MACHINE: Final = ("localhost", "127.0.0.1", "localhost.localstack.cloud")


def local_address(url: str, endpoint_url: str) -> str:
    """Return the address of a function URL: on an emulator, another than the stack's output.

    Both emulators tell functions apart by the Host header. MiniStack's output leads nowhere; LocalStack's
    names a port inside its container, and a host that not every resolver knows. Browsers and curl know
    `*.localhost`.
    """
    endpoint, parts = urlsplit(endpoint_url), urlsplit(url)
    name, function_url, region = (parts.hostname or "").partition(FUNCTION_URL)
    if not function_url or endpoint.hostname not in THIS_MACHINE:
        return url
    return f"http://{name}{FUNCTION_URL}{region.partition('.')[0]}.localhost:{endpoint.port}/"
