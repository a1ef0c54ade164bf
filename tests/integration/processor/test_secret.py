"""Logins in Secrets Manager, read from MiniStack's."""

import uuid
from collections.abc import Callable, Iterator
from typing import Final

import boto3
import pytest

from emulation.ministack import MiniStack
from processor.errors import ConfigurationError, TransientError
from processor.storage import secret
from processor.storage.secret import CURRENT, PENDING, Login, read_current_login, read_login

LOGIN: Final = Login("db.internal", 5432, "processor", "hush", "studentdata")
TEXT: Final = (
    '{"host": "db.internal", "port": "5432", "username": "processor", "password": "hush",'
    ' "dbname": "studentdata", "engine": "postgres"}'
)
CLOSED: Final = "http://127.0.0.1:9"  # the port of "discard", where nobody listens

Store = Callable[[str], str]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    ministack = MiniStack(tmp_path_factory.mktemp("ministack"))
    ministack.start()
    yield ministack.endpoint_url
    ministack.stop()


@pytest.fixture(autouse=True)
def environment(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the processor find Secrets Manager as a function does. It keeps its client as long as it lives."""
    secret._client.cache_clear()
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    yield
    secret._client.cache_clear()


@pytest.fixture
def store(endpoint: str) -> Store:
    """Store a text as a new secret, and return its ARN."""
    client = boto3.client("secretsmanager", endpoint_url=endpoint, region_name="us-east-1")
    return lambda text: client.create_secret(Name=uuid.uuid4().hex, SecretString=text)["ARN"]


async def test_a_login_is_read_from_what_rds_writes(store: Store) -> None:
    arn = store(TEXT)
    assert await read_login(arn, CURRENT) == LOGIN
    assert await read_current_login(arn) == LOGIN
    assert "hush" not in repr(LOGIN)


async def test_a_stage_that_no_version_has_is_none(store: Store) -> None:
    assert await read_login(store(TEXT), PENDING) is None


async def test_a_secret_that_is_not_there_is_a_wrong_setting() -> None:
    arn = f"arn:aws:secretsmanager:us-east-1:000000000000:secret:{uuid.uuid4().hex}"
    with pytest.raises(ConfigurationError, match="does not exist or has no value"):
        await read_current_login(arn)


async def test_a_secret_of_another_shape_is_a_wrong_setting(store: Store) -> None:
    arn = store('{"host": "db.internal"}')
    with pytest.raises(ConfigurationError, match=f"the secret {arn} is not an RDS login: .*port"):
        await read_current_login(arn)


async def test_a_service_that_does_not_answer_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", CLOSED)
    with pytest.raises(TransientError, match="Secrets Manager: "):
        await read_login("any", CURRENT)
