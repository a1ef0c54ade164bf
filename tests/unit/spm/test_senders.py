"""``spm senders``: what it refuses before it asks AWS, and which address it gives people."""

import pytest
from typer.testing import CliRunner

from spm.aws.addresses import local_address
from spm.cli import app
from spm.errors import InputError

ON_AWS = "https://abc.lambda-url.eu-central-1.on.aws/"
ON_LOCALSTACK = "http://abc.lambda-url.us-east-1.localhost.localstack.cloud:4566/"


@pytest.mark.parametrize(
    ("url", "endpoint", "expected"),
    [
        (ON_AWS, "https://cloudformation.eu-central-1.amazonaws.com", ON_AWS),
        (ON_AWS, "http://127.0.0.1:5005", "http://abc.lambda-url.eu-central-1.localhost:5005/"),
        (ON_LOCALSTACK, "http://localhost:4570", "http://abc.lambda-url.us-east-1.localhost:4570/"),
        (ON_LOCALSTACK, "http://cloud.school.example:4566", ON_LOCALSTACK),
        ("https://door.example/", "http://localhost:4566", "https://door.example/"),
    ],
)
def test_the_address_is_the_one_that_this_machine_reaches(url: str, endpoint: str, expected: str) -> None:
    assert local_address(url, endpoint) == expected


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["a.b"], "cannot be a sender's name"),
        (["a\x1b[31m"], "cannot be a sender's name"),
        (["x" * 51], "cannot be a sender's name"),
        (["moodle", "--student-id", "name"], "account.name"),
        (["canvas", "--keys", "http://example.org/keys"], "https://"),
    ],
)
def test_a_name_that_cannot_be_a_senders_is_refused(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(app, ["senders", "add", *arguments])
    assert isinstance(result.exception, InputError)
    assert told in str(result.exception)
