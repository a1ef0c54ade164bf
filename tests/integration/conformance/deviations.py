"""Where a cloud is known not to follow AWS's documentation, by target and scenario, and what it does instead.

If only some variants of a scenario deviate, they are listed one by one. Each entry is a strict expected
failure, so the suite says so when the target changes.
"""

LIMITS = "accepts all but a wrong batch size, and that refusal does not say what is wrong"
FILTERS = "accepts patterns that cannot match, or fails on them"

DEVIATIONS: dict[str, dict[str, str]] = {
    "embedded": {},
    "localstack": {
        "batching_window": "delivers a record before its window is over",
        "six_megabytes": "6 MB do not go out before the window is over",
        "shards_are_polled_concurrently": "polls one shard after the other",
        "parallelization_factor": "runs one batch of a shard at a time",
        "at_timestamp": "delivers nothing: its poller fails with a KeyError",
        "throttling_uses_up_no_retry": "throttling uses up the retries, and the record is discarded",
        "bisect_isolates_a_bad_record": "does not bisect: the whole batch is discarded",
        "bisect_splits_at_the_checkpoint": "a split at the checkpoint uses up a retry",
        "maximum_record_age": "the invocation record has no requestContext",
        "destination_s3": "the payload is a JSON object, not a string",
        "filter_drops_what_is_not_json": "nothing after the record that is not JSON is delivered",
        "disable_and_enable": "starts over at the starting position when it is enabled again",
        "update_while_running": "starts over at the starting position after an update",
        "code_update_in_mid_batch": "the batch under way comes again, with the new code",
        "limits": LIMITS,
        "limits_of_an_update": "the refusal does not say what is wrong",
        "starting_timestamp": "accepts a missing timestamp, and one in the future",
        "bad_destination": "accepts any ARN",
        "broken_filter[data is no object]": FILTERS,
        "broken_filter[$or of strings]": FILTERS,
        "broken_filter[hundreds of levels]": FILTERS,
        "broken_filter[thousands of levels]": FILTERS,
        "other_function": "starts over at the starting position with another function",
    },
    "aws": {},
}
