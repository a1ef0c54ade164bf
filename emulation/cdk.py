"""Deploys the project's CDK app with the real ``cdklocal``, into whatever an environment's endpoints name."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from emulation.errors import DeployFailed
from emulation.process import ChildProcess

CHECKOUT = Path(__file__).parents[1]
CDKLOCAL = CHECKOUT / "node_modules" / ".bin" / "cdklocal"
BOOTSTRAP_TEMPLATE = (
    CHECKOUT / "node_modules" / "aws-cdk" / "lib" / "api" / "bootstrap" / "bootstrap-template.yaml"
)
DEPLOY_SECONDS = 300.0
ERROR_LINES_SHOWN = 12


def deploy(
    *, stack: str, context: Mapping[str, str], aws_environment: Mapping[str, str], folder: Path, caches: Path
) -> dict[str, str]:
    """Synthesise and deploy one stack; return its outputs.

    The cloud assembly goes to ``folder``, so that several deployments can run side by side; ``caches`` is
    kept between runs. Raises DeployFailed with the last lines that say something.
    """
    if not CDKLOCAL.exists():
        raise DeployFailed(f"{CDKLOCAL} is missing: run `npm ci` in {CHECKOUT}")
    folder.mkdir(parents=True, exist_ok=True)
    outputs = folder / "outputs.json"
    command: list[str | Path] = [CDKLOCAL, "deploy", stack, "--output", folder / "cdk.out"]
    command += ["--outputs-file", outputs, "--require-approval", "never", "--method", "direct"]
    command += ["--progress", "events", "--notices=false", "--ci"]
    for name, value in context.items():
        command += ["--context", f"{name}={value}"]
    cdklocal = ChildProcess(
        name="cdklocal",
        command=command,
        environment=_environment(aws_environment, caches),
        folder=CHECKOUT,
        log=folder / "cdklocal.log",
    )
    cdklocal.start()
    try:
        code = cdklocal.wait(DEPLOY_SECONDS)
    finally:
        cdklocal.stop()
    if code != 0:
        why = f"could not deploy {stack}" if code is not None else f"did not finish in {DEPLOY_SECONDS:.0f} s"
        raise DeployFailed(f"cdklocal {why}:\n{_last_useful_lines(cdklocal.log.read_text(errors='replace'))}")
    return dict(json.loads(outputs.read_text())[stack])


def _environment(aws_environment: Mapping[str, str], caches: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    return kept | {
        **aws_environment,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "CDK_HOME": str(caches / "cdk"),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(caches / "jsii"),
        "NO_COLOR": "1",
    }


def _last_useful_lines(output: str) -> str:
    """Leave out what a person cannot act on: stack frames and blank lines."""
    noise = ("at ", 'File "', "Traceback", "jsii.errors", "node:internal", "^", "~")
    useful = [line for line in output.splitlines() if line.strip() and not line.strip().startswith(noise)]
    return "\n".join(f"  {line}" for line in useful[-ERROR_LINES_SHOWN:])
