"""Checks filter patterns. What the runner cannot follow is refused by name.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax
"""

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from emulation.errors import MappingInvalid

MAXIMUM_CHARACTERS: Final = 4096  # https://docs.aws.amazon.com/lambda/latest/api/API_Filter.html
MAXIMUM_DEPTH: Final = 100  # our own: far more than a record has, and far less than the interpreter's stack
_SHOWN_CHARACTERS: Final = 100

COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def check_pattern(text: str) -> Mapping[str, Any]:
    """Return the pattern as JSON. Raises MappingInvalid, with its text, if the runner cannot follow it."""
    try:
        return _parse(text)
    except _Broken as error:
        shown = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
        raise MappingInvalid(f"The filter pattern {shown} {error}") from error


class _Broken(Exception):
    """What is wrong, as the end of a sentence that begins with the pattern."""


def _parse(text: str) -> Mapping[str, Any]:
    if len(text) > MAXIMUM_CHARACTERS:
        raise _Broken(f"has {len(text):,} characters; {MAXIMUM_CHARACTERS:,} are allowed")
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise _Broken(f"is not JSON: {error}") from error
    except RecursionError as error:
        raise _Broken(f"is nested more than {MAXIMUM_DEPTH} levels deep") from error
    if not isinstance(pattern, dict) or set(pattern) - {"data"}:
        raise _Broken(
            "must be a JSON object with `data` and nothing else, because Kinesis mappings filter on that"
        )
    if not isinstance(pattern.get("data", {}), dict):
        raise _Broken("must have an object as `data`: the fields of the record's JSON")
    _check(pattern, 1)
    return pattern


def _check(pattern: Mapping[str, Any], depth: int) -> None:
    if depth > MAXIMUM_DEPTH:
        raise _Broken(f"is nested more than {MAXIMUM_DEPTH} levels deep")
    for key, rule in pattern.items():
        if key == "$or":
            _check_alternatives(rule, depth)
        elif isinstance(rule, dict):
            _check(rule, depth + 1)
        elif not isinstance(rule, list) or not rule:
            raise _Broken(f"has {key!r} without a list of values")
        else:
            for one in rule:
                _check_rule(one)


def _check_alternatives(rule: object, depth: int) -> None:
    if not isinstance(rule, list) or not rule or not all(isinstance(one, dict) for one in rule):
        raise _Broken("has `$or` without a list of objects")
    for alternative in rule:
        _check(alternative, depth + 1)


def _check_rule(rule: object) -> None:
    if isinstance(rule, list):
        raise _Broken("has a list inside a list of values")
    if not isinstance(rule, dict):
        return
    unknown = set(rule) - set(_OPERANDS)
    if unknown or len(rule) != 1:
        named = ", ".join(sorted(unknown)) or "none or several operators at once"
        raise _Broken(f"uses {named}: what is emulated is one of {', '.join(_OPERANDS)}")
    name, operand = next(iter(rule.items()))
    is_good, wanted = _OPERANDS[name]
    if not is_good(operand):
        raise _Broken(f"has {name!r} with {json.dumps(operand)}: it takes {wanted}")


def _is_text(operand: object) -> bool:
    return isinstance(operand, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_range(operand: object) -> bool:
    if not isinstance(operand, list) or len(operand) not in {2, 4}:
        return False
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return all(
        isinstance(comparison, str) and comparison in COMPARISONS and _is_number(number)
        for comparison, number in pairs
    )


def _is_unwanted(operand: object) -> bool:
    values = operand if isinstance(operand, list) else [operand]
    return bool(values) and all(isinstance(value, str) or _is_number(value) for value in values)


_Operand = tuple[Callable[[object], bool], str]
_OPERANDS: Final[dict[str, _Operand]] = {
    "exists": (lambda operand: isinstance(operand, bool), "true or false"),
    "prefix": (_is_text, "a string"),
    "suffix": (_is_text, "a string"),
    "equals-ignore-case": (_is_text, "a string"),
    "anything-but": (_is_unwanted, "strings or numbers (nested operators are not emulated)"),
    "numeric": (_is_range, 'a comparison and a number, or two of each: [">", 0, "<=", 5]'),
}
