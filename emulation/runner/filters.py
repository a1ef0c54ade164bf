"""Filter criteria: a record that matches none of the patterns is dropped for good.

Kinesis mappings filter on ``data`` only; data that are no JSON object never match.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis-filtering.html
"""

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from emulation.errors import MappingInvalid
from emulation.runner.records import Record

_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MISSING: Final = object()


class Filters:
    """A mapping's patterns; with none, every record passes. Raises MappingInvalid for a broken pattern."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = [_parse(pattern) for pattern in patterns]

    def accepts(self, record: Record) -> bool:
        """Tell whether the function gets this record."""
        if not self._patterns:
            return True
        data = _json_object(record.data)
        return data is not _MISSING and any(
            _matches_object(pattern, {"data": data}) for pattern in self._patterns
        )


def _matches_object(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    for key, rule in pattern.items():
        if key == "$or":
            if not any(_matches_object(alternative, event) for alternative in rule):
                return False
        elif isinstance(rule, dict):
            inner = event.get(key)
            if not _matches_object(rule, inner if isinstance(inner, dict) else {}):
                return False
        elif not _matches_any(rule, event.get(key, _MISSING)):
            return False
    return True


def _matches_any(rules: list[Any], value: object) -> bool:
    values = value if isinstance(value, list) and value else [value]
    return any(_matches_rule(rule, one) for rule in rules for one in values)


def _matches_rule(rule: object, value: object) -> bool:
    if isinstance(rule, dict):
        name, operand = next(iter(rule.items()))
        return _OPERATORS[name](operand, value)
    return _same(rule, value)


def _same(wanted: object, value: object) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool) or wanted is None or value is None:
        return wanted is value
    return wanted == value


def _exists(wanted: object, value: object) -> bool:
    return (value is not _MISSING) is wanted


def _prefix(wanted: str, value: object) -> bool:
    return isinstance(value, str) and value.startswith(wanted)


def _suffix(wanted: str, value: object) -> bool:
    return isinstance(value, str) and value.endswith(wanted)


def _equals_ignore_case(wanted: str, value: object) -> bool:
    return isinstance(value, str) and value.casefold() == wanted.casefold()


def _anything_but(unwanted: object, value: object) -> bool:
    values = unwanted if isinstance(unwanted, list) else [unwanted]
    return value is not _MISSING and not any(_same(one, value) for one in values)


def _numeric(comparisons: list[Any], value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    pairs = zip(comparisons[::2], comparisons[1::2], strict=True)
    return all(_COMPARISONS[comparison](value, float(operand)) for comparison, operand in pairs)


_OPERATORS: Final[dict[str, Callable[[Any, object], bool]]] = {
    "exists": _exists,
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "anything-but": _anything_but,
    "numeric": _numeric,
}


def _parse(text: str) -> Mapping[str, Any]:
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise MappingInvalid(f"The filter pattern {text} is not JSON: {error}") from error
    if not isinstance(pattern, dict) or set(pattern) - {"data"}:
        raise MappingInvalid(f"The filter pattern {text} must be a JSON object with `data` and nothing else")
    _check(pattern, text)
    return pattern


def _check(pattern: Mapping[str, Any], text: str) -> None:
    for key, rule in pattern.items():
        if isinstance(rule, dict):
            _check(rule, text)
        elif not isinstance(rule, list):
            raise MappingInvalid(f"The filter pattern {text} has {key!r} without a list of values")
        elif key == "$or":
            for alternative in rule:
                _check(alternative, text)
        else:
            _check_operators(rule, text)


def _check_operators(rules: list[Any], text: str) -> None:
    for rule in rules:
        if not isinstance(rule, dict):
            continue
        unknown = set(rule) - set(_OPERATORS)
        if unknown or len(rule) != 1:
            named = ", ".join(sorted(unknown)) or "several operators at once"
            raise MappingInvalid(f"The filter pattern {text} uses {named}: one of {', '.join(_OPERATORS)}")


def _json_object(data: bytes) -> object:
    try:
        parsed = json.loads(data)
    except ValueError:
        return _MISSING
    return parsed if isinstance(parsed, dict) else _MISSING
