-- name: page
SELECT
    rejected.source_id, pipeline, stream_arn, shard_id, sequence_number, sub_sequence, arrived_at,
    reason, detail, payload, rejected_at, redriven_at
FROM rejected_event AS rejected JOIN event_source ON event_source.id = rejected.source_id
WHERE ($1::text IS NULL OR reason = $1)
    AND ($2::text IS NULL OR stream_arn = $2)
    AND ($3::text IS NULL OR shard_id = $3)
    AND ($4::timestamptz IS NULL OR rejected_at >= $4)
    AND ($5::timestamptz IS NULL OR rejected_at < $5)
    AND ($6::boolean IS NULL OR (redriven_at IS NOT NULL) = $6)
    AND ($10::text IS NULL OR pipeline = $10)
    AND (
        $7::integer IS NULL
        OR (rejected.source_id, sequence_number, sub_sequence) > ($7, $8::text, $9::integer)
    )
ORDER BY rejected.source_id, sequence_number, sub_sequence
LIMIT $11

-- name: mark_redriven
UPDATE rejected_event SET redriven_at = now()
WHERE (source_id, sequence_number, sub_sequence) = ($1, $2, $3)
