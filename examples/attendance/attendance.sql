-- The statements of the pipeline attendance.

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
SELECT
    session_id, sum(check_ins)::bigint AS check_ins, sum(late)::bigint AS late,
    min(first_at) AS first_at, max(last_at) AS last_at
FROM session_attendance
WHERE ($1::text IS NULL OR session_id = $1)
    AND $2::text IS NULL
    AND ($3::timestamptz IS NULL OR last_at >= $3)
GROUP BY session_id
ORDER BY last_at DESC, session_id
LIMIT $4

-- name: session_attendance
SELECT
    session_id,
    date_trunc('month', arrived_at AT TIME ZONE 'UTC')::date AS month,
    count(*) AS check_ins,
    count(*) FILTER (WHERE status = 'late') AS late,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at
FROM {log}
GROUP BY session_id, month
