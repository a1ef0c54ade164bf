"""A function runs the code of a folder as it is edited, by LocalStack's hot reload."""

import io
import shutil
import zipfile
from pathlib import Path

import pytest

from spm.aws.stack import Aws
from spm.localstack.hot_reload import Mounted, put_back, reload, start
from tests.integration.localstack.cloud import Cloud

pytestmark = pytest.mark.localstack

NAME = "edited"
FILE = Path("processor", "handler.py")


def code(version: int) -> str:
    return f"def handler(event, context):\n    return {version}\n"


def test_an_edit_is_in_effect_when_the_command_says_so(cloud: Cloud, tmp_path: Path) -> None:
    checkout, folder = tmp_path / "checkout", tmp_path / "asset"
    (checkout / FILE).parent.mkdir(parents=True)
    (checkout / FILE).write_text(code(1))
    shutil.copytree(checkout, folder)
    aws = Aws(cloud.aws_environment)
    deployed = deploy(aws)
    assert answer(aws) == "0"

    mount = Mounted({NAME: deployed}, folder, ("processor",))
    start(aws, mount)
    assert answer(aws) == "1"
    (checkout / FILE).write_text(code(2))
    reload(checkout, aws, [mount], {FILE})
    assert answer(aws) == "2"
    (checkout / FILE).write_text("def (")
    reload(checkout, aws, [mount], {FILE})
    assert answer(aws) == "2"
    put_back(aws, mount)
    assert answer(aws) == "0"


def deploy(aws: Aws) -> dict[str, str]:
    """Make a function from a bucket, and return where in it its code is."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as package:
        package.writestr(str(FILE), code(0))
    deployed = {"S3Bucket": "edited-code", "S3Key": "deployed.zip"}
    aws.s3.create_bucket(Bucket=deployed["S3Bucket"])
    aws.s3.put_object(Bucket=deployed["S3Bucket"], Key=deployed["S3Key"], Body=content.getvalue())
    aws.functions.create_function(
        FunctionName=NAME,
        Runtime="python3.13",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="processor.handler.handler",
        Code={"S3Bucket": deployed["S3Bucket"], "S3Key": deployed["S3Key"]},
        Timeout=30,
    )
    aws.functions.get_waiter("function_active_v2").wait(FunctionName=NAME)
    return deployed


def answer(aws: Aws) -> str:
    return aws.functions.invoke(FunctionName=NAME)["Payload"].read().decode()
