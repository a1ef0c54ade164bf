"""Tells whether the handler is still as near to the limit as when the results were recorded."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from bench import results

MAY_FALL: Final = 0.15

Key = tuple[str, str, int]


def recorded() -> dict[Key, float]:
    """Return the ratios of the record, of the handler only: peers may become slower."""
    return ratios(results.read().get("ratios", {"rows": []})["rows"])


def ratios(rows: Iterable[results.Row]) -> dict[Key, float]:
    """Return the handler's ratios by processor time, which busy neighbours change by a few per cent only."""
    return {_key(row): row["by_processor_time"]["median"] for row in rows if row["part"] == "handler"}


def fallen(now: dict[Key, float], before: dict[Key, float]) -> list[Key]:
    """Return those that fell by more than is allowed; one that is not in the record yet cannot."""
    return [key for key, ratio in now.items() if key in before and ratio < before[key] * (1 - MAY_FALL)]


def describe(keys: Sequence[Key], now: dict[Key, float], before: dict[Key, float]) -> str:
    """Return a line for each."""
    return "\n".join(
        f"{task}, {kind}, batches of {size}: {now[key]:.3f} of the limit, recorded {before[key]:.3f}"
        for key in keys
        for kind, task, size in [key]
    )


def _key(row: dict[str, Any]) -> Key:
    return row["kind"], row["task"], row["batch"]
