-- The statements of the pipeline attendance.

-- name: count_stored
SELECT count(*) FROM attendance

-- name: figures
SELECT
    (SELECT min(first.arrived_at) FROM event_source CROSS JOIN LATERAL (
        SELECT arrived_at FROM attendance WHERE source_id = event_source.id
        ORDER BY sequence_number, sub_sequence LIMIT 1
    ) AS first) AS first_arrived_at,
    max(newest.arrived_at) AS last_arrived_at,
    greatest(max(newest.stored_at), max(last_hour.last_stored_at)) AS last_stored_at,
    coalesce(max(last_hour.events), 0) AS stored_last_hour,
    count(lag_ms) AS lag_sample,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY lag_ms) AS lag_p50,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY lag_ms) AS lag_p99
FROM event_source CROSS JOIN LATERAL (
    SELECT
        arrived_at, stored_at,
        CASE WHEN stored_at > now() - interval '1 hour'
            THEN (extract(epoch FROM stored_at - arrived_at) * 1000)::double precision
        END AS lag_ms
    FROM attendance WHERE source_id = event_source.id
    ORDER BY sequence_number DESC, sub_sequence DESC LIMIT 1000
) AS newest
CROSS JOIN (
    SELECT count(*) AS events, max(stored_at) AS last_stored_at
    FROM (SELECT stored_at FROM attendance WHERE stored_at > now() - interval '1 hour' LIMIT $1) AS counted
) AS last_hour

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
