"""What can go wrong around the embedded cloud. Each message says what to do.

EmulationError
├── StartFailed     a process did not become healthy; the message has the end of its log
├── DeployFailed    a deployment failed; the message has its last useful lines
└── MappingInvalid  a deployed event source mapping asks for something that Lambda would refuse
"""


class EmulationError(Exception):
    """Everything that the embedded cloud raises on purpose."""


class StartFailed(EmulationError):
    """A child process ended early or missed its health deadline."""


class DeployFailed(EmulationError):
    """The stack could not be deployed or removed."""


class MappingInvalid(EmulationError):
    """The event source mapping cannot be driven as it is configured."""
