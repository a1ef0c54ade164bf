"""Where a cloud is known not to follow AWS's documentation, by target and scenario, and what it does instead.

Each is a strict expected failure: when the target changes, the suite says so.
"""

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
        "disable_and_enable": "enabled again, it starts over at the starting position",
        "update_while_running": "after an update it starts over at the starting position",
    },
    "aws": {},
}
