-- {chosen} is the statement of that name, which says which rejected events a filter means. Its parameters come first.

-- name: chosen
($1::text IS NULL OR reason = $1)
AND ($2::text IS NULL OR stream_arn = $2)
AND ($3::text IS NULL OR shard_id = $3)
AND ($4::timestamptz IS NULL OR rejected_at >= $4)
AND ($5::timestamptz IS NULL OR rejected_at < $5)
AND ($6::boolean IS NULL OR (redriven_at IS NOT NULL) = $6)
AND ($7::boolean IS NULL OR (dismissed_at IS NOT NULL) = $7)
AND ($8::text IS NULL OR pipeline = $8)
AND ($9::text IS NULL OR (sequence_number, sub_sequence) = ($9, $10::integer))

-- name: page
SELECT
    rejected.source_id, pipeline, stream_arn, shard_id, sequence_number, sub_sequence, arrived_at,
    reason, detail, payload, rejected_at, redriven_at, dismissed_at, dismissed_because
FROM rejected_event AS rejected JOIN event_source ON event_source.id = rejected.source_id
WHERE {chosen}
    AND (
        $11::integer IS NULL
        OR (rejected.source_id, sequence_number, sub_sequence) > ($11, $12::text, $13::integer)
    )
ORDER BY rejected.source_id, sequence_number, sub_sequence
LIMIT $14

-- name: mark_redriven
UPDATE rejected_event SET redriven_at = now()
WHERE (source_id, sequence_number, sub_sequence) = ($1, $2, $3)

-- name: forget
DELETE FROM rejected_event WHERE (source_id, sequence_number, sub_sequence) = ($1, $2, $3)

-- name: count
SELECT count(*)
FROM rejected_event JOIN event_source ON event_source.id = rejected_event.source_id
WHERE {chosen}

-- name: dismiss
WITH dismissed AS (
    UPDATE rejected_event SET dismissed_at = now(), dismissed_because = $11
    FROM event_source
    WHERE event_source.id = rejected_event.source_id AND {chosen}
    RETURNING 1
)
SELECT count(*) FROM dismissed
