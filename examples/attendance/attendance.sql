-- The statements of the pipeline attendance.

-- name: find_stored
SELECT array_agg(event.position - 1)
FROM unnest($2::text[], $3::integer[], $4::timestamptz[])
    WITH ORDINALITY AS event (sequence_number, sub_sequence, arrived_at, position),
LATERAL (
    SELECT FROM attendance AS stored
    WHERE (stored.source_id, stored.sequence_number, stored.sub_sequence, stored.arrived_at)
        = ($1, event.sequence_number, event.sub_sequence, event.arrived_at)
    LIMIT 1
) AS stored

-- name: merge_events
INSERT INTO attendance (
    source_id, sequence_number, sub_sequence, arrived_at, event_id, session_id, student_id, status, occurred_at
)
SELECT
    $1, event.sequence_number, event.sub_sequence, event.arrived_at,
    event.event_id, event.session_id, event.student_id, event.status, event.occurred_at
FROM unnest(
    $2::text[], $3::integer[], $4::timestamptz[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::timestamptz[]
) WITH ORDINALITY AS event (
    sequence_number, sub_sequence, arrived_at, event_id, session_id, student_id, status, occurred_at, position
)
LEFT JOIN event_identity AS identity USING (event_id)
WHERE event.event_id IS NULL
    OR (identity.source_id, identity.sequence_number, identity.sub_sequence)
        = ($1, event.sequence_number, event.sub_sequence)
ORDER BY event.position
ON CONFLICT DO NOTHING
RETURNING event_id, session_id, student_id, status, occurred_at

-- name: convert_events
SELECT $1::integer, count(*)
FROM unnest(
    $2::text[], $3::integer[], $4::timestamptz[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::timestamptz[]
) AS event

-- name: count_conflicts
SELECT count(*)
FROM unnest(
    $2::text[], $3::integer[], $4::timestamptz[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::timestamptz[]
) AS event (
    sequence_number, sub_sequence, arrived_at, event_id, session_id, student_id, status, occurred_at
)
JOIN event_identity AS identity USING (event_id)
JOIN attendance AS stored
    ON stored.source_id = identity.source_id
    AND stored.sequence_number = identity.sequence_number
    AND stored.sub_sequence = identity.sub_sequence
WHERE (identity.source_id, identity.sequence_number, identity.sub_sequence)
        <> ($1, event.sequence_number, event.sub_sequence)
    AND (stored.session_id, stored.student_id, stored.status, stored.occurred_at)
        <> (event.session_id, event.student_id, event.status, event.occurred_at)

-- name: count_stored
SELECT count(*) FROM attendance

-- name: figures
SELECT
    (SELECT min(arrived_at) FROM attendance) AS first_arrived_at,
    (SELECT max(arrived_at) FROM attendance) AS last_arrived_at,
    (SELECT max(stored_at) FROM attendance) AS last_stored_at,
    count(*) AS stored_last_hour,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY lag_ms) AS lag_p50,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY lag_ms) AS lag_p99
FROM attendance, LATERAL (
    SELECT (extract(epoch FROM stored_at - arrived_at) * 1000)::double precision AS lag_ms
) AS lag
WHERE stored_at > now() - interval '1 hour'

-- name: report_tail
SELECT stored_at, occurred_at, session_id, student_id, status, shard_id, sequence_number, sub_sequence
FROM attendance JOIN event_source ON event_source.id = source_id
WHERE ($1::text IS NULL OR session_id = $1)
    AND ($2::text IS NULL OR student_id = $2)
    AND ($3::timestamptz IS NULL OR stored_at >= $3)
ORDER BY stored_at DESC, sequence_number DESC, sub_sequence DESC
LIMIT $4

-- name: report_sessions
SELECT session_id, check_ins, late, first_at, last_at
FROM session_attendance
WHERE ($1::text IS NULL OR session_id = $1)
    AND $2::text IS NULL
    AND ($3::timestamptz IS NULL OR last_at >= $3)
ORDER BY last_at DESC, session_id
LIMIT $4

-- name: session_attendance
INSERT INTO session_attendance AS stored (session_id, check_ins, late, first_at, last_at)
SELECT session_id, count(*), count(*) FILTER (WHERE status = 'late'), min(occurred_at), max(occurred_at)
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS event (session_id, status, occurred_at)
GROUP BY session_id
ORDER BY session_id
ON CONFLICT (session_id) DO UPDATE SET
    check_ins = stored.check_ins + excluded.check_ins,
    late = stored.late + excluded.late,
    first_at = least(stored.first_at, excluded.first_at),
    last_at = greatest(stored.last_at, excluded.last_at)

-- name: session_attendance_slice
SELECT session_id FROM attendance
WHERE session_id > coalesce($1::text, '')
ORDER BY session_id OFFSET $2 LIMIT 1

-- name: session_attendance_clear
DELETE FROM session_attendance
WHERE session_id > coalesce($1::text, '') AND ($2::text IS NULL OR session_id <= $2)

-- name: session_attendance_fill
INSERT INTO session_attendance (session_id, check_ins, late, first_at, last_at)
SELECT session_id, count(*), count(*) FILTER (WHERE status = 'late'), min(occurred_at), max(occurred_at)
FROM attendance
WHERE session_id > coalesce($1::text, '') AND ($2::text IS NULL OR session_id <= $2)
GROUP BY session_id
