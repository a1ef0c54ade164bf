-- The statements of the peers, in the placeholders of psycopg (%s) and asyncpg ($1).

-- name: insert_identity_plain
INSERT INTO event_identity (event_id, source_id, sequence_number, sub_sequence) VALUES (%s, %s, %s, %s)

-- name: insert_event_plain
INSERT INTO student_performance (
    source_id, sequence_number, sub_sequence, arrived_at,
    event_id, student_id, event_type, score, occurred_at, metadata
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)

-- name: insert_identity
INSERT INTO event_identity (event_id, source_id, sequence_number, sub_sequence) VALUES (%s, %s, %s, %s)
ON CONFLICT DO NOTHING

-- name: insert_event
INSERT INTO student_performance (
    source_id, sequence_number, sub_sequence, arrived_at,
    event_id, student_id, event_type, score, occurred_at, metadata
) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING

-- name: insert_identity_numbered
INSERT INTO event_identity (event_id, source_id, sequence_number, sub_sequence) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING

-- name: insert_event_numbered
INSERT INTO student_performance (
    source_id, sequence_number, sub_sequence, arrived_at,
    event_id, student_id, event_type, score, occurred_at, metadata
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT DO NOTHING

-- name: insert_identities_unnest
INSERT INTO event_identity (event_id, source_id, sequence_number, sub_sequence)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[])
ON CONFLICT DO NOTHING

-- name: insert_events_unnest
INSERT INTO student_performance (
    source_id, sequence_number, sub_sequence, arrived_at,
    event_id, student_id, event_type, score, occurred_at, metadata
)
SELECT * FROM unnest(
    $1::integer[], $2::text[], $3::integer[], $4::timestamptz[],
    $5::uuid[], $6::text[], $7::text[], $8::double precision[], $9::timestamptz[], $10::jsonb[]
)
ON CONFLICT DO NOTHING
