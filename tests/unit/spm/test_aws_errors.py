import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

from spm.aws.explain import explain


def refusal(code: str, message: str, operation: str = "PutRecords") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            refusal(
                "AccessDeniedException",
                "User: arn:aws:iam::1:user/x is not authorized to perform: kinesis:PutRecords on resource: x",
            ),
            "no right to kinesis:PutRecords: ask for the stack's readers or operators policy",
        ),
        (refusal("AccessDenied", "Access Denied", "GetObject"), "no right to GetObject"),
        (refusal("ExpiredToken", "The security token included in the request is expired"), "sign in again"),
        (refusal("ValidationException", "Stream is too long"), "PutRecords: Stream is too long"),
        (NoCredentialsError(), "no embedded cloud is running: start one in another terminal with: spm local"),
        (NoRegionError(), "no embedded cloud is running: start one in another terminal with: spm local"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "is AWS_ENDPOINT_URL right?"),
    ],
)
def test_an_error_says_what_to_do_in_one_line(error: BotoCoreError | ClientError, says: str) -> None:
    line = explain(error)
    assert says in line
    assert "\n" not in line
