"""Runs MiniStack without its own Kinesis event source mapping: ``python -m emulation.ministack_server``.

MiniStack would drive enabled mappings itself and lose records on failures; here ``emulation.runner`` does it.
Deploying mappings disabled is not enough: enabling one through the API, as people do, would start both. The
name patched exists in the exactly pinned version; should it go, the start fails and no delivery doubles.
"""

from ministack import app  # type: ignore[import-untyped]  # MiniStack ships no types
from ministack.services import lambda_svc  # type: ignore[import-untyped]  # as above


def _leave_kinesis_to_the_runner() -> bool:
    return False  # "no mapping took a batch in this pass"


def main() -> None:
    """Serve until ended by a signal."""
    lambda_svc._poll_kinesis  # noqa: B018, SLF001 - raises AttributeError when a new version has renamed it
    lambda_svc._poll_kinesis = _leave_kinesis_to_the_runner  # noqa: SLF001 - see the module's docstring
    app.main()


if __name__ == "__main__":
    main()
