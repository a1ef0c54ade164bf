-- name: report_sessions
SELECT
    session_id, sum(check_ins)::bigint AS check_ins, sum(late)::bigint AS late,
    min(first_at) AS first_at, max(last_at) AS last_at
FROM session_attendance
WHERE ({session_id} IS NULL OR session_id = {session_id}) AND ({since} IS NULL OR last_at >= {since})
    AND ({until} IS NULL OR first_at < {until})
GROUP BY session_id
ORDER BY last_at DESC, session_id
LIMIT {limit}

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
