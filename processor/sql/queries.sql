-- The statements of the record path that all pipelines share.

-- name: find_source
SELECT id FROM event_source WHERE stream_arn = $1 AND shard_id = $2 AND pipeline = $3

-- name: add_source
INSERT INTO event_source (stream_arn, shard_id, pipeline) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: make_month
SELECT make_month($1, $2)

-- name: types_of
-- The types of a table's columns, in the order of the names.
SELECT typname
FROM unnest($2::text[]) WITH ORDINALITY AS wanted (name, position)
JOIN pg_attribute ON attrelid = to_regclass($1) AND attname = name
JOIN pg_type ON pg_type.oid = atttypid
ORDER BY position

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

-- name: claimed_elsewhere
-- Whether another delivery holds an event_id of these: whatever else is there already is there as it came.
SELECT EXISTS (
    SELECT FROM unnest($2::text[], $3::integer[], $4::uuid[]) AS event (sequence_number, sub_sequence, event_id)
    JOIN event_identity AS identity USING (event_id)
    WHERE (identity.source_id, identity.sequence_number, identity.sub_sequence)
        <> ($1, event.sequence_number, event.sub_sequence)
)

-- name: reject_events
INSERT INTO rejected_event (source_id, sequence_number, sub_sequence, arrived_at, reason, detail, payload)
SELECT $1, rejection.*
FROM unnest($2::text[], $3::integer[], $4::timestamptz[], $5::text[], $6::text[], $7::bytea[]) AS rejection
ON CONFLICT DO NOTHING
RETURNING reason
