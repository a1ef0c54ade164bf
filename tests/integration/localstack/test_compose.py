"""docker-compose.yml and the commands of docs/localstack.md, from `up` to `down`, as a user types them."""

import contextlib
import json
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from processor.commands.status import Status, StatusAnswer
from spm.aws.stack import Aws, find
from tests.engine import compose_missing
from tests.integration.localstack.checkout import Checkout, copy_of_the_project
from tests.waiting import wait_until

pytestmark = pytest.mark.localstack


@pytest.fixture
def project(docker_engine: None, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Checkout]:  # noqa: ARG001 - asked for its effect
    """A copy of the project with ports of its own; nothing of it is left at the end.

    Without COMPOSE_PROJECT_NAME, as most people run it: the folder's name is the compose project's.
    """
    if why := compose_missing():
        (pytest.fail if request.config.getoption("--localstack") else pytest.skip)(why)
    gateway, postgres = free_ports(2)
    environment = {
        "LOCALSTACK_PORT": str(gateway),
        "POSTGRES_PORT": str(postgres),
        "POSTGRES_PASSWORD": "not-the-default",
        "AWS_ENDPOINT_URL": f"http://localhost:{gateway}",
        "AWS_ENDPOINT_URL_S3": f"http://localhost:{gateway}",
    }
    folder = tmp_path / f"spm{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    project = copy_of_the_project(folder, environment)
    try:
        yield project
    finally:
        project.run("docker", "compose", "down", "--remove-orphans", "--volumes")


def test_from_up_to_down(project: Checkout) -> None:
    project.run("docker", "compose", "up", "-d", "--wait")
    assert published_addresses(project) == {"127.0.0.1"}
    project.run("npx", "cdklocal", "bootstrap")
    project.run("npx", "cdklocal", "deploy")
    publish_one(project, "first")
    wait_until(lambda: students(project) == ["first"], "the first row", seconds=60)
    assert not status(project).stored_is_estimate

    project.change_status()
    project.run("npx", "cdklocal", "deploy")
    assert status(project).stored_is_estimate
    publish_one(project, "second")
    wait_until(lambda: students(project) == ["first", "second"], "the second row", seconds=60)

    # LocalStack is killed: the containers of its functions are left behind, of those that ran of late.
    project.run("docker", "compose", "kill", "localstack")
    of_functions = [name for name in containers(project) if "-lambda-" in name]
    assert any("-processor-" in name for name in of_functions)
    project.run("docker", "compose", "down")
    left = containers(project)

    # A second life: PostgreSQL kept its data, LocalStack knows nothing any more.
    project.run("docker", "compose", "up", "-d", "--wait")
    project.run("npx", "cdklocal", "bootstrap", "--app", "cdk.out")
    project.run("npx", "cdklocal", "deploy", "--app", "cdk.out")
    publish_one(project, "third")
    wait_until(lambda: students(project) == ["first", "second", "third"], "the third row", seconds=60)

    project.run("docker", "compose", "down")
    assert containers(project) == left
    project.run("docker", "compose", "down", "--remove-orphans", "--volumes")
    assert (containers(project), networks_and_volumes(project)) == ([], [])


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def aws(project: Checkout) -> Aws:
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    return Aws({**environment, "AWS_ENDPOINT_URL": project.environment["AWS_ENDPOINT_URL"]})


def publish_one(project: Checkout, student: str) -> None:
    event = {"student_id": student, "event_type": "quiz_score", "score": 87.5}
    client = aws(project)
    stream = find(client, "dev").stream_name
    client.kinesis.put_record(StreamName=stream, PartitionKey=student, Data=json.dumps(event).encode())


def status(project: Checkout) -> StatusAnswer:
    client = aws(project)
    return find(client, "dev").commands(client).run(Status())


def students(project: Checkout) -> list[str]:
    """Whose events are stored, in the order of their arrival; none while there is no table yet."""
    psql = ("psql", "-U", "dbadmin", "-d", "studentdata", "-Atc")
    table = "SELECT to_regclass('student_performance')"
    rows = "SELECT student_id FROM student_performance ORDER BY arrived_at"
    run = ("docker", "compose", "exec", "-T", "postgres", *psql)
    return project.run(*run, rows).split() if project.run(*run, table).strip() else []


def containers(project: Checkout) -> list[str]:
    """Names of the project's containers, those of functions included."""
    name = project.folder.name
    with contextlib.closing(docker.from_env()) as client:
        return [str(one.name) for one in client.containers.list(all=True) if str(one.name).startswith(name)]


def networks_and_volumes(project: Checkout) -> list[str]:
    """Names of what else docker compose made for the project."""
    with contextlib.closing(docker.from_env()) as client:
        names = [str(one.name) for one in client.networks.list()]
        names += [str(one.name) for one in client.volumes.list()]
        return [name for name in names if name.startswith(f"{project.folder.name}_")]


def published_addresses(project: Checkout) -> set[str]:
    """The addresses that the project's published ports are bound to."""
    with contextlib.closing(docker.from_env()) as client:
        found = [client.containers.get(name) for name in containers(project)]
        return {
            binding["HostIp"]
            for container in found
            for bindings in container.attrs["HostConfig"]["PortBindings"].values()
            for binding in bindings
        }
