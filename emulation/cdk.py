"""Deploys the project's CDK app with the real ``cdklocal``, to the endpoints of an environment."""

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from emulation.errors import DeployFailed
from emulation.process import ChildProcess

CDKLOCAL = Path("node_modules", ".bin", "cdklocal")
BOOTSTRAP_TEMPLATE = Path("node_modules", "aws-cdk", "lib", "api", "bootstrap", "bootstrap-template.yaml")
APP = (sys.executable, "-P", "-m", "infra.app")
"""-P: it runs in the project's folder, which must not come before us on the path."""
DEPLOY_SECONDS = 900.0  # a first run compiles the CDK, and the machine may be busy
ERROR_LINES_SHOWN = 12

# "STACK | TIME | CREATE_FAILED | TYPE | RESOURCE (ID) what it says", up to the next such line or the summary.
FAILED = re.compile(
    r"\| (?:CREATE|UPDATE)_FAILED +\| [\w:]+ +\| [^\n(]+ \(\w+\) (.+?)(?=\n[^\n]* \| |\n[^\n]*❌|\Z)",
    re.DOTALL,
)


def deploy(
    project: Path,
    *,
    stack: str,
    context: Mapping[str, str],
    aws_environment: Mapping[str, str],
    folder: Path,
) -> dict[str, str]:
    """Synthesise and deploy one stack of a project; return its outputs.

    The cloud assembly goes to ``folder``, so that several deployments can run side by side. Caches are kept
    in the project. Raises DeployFailed with the last useful lines of output.

    The app runs before cdklocal and not below it, because together they take over 1 GiB of memory.
    """
    cdklocal = installed(project, CDKLOCAL)
    folder.mkdir(parents=True, exist_ok=True)
    environment = _environment(aws_environment, project / ".local" / "cache")
    assembly, outputs = folder / "cdk.out", folder / "outputs.json"
    settings = project / "cdk.json"
    own = json.loads(settings.read_text()).get("context", {}) if settings.exists() else {}
    # What the CDK command line tells its app: https://docs.aws.amazon.com/cdk/v2/guide/context.html
    told = {"CDK_OUTDIR": str(assembly), "CDK_CONTEXT_JSON": json.dumps({**own, **context})}
    _run(f"The CDK app could not describe {stack}", APP, environment | told, folder, project)
    command: list[str | Path] = [cdklocal, "deploy", stack, "--app", assembly, "--outputs-file", outputs]
    command += ["--require-approval", "never", "--method", "direct", "--progress", "events"]
    command += ["--notices=false", "--ci"]
    _run(f"cdklocal could not deploy {stack}", command, environment, folder, project)
    return dict(json.loads(outputs.read_text())[stack])


def installed(project: Path, file: Path) -> Path:
    """Return a file of the CDK command line in the project. Raise DeployFailed if it is missing."""
    if not (project / file).exists():
        raise DeployFailed(f"the CDK command line is not installed in {project}: run `spm init` there")
    return project / file


def _run(
    what_failed: str,
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path,
    project: Path,
) -> None:
    program = ChildProcess(
        name=Path(command[0]).name,
        command=command,
        environment=environment,
        folder=project,
        log=folder / f"{Path(command[0]).name}.log",
    )
    program.start()
    try:
        code = program.wait(DEPLOY_SECONDS)
    finally:
        program.stop()
    if code != 0:
        late = "" if code is not None else f" in {DEPLOY_SECONDS:.0f} s"
        raise DeployFailed(f"{what_failed}{late}:\n{why(program.log.read_text(errors='replace'))}")


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


def why(output: str) -> str:
    """Return the message of the first resource that failed, or the last lines if no resource did."""
    failed = FAILED.search(output)
    if failed is None:
        return _last_useful_lines(output)
    return "\n".join(f"  {line.strip()}" for line in failed[1].splitlines() if line.strip())


def _last_useful_lines(output: str) -> str:
    """Leave out stack frames and blank lines, on which nobody can act."""
    noise = ("at ", 'File "', "Traceback", "jsii.errors", "node:internal", "^", "~")
    useful = [line for line in output.splitlines() if line.strip() and not line.strip().startswith(noise)]
    return "\n".join(f"  {line}" for line in useful[-ERROR_LINES_SHOWN:])
