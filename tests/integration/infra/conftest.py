import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App

from infra import app
from tests.integration.infra.templates import Template

ROOT = Path(__file__).resolve().parents[3]
SERVER = {"databaseHost": "127.0.0.1", "databasePort": 5432, "databasePassword": "local"}

Synthesise = Callable[..., Template]


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    """Return the template for a context; the app synthesises it once, as ``cdk`` would run it."""
    done: dict[str, Template] = {}

    def synthesise_once(**context: object) -> Template:
        if context.get("target") == "embedded":
            context = SERVER | context
        key = json.dumps(context, sort_keys=True)
        if key not in done:
            folder = tmp_path_factory.mktemp("cdk.out")
            cdk_app = App(outdir=str(folder), context=app.FLAGS | context, analytics_reporting=False)
            stack = app.build(cdk_app)
            cdk_app.synth()
            done[key] = json.loads((folder / f"{stack.artifact_id}.template.json").read_text())
            shutil.rmtree(folder)  # it also holds a copy of the asset
        return done[key]

    return synthesise_once


@pytest.fixture(scope="module")
def dev(synthesise: Any) -> Template:
    return dict(synthesise(target="aws"))


@pytest.fixture(scope="module")
def prod(synthesise: Any) -> Template:
    return dict(synthesise(target="aws", environmentSuffix="prod", alarmEmail="none"))


@pytest.fixture(autouse=True)
def _no_aws_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
