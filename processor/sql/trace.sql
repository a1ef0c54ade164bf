-- Finding out where an event is. {log} is an event log.

-- name: by_identity
-- The delivery that claimed an event_id. Events that retention dropped keep their claim.
SELECT source_id, pipeline, stream_arn, shard_id, sequence_number, sub_sequence
FROM event_identity JOIN event_source ON id = source_id
WHERE event_id = $1

-- name: sources
-- The sources of a shard, in any stream.
SELECT id AS source_id, pipeline, stream_arn, shard_id FROM event_source WHERE shard_id = $1 ORDER BY id

-- name: rows
-- The events of a record, or only the event $3.
SELECT sub_sequence, arrived_at, occurred_at, stored_at
FROM {log}
WHERE (source_id, sequence_number) = ($1, $2) AND ($3::integer IS NULL OR sub_sequence = $3)
ORDER BY sub_sequence
LIMIT $4

-- name: rejected_with
-- The newest rejections whose bytes match the pattern.
SELECT
    pipeline, stream_arn, shard_id, sequence_number, sub_sequence, arrived_at, reason, detail, rejected_at,
    redriven_at, dismissed_at
FROM rejected_event JOIN event_source ON id = source_id
WHERE encode(payload, 'escape') ~* $1
ORDER BY rejected_at DESC
LIMIT $2

-- name: rejected_from
-- The rejections of a record, or only the rejection $3.
SELECT
    pipeline, stream_arn, shard_id, sequence_number, sub_sequence, arrived_at, reason, detail, rejected_at,
    redriven_at, dismissed_at
FROM rejected_event JOIN event_source ON id = source_id
WHERE (shard_id, sequence_number) = ($1, $2) AND ($3::integer IS NULL OR sub_sequence = $3)
ORDER BY source_id, sub_sequence
LIMIT $4

-- name: kept_from
SELECT nullif(dropped_before, '-infinity') FROM pipeline_table WHERE name = $1
