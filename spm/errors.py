"""What can go wrong for a person at the command line: each error is one line that says what to do.

The exit codes are part of the interface (docs/reference.md).
"""


class MonitorError(Exception):
    """An error that a command reports in one line. ``exit_code`` becomes the process's exit code."""

    exit_code = 1


class StackNotFoundError(MonitorError):
    """There is no stack of that name where we looked."""

    exit_code = 3


class OperationRefusedError(MonitorError):
    """The function answered with an error. The message is the function's own."""

    exit_code = 4


class PublishError(MonitorError):
    """The stream did not accept the records."""

    exit_code = 5


class DeliveryError(MonitorError):
    """The processor did not accept the records that were delivered to it."""

    exit_code = 6


class DemoError(MonitorError):
    """The demo's figures do not add up."""

    exit_code = 7


class InputError(MonitorError):
    """The file or an argument is not what it should be."""

    exit_code = 2
