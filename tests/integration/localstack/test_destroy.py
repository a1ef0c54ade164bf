"""A second environment beside the shared one, from deployment to destruction."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from spm.term import generate
from tests.integration.localstack.cloud import Cloud, Environment
from tests.integration.localstack.events import entries_of, expected, send, stored, wait_for_rows

pytestmark = pytest.mark.localstack


def test_destroy_leaves_nothing_but_the_rows(cloud: Cloud) -> None:
    environment = cloud.deploy({"environmentSuffix": "short"})
    events = list(generate(50, 5, seed=61))
    send(environment, entries_of(events))
    wait_for_rows(cloud, events, seconds=60)
    rows = stored(cloud, environment, events)
    assert rows == expected(environment, events)
    cloud.checkout.run(
        *("npx", "cdklocal", "destroy", "--force", "--app", str(cloud.synthesised)), environment.stack.name
    )
    assert what_is_left(environment) == []
    assert stored(cloud, environment, events) == rows


def what_is_left(environment: Environment) -> list[str]:
    """Names of the environment's resources that still exist."""
    stack, aws = environment.stack, environment.aws
    asked: list[tuple[str, Callable[[], object]]] = [
        (stack.name, lambda: aws.cloudformation.describe_stacks(StackName=stack.name)),
        (stack.stream_name, lambda: aws.kinesis.describe_stream_summary(StreamName=stack.stream_name)),
        (stack.processor_name, lambda: aws.functions.get_function(FunctionName=stack.processor_name)),
        (stack.operations_name, lambda: aws.functions.get_function(FunctionName=stack.operations_name)),
        (stack.bucket_name, lambda: aws.s3.head_bucket(Bucket=stack.bucket_name)),
    ]
    return [name for name, ask in asked if exists(ask)]


def exists(ask: Callable[[], object]) -> bool:
    """Whether AWS does not answer that there is no such thing."""
    try:
        ask()
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 404), error
        return False
    return True
