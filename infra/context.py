"""Reads the deployment's settings: the environment's file, and over it the CDK's context.

The file is ``environments/{environmentSuffix}.toml``, with the keys of the context. So an environment's
settings are under version control, and no flag can be forgotten.
"""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from infra.checks import check_together
from infra.config import Config, ConfigError, allowed
from processor import project
from processor.errors import ConfigurationError

ENVIRONMENTS: Final = Path("environments")
"""Beside ``cdk.json``: the CDK runs the app in that folder."""

LOCALSTACK: Final[Mapping[str, object]] = {
    "databaseHost": "postgres",
    "databasePort": 5432,
    "databasePassword": "local-only-password",
    # Its Kinesis copies a shard's records at each put, so it takes more when a shard has fewer.
    "shardCount": 4,
}

PROD: Final[Mapping[str, object]] = {
    "streamRetentionHours": 168,
    "logRetentionDays": 90,
    "secretRotationDays": 30,
}
"""Defaults of the profile prod on AWS that differ from those of dev."""


def read_config(
    context: Mapping[str, Any], environment: Mapping[str, str], folder: Path = ENVIRONMENTS
) -> Config:
    """Check file and context, and return them typed. Raise ConfigError about the first wrong value.

    The CDK's own keys (which hold ``:`` or ``/``) are left alone. An empty string counts as not given.
    """
    given = {k: v for k, v in context.items() if not any(c in k for c in ":/") and v not in ("", None)}
    flags = _typed(given, "context ")
    values = _read_file(folder, str(flags.get("environmentSuffix", "dev"))) | flags
    values.setdefault("target", "localstack" if environment.get("AWS_ENDPOINT_URL") else "aws")
    values = _of_project() | values
    values.setdefault("profile", "prod" if values.get("environmentSuffix") == "prod" else "dev")
    defaults: Mapping[str, object] = {}
    if values["target"] == "localstack":
        # docker-compose.yml takes the same variable.
        password = environment.get("POSTGRES_PASSWORD") or LOCALSTACK["databasePassword"]
        defaults = {**LOCALSTACK, "databasePassword": password}
    elif values["target"] == "aws" and values["profile"] == "prod":
        defaults = PROD
    config = msgspec.convert({**defaults, **values}, Config)
    check_together(config, values.keys())
    return config


def _of_project() -> dict[str, object]:
    """Return what the project in this folder says of its pipelines."""
    try:
        said = project.read(Path())
    except ConfigurationError as error:
        raise ConfigError(str(error)) from error
    return {"pipelines": " ".join(said.pipelines), "requirements": said.requirements}


def _read_file(folder: Path, suffix: str) -> dict[str, object]:
    file = folder / f"{suffix}.toml"
    if not file.is_file():
        return {}
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is no TOML file: {error}") from error
    if "environmentSuffix" in content:
        raise ConfigError(f"{file}: environmentSuffix is the file's name; leave it out")
    return _typed(content, f"{file}: ")


def _typed(given: Mapping[str, object], where: str) -> dict[str, object]:
    fields = {f.encode_name: f.type for f in msgspec.structs.fields(Config)}
    for key in given:
        if key not in fields:
            raise ConfigError(f"{where}key {key} is unknown{_did_you_mean(key, list(fields))}")
    return {key: _convert(where, key, value, fields[key]) for key, value in given.items()}


def _did_you_mean(key: str, keys: list[str]) -> str:
    close = get_close_matches(key, keys, n=1)
    return f": did you mean {close[0]}?" if close else f"; allowed: {', '.join(keys)}"


def _convert(where: str, key: str, value: object, key_type: object) -> object:
    try:
        # This is not strict, because `-c shardCount=2` arrives as a string.
        return cast("object", msgspec.convert(value, type=cast("Any", key_type), strict=False))
    except msgspec.ValidationError:
        shown = "its value" if key == "databasePassword" else repr(value)
        raise ConfigError(f"{where}{key}: {shown} is not possible; allowed: {allowed(key_type)}") from None
