"""Deploying the project: the CDK command line, told where to, in the project's folder."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from emulation import cdk
from spm.aws.target import LOCALSTACK_URL
from spm.target import Target

CDK: Final = Path("node_modules", ".bin", "cdk")
APP: Final = "python -P -m infra.app"


def deploy(project: Path, target: Target, suffix: str, more: Sequence[str]) -> int:
    """Deploy the environment to LocalStack or AWS; return the exit code of the CDK.

    Its output is the terminal's. LocalStack forgets when it stops: there it is bootstrapped first.
    """
    program = cdk.installed(project, cdk.CDKLOCAL if target is Target.LOCALSTACK else CDK)
    environment = environment_for(target, os.environ)
    app = ["--app", APP, "-c", f"target={target}", "-c", f"environmentSuffix={suffix}"]
    if target is Target.LOCALSTACK:
        code = _run(project, [program, "bootstrap", *app], environment)
        if code != 0:
            return code
    return _run(project, [program, "deploy", *app, *more], environment)


def environment_for(target: Target, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which the CDK finds our Python and Node, and LocalStack."""
    own = dict(environment)
    own["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{own.get('PATH', os.defpath)}"
    if target is Target.LOCALSTACK:
        url = own.setdefault("AWS_ENDPOINT_URL", LOCALSTACK_URL)
        own.setdefault("AWS_ENDPOINT_URL_S3", url)
        own.setdefault("AWS_S3_FORCE_PATH_STYLE", "1")
    return own


def _run(project: Path, command: Sequence[str | Path], environment: Mapping[str, str]) -> int:
    return subprocess.run(command, cwd=project, env=environment, check=False).returncode  # noqa: S603 - the CDK
