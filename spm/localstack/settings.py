"""What ``./scripts/localstack`` is told by the shell, and by ``.env``, as docker compose reads it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

COMPOSES: Final = ("IMAGE", "TAG", "PORT", "AUTH_TOKEN", "DEBUG")
"""Of ``LOCALSTACK_…``, what docker-compose.yml itself asks for."""

LINE: Final = re.compile(r"\s*(?:export\s+)?(\w+)=(.*?)\s*")
TAGGED: Final = re.compile(r"(.+):([\w.-]+)")
PREFIX: Final = "LOCALSTACK_"

Settings = Mapping[str, str]


def read(folder: Path, shell: Settings) -> dict[str, str]:
    """Return the settings of a checkout; what the shell says comes before its ``.env``."""
    file = folder / ".env"
    lines = file.read_text().splitlines() if file.is_file() else []
    found = [LINE.fullmatch(line) for line in lines]
    settings = {one[1]: one[2].strip("'\"") for one in found if one} | dict(shell)
    if tagged := TAGGED.fullmatch(settings.get("LOCALSTACK_IMAGE", "")):
        settings |= {"LOCALSTACK_IMAGE": tagged[1], "LOCALSTACK_TAG": tagged[2]}
    return settings


def passed_on(settings: Settings) -> dict[str, Any]:
    """Return a compose file that gives LocalStack its own settings: ``LOCALSTACK_NAME`` becomes its NAME.

    As LocalStack's own command line does it. The file names the variables and holds no value.
    """
    names = [name.removeprefix(PREFIX) for name in settings if name.startswith(PREFIX)]
    given = {name: f"${{{PREFIX}{name}}}" for name in sorted(names) if name not in COMPOSES}
    if "HOST" in given:
        given["LOCALSTACK_HOST"] = given.pop("HOST")
    return {"services": {"localstack": {"environment": given}}}


def for_clients(settings: Settings) -> dict[str, str]:
    """Return the variables that lead clients and cdklocal to LocalStack, whatever account the shell is for.

    The address is given rather than left to cdklocal, whose own does not resolve everywhere.
    """
    port = settings.get("LOCALSTACK_PORT") or "4566"
    region = settings.get("AWS_DEFAULT_REGION") or "us-east-1"
    endpoint = settings.get("AWS_ENDPOINT_URL") or f"http://localhost:{port}"
    given = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_S3": settings.get("AWS_ENDPOINT_URL_S3") or endpoint,
    }
    others = {name: value for name, value in settings.items() if not name.startswith("AWS_")}
    return others | given
