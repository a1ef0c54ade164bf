"""What a function's answer means for its batch: all is done, all failed, or a part of it is done."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulation.runner.outcome import MAXIMUM_RESPONSE, Answer, Failed, PartlyFailed, Succeeded, interpret
from emulation.runner.records import ShardRecord

BATCH = [ShardRecord(f"{number:030d}", "key", 0.0, b"", "{}") for number in range(4)]


def answer(payload: object, *, function_error: str | None = None) -> Answer:
    return Answer(
        request_id="id",
        status_code=200,
        executed_version="$LATEST",
        function_error=function_error,
        payload=json.dumps(payload).encode(),
    )


def failures(*identifiers: object) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


def meaning(said: Answer) -> object:
    """Return what the answer means where the mapping asks for reports of failed items."""
    return interpret(said, BATCH, reports_item_failures=True)


def test_a_batch_whose_third_record_failed_comes_again_from_there() -> None:
    said = answer(failures(BATCH[2].sequence))
    assert meaning(said) == PartlyFailed(2, said)


@pytest.mark.parametrize(
    "response", [None, {}, [], "", {"batchItemFailures": []}, {"batchItemFailures": None}]
)
def test_nothing_reported_is_complete_success(response: object) -> None:
    assert meaning(answer(response)) == Succeeded()


def test_an_answer_larger_than_lambda_takes_is_a_failure() -> None:
    large = answer("x" * MAXIMUM_RESPONSE)
    assert meaning(large) == Failed(large)
    assert interpret(large, BATCH, reports_item_failures=False) == Failed(large)
    largest = answer("x" * (MAXIMUM_RESPONSE - 2))
    assert interpret(largest, BATCH, reports_item_failures=False) == Succeeded()


def test_an_empty_payload_is_complete_success() -> None:
    empty = Answer(
        request_id="id", status_code=200, executed_version="$LATEST", function_error=None, payload=b""
    )
    assert meaning(empty) == Succeeded()


@pytest.mark.parametrize(
    "response",
    [
        failures(""),
        failures(None),
        failures("not in the batch"),
        failures(BATCH[1].sequence, "not in the batch"),
        failures(int(BATCH[1].sequence)),
        {"batchItemFailures": [{"itemIdentifiers": BATCH[1].sequence}]},
        {"batchItemFailures": [{}]},
        {"batchItemFailures": [None]},
        {"batchItemFailures": "all"},
        {"batchItemFailures": 7},
    ],
)
def test_a_malformed_report_is_complete_failure(response: object) -> None:
    said = answer(response)
    assert meaning(said) == Failed(said)


def test_the_lowest_sequence_number_is_the_checkpoint() -> None:
    said = answer(failures(BATCH[3].sequence, BATCH[1].sequence, BATCH[2].sequence))
    assert meaning(said) == PartlyFailed(1, said)


def test_a_report_counts_only_where_the_mapping_asks_for_it() -> None:
    assert interpret(answer(failures(BATCH[1].sequence)), BATCH, reports_item_failures=False) == Succeeded()


@pytest.mark.parametrize("reports", [True, False])
def test_a_function_error_is_complete_failure_whatever_it_says(reports: bool) -> None:
    said = answer(failures(BATCH[1].sequence), function_error="Unhandled")
    assert interpret(said, BATCH, reports_item_failures=reports) == Failed(said)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("batchItemFailures"), inner),
)


@given(json_values)
def test_any_response_has_a_meaning(response: object) -> None:
    assert isinstance(meaning(answer(response)), (Succeeded, PartlyFailed, Failed))
