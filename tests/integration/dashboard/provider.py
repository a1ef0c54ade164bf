"""A real OpenID Connect provider on a port of its own, at which anybody signs in by naming who they are."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from tests.waiting import wait_until

HEADS = {"sub": "head", "groups": ["heads"], "email": "head@school.example"}
TURING = {"sub": "turing", "groups": ["teachers"], "email": "turing@school.example"}


@contextmanager
def running(host: str = "127.0.0.1") -> Iterator[str]:
    """Run it, and yield its issuer."""
    with socket.socket() as free:
        free.bind((host, 0))
        port = free.getsockname()[1]
    users = [part for user in (HEADS, TURING) for part in ("--user-claims", json.dumps(user))]
    where = ("--host", host, "--port", str(port))
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", *where, *users],
        env={**os.environ, "NO_COLOR": "1"},
        stderr=subprocess.DEVNULL,
    )
    issuer = f"http://{host}:{port}"
    try:
        wait_until(lambda: _answers(issuer), "the provider to answer", seconds=30)
        yield issuer
    finally:
        process.kill()
        process.wait()


def authorize(address: str, **form: str) -> str:
    """Fill in the provider's form as a person does; return the address that it sends the browser to."""
    data = "&".join(f"{name}={value}" for name, value in form.items()).encode()
    opener = urllib.request.build_opener(_Stay)
    try:
        opener.open(urllib.request.Request(address, data), timeout=30)  # noqa: S310  # the provider above
    except urllib.error.HTTPError as answer:
        with answer:
            assert answer.code == 302, answer.read()
            return str(answer.headers["Location"])
    raise AssertionError("the provider did not send the browser back")


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow no redirect."""


def _answers(issuer: str) -> bool:
    try:
        with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=2) as answer:  # noqa: S310  # as above
            return bool(answer.status == 200)
    except OSError:
        return False
