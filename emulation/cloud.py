"""The embedded cloud: PostgreSQL, MiniStack and the mapping runner as child processes of this one."""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

from emulation import cdk, project
from emulation.errors import DeployFailed, EmulationError
from emulation.ministack import REGION, MiniStack
from emulation.postgres import PostgresServer
from emulation.process import ChildProcess

BOOTSTRAP_SECONDS = 60.0


@dataclass(frozen=True)
class CloudState:
    """What another terminal needs to reach a running embedded cloud. Its AWS credentials are not real."""

    pid: int
    endpoint_url: str
    region: str
    aws_environment: dict[str, str]
    databases: dict[str, str]  # suffix → DSN


class EmbeddedCloud:
    """A whole private cloud on 127.0.0.1, as a context manager.

    Everything that it writes is below ``folder`` (by default a new temporary folder) and the operating
    system's temporary folder, and is removed at the end unless ``keep_files``. With ``data``, the databases
    are kept there. Its processes end with it and with this process, however that ends. Any number can run
    side by side.
    """

    region = REGION

    def __init__(
        self, folder: Path | None = None, *, keep_files: bool = False, data: Path | None = None
    ) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="spm-cloud-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.project = project.folder()
        self.database = PostgresServer(self.folder, keep_files=keep_files, data=data)
        self._runner_folder = self.folder / "runner"
        self._deployments = self.folder / "deployments"
        self._ministack = MiniStack(
            self.folder, keep_files=keep_files, of_no_use_without=[self._runner_folder, self._deployments]
        )
        self._runner: ChildProcess | None = None
        self._keep_files = keep_files
        self._databases: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the servers side by side. Raise StartFailed with the end of the log of one that fails."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            for started in [pool.submit(self.database.start), pool.submit(self._start_ministack)]:
                started.result()

    def stop(self) -> None:
        """Stop everything and remove the files. It is safe to call this twice."""
        self.stop_runner()
        with ThreadPoolExecutor(max_workers=2) as pool:
            pool.submit(self._ministack.stop)
            pool.submit(self.database.stop)
        if not self._keep_files:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def endpoint_url(self) -> str:
        """Where every AWS API is served."""
        return self._ministack.endpoint_url

    @property
    def programs(self) -> list[ChildProcess]:
        """The processes of this cloud, with their names, logs, and whether they run."""
        started = (self.database.program, self._ministack.program, self._runner)
        return [program for program in started if program is not None]

    def aws_environment(self) -> dict[str, str]:
        """Return the environment variables that lead boto3, the AWS CLI and cdklocal here."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            "AWS_S3_FORCE_PATH_STYLE": "1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
        }

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """Return a boto3 client for this cloud, whatever AWS settings the process has."""
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs want a literal
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - MiniStack takes any
        )

    def deploy(self, suffix: str = "dev", context: Mapping[str, str] | None = None) -> dict[str, str]:
        """Make the environment's database, deploy its stack, and return the stack's outputs.

        ``context`` adds to the CDK context, or overrides it. Raises DeployFailed with cdklocal's last lines.
        """
        name = database_name(suffix)
        self.database.create_database(name)
        outputs = cdk.deploy(
            self.project,
            stack=stack_name(suffix),
            context={
                "target": "embedded",
                "environmentSuffix": suffix,
                "databaseHost": self.database.host,
                "databasePort": str(self.database.port),
                "databaseName": name,
                "databaseUser": self.database.user,
                "databasePassword": self.database.password,
            }
            | dict(context or {}),
            aws_environment=self.aws_environment(),
            folder=self._deployments / suffix,
        )
        self._databases[suffix] = self.database.dsn(name)
        return outputs

    def destroy(self, suffix: str = "dev") -> None:
        """Delete the environment's stack and its database."""
        cloudformation = self.client("cloudformation")
        cloudformation.delete_stack(StackName=stack_name(suffix))
        _wait_for_stack(cloudformation, stack_name(suffix), "DELETE_COMPLETE")
        self.database.drop_database(database_name(suffix))
        self._databases.pop(suffix, None)

    def start_runner(self) -> ChildProcess:
        """Start the runner. It drives every event source mapping that is deployed here, now or later."""
        folder = self._runner_folder
        folder.mkdir(exist_ok=True)
        self._runner = ChildProcess(
            name="The event source mapping runner",
            command=[
                *(sys.executable, "-P", "-m"),
                "emulation.runner",
                "--checkpoints",
                folder / "checkpoints",
            ],
            environment={"PATH": os.defpath, "LANG": "C.UTF-8", "TZ": "UTC"} | self.aws_environment(),
            log=folder / "runner.log",
        )
        self._runner.start()
        return self._runner

    def stop_runner(self) -> None:
        """Stop the runner after running invocations have ended. Its checkpoints stay for the next start."""
        if self._runner is not None:
            self._runner.stop()
            self._runner = None

    def write_state(self, file: Path | None = None) -> None:
        """Tell other terminals how to reach this cloud, in a file that only its owner may read."""
        file = file or state_file()
        state = CloudState(
            pid=os.getpid(),
            endpoint_url=self.endpoint_url,
            region=self.region,
            aws_environment=self.aws_environment(),
            databases=dict(self._databases),
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(state), indent=2))
        draft.replace(file)

    def _start_ministack(self) -> None:
        self._ministack.start()
        self._bootstrap()

    def _bootstrap(self) -> None:
        """Create the CDK's bootstrap stack from its own template.

        ``cdklocal bootstrap`` does the same through a changeset, and takes 17 s. This takes less than one.
        """
        template = cdk.installed(self.project, cdk.BOOTSTRAP_TEMPLATE)
        cloudformation = self.client("cloudformation")
        cloudformation.create_stack(
            StackName="CDKToolkit",
            TemplateBody=template.read_text(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        _wait_for_stack(cloudformation, "CDKToolkit", "CREATE_COMPLETE")


def stack_name(suffix: str) -> str:
    """Return the name of an environment's stack."""
    return f"StudentPerformance-{suffix}"


def database_name(suffix: str) -> str:
    """Return the name of an environment's database."""
    return "studentdata" if suffix == "dev" else f"studentdata_{suffix.replace('-', '_')}"


def state_file() -> Path:
    """Return the file in which a running cloud of this project says how to reach it.

    ``SPM_CLOUD_FILE`` names another file, so that several clouds can run side by side.
    """
    return Path(os.environ.get("SPM_CLOUD_FILE") or project.local() / "cloud.json")


def read_state(file: Path | None = None) -> CloudState | None:
    """Return how to reach the cloud that another process runs, or None when none runs."""
    file = file or state_file()
    try:
        state = CloudState(**json.loads(file.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise EmulationError(
            f"{file} is not readable ({error}): remove it and start the cloud again"
        ) from error
    return state if _is_alive(state.pid) else None


def remove_state(file: Path | None = None) -> None:
    """Remove the state file if this process wrote it."""
    file = file or state_file()
    state = read_state(file)
    if state is not None and state.pid == os.getpid():
        file.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _wait_for_stack(cloudformation: Any, stack: str, wanted: str) -> None:  # noqa: ANN401 - a boto3 client
    deadline = time.monotonic() + BOOTSTRAP_SECONDS
    while (status := _stack_status(cloudformation, stack)) != wanted:
        if status.endswith("FAILED") or "ROLLBACK" in status or time.monotonic() > deadline:
            raise DeployFailed(f"The stack {stack} is {status}, not {wanted}")
        time.sleep(0.1)


def _stack_status(cloudformation: Any, stack: str) -> str:  # noqa: ANN401 - a boto3 client
    find: Callable[..., Any] = cloudformation.describe_stacks
    try:
        return str(find(StackName=stack)["Stacks"][0]["StackStatus"])
    except cloudformation.exceptions.ClientError:
        return "DELETE_COMPLETE"  # a deleted stack can only be found by its id
