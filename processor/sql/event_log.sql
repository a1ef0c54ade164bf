-- How the store works with any event log: {log}, its columns {columns}, and a session's temporary tables.
-- {incoming} takes an encoded chunk before it is merged, and {fresh} takes the rows that turned out to be new.

-- name: find_source
SELECT id FROM event_source WHERE stream_arn = $1 AND shard_id = $2 AND pipeline = $3

-- name: add_source
INSERT INTO event_source (stream_arn, shard_id, pipeline) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: make_month
-- Tells whether the log keeps this month, and makes the month's partition if it does not exist.
SELECT make_month($1, $2)

-- name: types_of
SELECT attname AS name, typname
FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
WHERE attrelid = to_regclass($1) AND attname = ANY ($2::text[])

-- name: find_stored
-- The positions of the deliveries that are stored already and need no work. LIMIT makes PostgreSQL look up each by
-- itself, because it may plan a join as a scan of the table while the statistics are young.
SELECT array_agg(event.position - 1)
FROM unnest($2::text[], $3::integer[], $4::timestamptz[])
    WITH ORDINALITY AS event (sequence_number, sub_sequence, arrived_at, position),
LATERAL (
    SELECT FROM {log} AS stored
    WHERE (stored.source_id, stored.sequence_number, stored.sub_sequence, stored.arrived_at)
        = ($1, event.sequence_number, event.sub_sequence, event.arrived_at)
    LIMIT 1
) AS stored

-- name: make_incoming
CREATE TEMPORARY TABLE IF NOT EXISTS {incoming} (
    LIKE {log} INCLUDING DEFAULTS, copy_position bigint GENERATED ALWAYS AS IDENTITY
) ON COMMIT DELETE ROWS

-- name: claim_identities
-- The first delivery that claims an event_id keeps it. Claims are made in the order of event_id, as in the COPY:
-- writers that claim the same ones in the same order cannot wait for each other in a circle.
INSERT INTO event_identity (event_id, source_id, sequence_number, sub_sequence)
SELECT event_id, source_id, sequence_number, sub_sequence
FROM {incoming}
WHERE event_id IS NOT NULL
ORDER BY event_id, copy_position
ON CONFLICT DO NOTHING

-- name: merge
-- The events whose delivery is new and which own their event_id, if they have one. The scalar subquery looks up each
-- identity by itself, whatever the planner believes about the table's size.
INSERT INTO {log} ({columns})
SELECT {columns}
FROM {incoming} AS event
WHERE event_id IS NULL OR (
    SELECT (identity.source_id, identity.sequence_number, identity.sub_sequence)
        = (event.source_id, event.sequence_number, event.sub_sequence)
    FROM event_identity AS identity
    WHERE identity.event_id = event.event_id
)
ORDER BY copy_position
ON CONFLICT DO NOTHING

-- name: count_conflicts
-- Events whose event_id came before in another delivery with other content. An event without its own time takes the
-- time of its arrival, which differs between the two deliveries and is not content.
SELECT count(*)
FROM {incoming} AS event,
LATERAL (
    SELECT source_id, sequence_number, sub_sequence FROM event_identity AS identity
    WHERE identity.event_id = event.event_id
    OFFSET 0
) AS identity,
LATERAL (
    SELECT arrived_at, occurred_at, {content} FROM {log} AS stored
    WHERE (stored.source_id, stored.sequence_number, stored.sub_sequence)
        = (identity.source_id, identity.sequence_number, identity.sub_sequence)
    LIMIT 1
) AS stored
WHERE (identity.source_id, identity.sequence_number, identity.sub_sequence)
        <> (event.source_id, event.sequence_number, event.sub_sequence)
    AND (
        ROW({stored_content}) IS DISTINCT FROM ROW({event_content})
        OR (
            stored.occurred_at <> event.occurred_at
            AND (stored.occurred_at <> stored.arrived_at OR event.occurred_at <> event.arrived_at)
        )
    )

-- name: find_violations
-- The incoming events that violate a constraint of the log, with PostgreSQL's message for each.
SELECT sequence_number, sub_sequence, message FROM find_violations($1, $2)

-- name: reject_events
WITH new AS (
    INSERT INTO rejected_event (source_id, sequence_number, sub_sequence, arrived_at, reason, detail, payload)
    SELECT $1, rejection.*
    FROM unnest($2::text[], $3::integer[], $4::timestamptz[], $5::text[], $6::text[], $7::bytea[]) AS rejection
    ON CONFLICT DO NOTHING
    RETURNING reason
)
SELECT reason, count(*) AS rejections FROM new GROUP BY reason
