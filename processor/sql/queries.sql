-- The statements of the record path.

-- name: find_source
SELECT id FROM event_source WHERE stream_arn = $1 AND shard_id = $2

-- name: add_source
INSERT INTO event_source (stream_arn, shard_id) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: make_month
SELECT make_month($1)

-- name: claim_identities
-- The first delivery to claim an event_id keeps it. In the order of event_id, as the COPY does it: writers
-- that claim the same ones in the same order cannot wait for each other in a circle.
INSERT INTO event_identity (event_id, source_id, sequence_number, sub_sequence)
SELECT event.event_id, $1, event.sequence_number, event.sub_sequence
FROM unnest($2::text[], $3::integer[], $4::uuid[])
    WITH ORDINALITY AS event (sequence_number, sub_sequence, event_id, position)
WHERE event.event_id IS NOT NULL
ORDER BY event.event_id, event.position
ON CONFLICT DO NOTHING

-- name: merge_events
INSERT INTO student_performance (
    source_id, sequence_number, sub_sequence, arrived_at,
    event_id, student_id, event_type, score, occurred_at, metadata
)
SELECT
    $1, event.sequence_number, event.sub_sequence, event.arrived_at,
    event.event_id, event.student_id, event.event_type, event.score, event.occurred_at, event.metadata
FROM unnest(
    $2::text[], $3::integer[], $4::timestamptz[],
    $5::uuid[], $6::text[], $7::text[], $8::double precision[], $9::timestamptz[], $10::jsonb[]
) WITH ORDINALITY AS event (
    sequence_number, sub_sequence, arrived_at,
    event_id, student_id, event_type, score, occurred_at, metadata, position
)
LEFT JOIN event_identity AS identity USING (event_id)
WHERE event.event_id IS NULL
    OR (identity.source_id, identity.sequence_number, identity.sub_sequence)
        = ($1, event.sequence_number, event.sub_sequence)
ORDER BY event.position
ON CONFLICT DO NOTHING

-- name: convert_events
SELECT $1::integer, count(*)
FROM unnest(
    $2::text[], $3::integer[], $4::timestamptz[],
    $5::uuid[], $6::text[], $7::text[], $8::double precision[], $9::timestamptz[], $10::jsonb[]
) AS event

-- name: count_conflicts
-- An event_id that came again from another delivery, with other content. An event without a time of its own
-- takes that of its arrival, which differs between the two and is not content.
SELECT count(*)
FROM unnest(
    $2::text[], $3::integer[], $4::timestamptz[],
    $5::uuid[], $6::text[], $7::text[], $8::double precision[], $9::timestamptz[], $10::jsonb[]
) AS event (
    sequence_number, sub_sequence, arrived_at,
    event_id, student_id, event_type, score, occurred_at, metadata
)
JOIN event_identity AS identity USING (event_id)
JOIN student_performance AS stored
    ON stored.source_id = identity.source_id
    AND stored.sequence_number = identity.sequence_number
    AND stored.sub_sequence = identity.sub_sequence
WHERE (identity.source_id, identity.sequence_number, identity.sub_sequence)
        <> ($1, event.sequence_number, event.sub_sequence)
    AND (
        (stored.student_id, stored.event_type, stored.score, stored.metadata)
            IS DISTINCT FROM (event.student_id, event.event_type, event.score, event.metadata)
        OR (
            stored.occurred_at <> event.occurred_at
            AND (stored.occurred_at <> stored.arrived_at OR event.occurred_at <> event.arrived_at)
        )
    )

-- name: reject_events
INSERT INTO rejected_event (source_id, sequence_number, sub_sequence, arrived_at, reason, detail, payload)
SELECT $1, rejection.*
FROM unnest($2::text[], $3::integer[], $4::timestamptz[], $5::text[], $6::text[], $7::bytea[]) AS rejection
ON CONFLICT DO NOTHING
RETURNING reason
