"""Ask the deployed operations function: the only way in which people reach the database (docs/design.md)."""

import json
from typing import TYPE_CHECKING, Any

from spm.errors import OperationRefusedError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class Operations:
    """The operations function of one stack."""

    def __init__(self, client: "LambdaClient", function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def call(self, command: str, **parameters: object) -> dict[str, Any]:
        """Run one command; return its answer or raise OperationRefusedError with the function's words."""
        request = json.dumps({"command": command, **parameters})
        answer = self._client.invoke(FunctionName=self._function_name, Payload=request.encode())
        result: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise OperationRefusedError(f"{command}: {result.get('errorMessage', result)}")
        if "refused" in result:
            raise OperationRefusedError(f"{command}: {result['refused']}")
        return result
