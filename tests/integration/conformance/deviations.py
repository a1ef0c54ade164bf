"""Where a cloud is known not to follow AWS's documentation, by target and scenario, and what it does instead.

Each is a strict expected failure: when the target changes, the suite says so.
"""

DEVIATIONS: dict[str, dict[str, str]] = {
    "embedded": {},
    "localstack": {},
    "aws": {},
}
