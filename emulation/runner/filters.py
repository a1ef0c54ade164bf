"""Filter criteria: a record that matches none of the patterns is dropped permanently.

Kinesis mappings filter only on ``data``. Data that is not a JSON object never matches.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis-filtering.html
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from emulation.runner.patterns import COMPARISONS, check_pattern
from emulation.runner.records import ShardRecord

_MISSING: Final = object()


class Filters:
    """A mapping's patterns. If there are none, every record passes. A broken one raises MappingInvalid."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = [check_pattern(pattern) for pattern in patterns]

    def accepts(self, record: ShardRecord) -> bool:
        """Return whether the function gets this record. It never raises, whatever the data is."""
        if not self._patterns:
            return True
        data = _json_object(record.data)
        return data is not _MISSING and any(_matches(pattern, {"data": data}) for pattern in self._patterns)


def _matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    return all(_matches_key(key, rule, event) for key, rule in pattern.items())


def _matches_key(key: str, rule: Any, event: Mapping[str, Any]) -> bool:  # noqa: ANN401 - JSON
    if key == "$or":
        return any(_matches(alternative, event) for alternative in rule)
    if isinstance(rule, dict):
        return any(_matches(rule, inner) for inner in _objects(event.get(key)))
    return any(_matches_rule(one, value) for one in rule for value in _leaves(event.get(key, _MISSING)))


def _objects(value: object) -> list[Mapping[str, Any]]:
    """Return the objects that a nested pattern looks into, or one without members if there are none."""
    found: list[Mapping[str, Any]] = [one for one in _as_list(value) if isinstance(one, dict)]
    return found or [{}]


def _leaves(value: object) -> list[object]:
    """Return the values that a rule is compared with. Rules match leaves, so an object counts as missing."""
    return [_MISSING if isinstance(one, dict) else one for one in _as_list(value)]


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) and value else [value]


def _matches_rule(rule: object, value: object) -> bool:
    if not isinstance(rule, dict):
        return _same(rule, value)
    name, operand = next(iter(rule.items()))
    match name:
        case "exists":
            return (value is not _MISSING) is operand
        case "numeric":
            return _is_in_range(operand, value)
        case "anything-but":
            return value is not _MISSING and not any(_same(one, value) for one in _as_list(operand))
        case _:
            return isinstance(value, str) and _matches_text(name, operand, value)


def _matches_text(name: str, operand: str, value: str) -> bool:
    match name:
        case "prefix":
            return value.startswith(operand)
        case "suffix":
            return value.endswith(operand)
        case _:
            return value.casefold() == operand.casefold()


def _is_in_range(comparisons: list[Any], value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    pairs = zip(comparisons[::2], comparisons[1::2], strict=True)
    return all(COMPARISONS[comparison](value, operand) for comparison, operand in pairs)


def _same(wanted: object, value: object) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool) or wanted is None or value is None:
        return wanted is value
    return wanted == value


def _json_object(data: bytes) -> object:
    try:
        parsed = json.loads(data.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):  # data that is nested too deeply for the parser is not JSON here
        return _MISSING
    return parsed if isinstance(parsed, dict) else _MISSING


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
