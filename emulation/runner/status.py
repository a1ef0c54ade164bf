"""How a mapping is doing, in the words that Lambda shows as its LastProcessingResult.

https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html
"""

from typing import Final

from botocore.exceptions import ClientError

NOTHING_YET: Final = "No records processed"
OK: Final = "OK"
FUNCTION_FAILED: Final = "PROBLEM: Function call failed"
SHOWN_CHARACTERS: Final = 256


class LastProcessingResult:
    """The last result of one mapping. Any thread may set it. Its shards share it."""

    def __init__(self) -> None:
        self.text = NOTHING_YET

    def show(self, text: str) -> None:
        """Replace what is shown."""
        self.text = text


def problem(error: Exception) -> str:
    """Return what to show for an error: the service's own message if the error is a service's."""
    text = error.response["Error"]["Message"] if isinstance(error, ClientError) else str(error)
    return f"PROBLEM: {text or type(error).__name__}"[:SHOWN_CHARACTERS]
