-- The statements of the pipeline student-performance.

-- name: count_stored
SELECT count(*) FROM student_performance

-- name: figures
-- Reads up to $1 events of the last hour, and the 1,000 newest of each shard, however many there are. The lag, of
-- those of the newest that were stored in the last hour, is from the event's arrival in Kinesis to the start of the
-- transaction that stored it.
SELECT
    (SELECT min(first.arrived_at) FROM event_source CROSS JOIN LATERAL (
        SELECT arrived_at FROM student_performance WHERE source_id = event_source.id
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
    FROM student_performance WHERE source_id = event_source.id
    ORDER BY sequence_number DESC, sub_sequence DESC LIMIT 1000
) AS newest
CROSS JOIN (
    SELECT count(*) AS events, max(stored_at) AS last_stored_at
    FROM (SELECT stored_at FROM student_performance WHERE stored_at > now() - interval '1 hour' LIMIT $1) AS counted
) AS last_hour

-- name: report_students
SELECT
    student_id, count(*) AS events, avg(score) AS mean_score, max(occurred_at) AS last_activity
FROM student_performance
WHERE ($1::text IS NULL OR student_id = $1)
    AND ($2::text IS NULL OR event_type = $2)
    AND ($3::text IS NULL OR metadata->>'course' = $3)
    AND ($4::timestamptz IS NULL OR stored_at >= $4)
GROUP BY student_id
ORDER BY events DESC, student_id
LIMIT $5

-- name: report_courses
SELECT
    metadata->>'course' AS course, count(*) AS events, count(DISTINCT student_id) AS students,
    avg(score) AS mean_score, max(occurred_at) AS last_activity
FROM student_performance
WHERE ($1::text IS NULL OR student_id = $1)
    AND ($2::text IS NULL OR event_type = $2)
    AND ($3::text IS NULL OR metadata->>'course' = $3)
    AND ($4::timestamptz IS NULL OR stored_at >= $4)
GROUP BY 1
ORDER BY events DESC, course
LIMIT $5

-- name: report_types
SELECT
    event_type, count(*) AS events, count(score) AS scored, avg(score) AS mean_score,
    max(occurred_at) AS last_activity
FROM student_performance
WHERE ($1::text IS NULL OR student_id = $1)
    AND ($2::text IS NULL OR event_type = $2)
    AND ($3::text IS NULL OR metadata->>'course' = $3)
    AND ($4::timestamptz IS NULL OR stored_at >= $4)
GROUP BY event_type
ORDER BY events DESC, event_type
LIMIT $5

-- name: report_days
SELECT
    (occurred_at AT TIME ZONE 'UTC')::date AS day, count(*) AS events, count(DISTINCT student_id) AS students,
    avg(score) AS mean_score
FROM student_performance
WHERE ($1::text IS NULL OR student_id = $1)
    AND ($2::text IS NULL OR event_type = $2)
    AND ($3::text IS NULL OR metadata->>'course' = $3)
    AND ($4::timestamptz IS NULL OR stored_at >= $4)
GROUP BY 1
ORDER BY day DESC
LIMIT $5

-- name: report_student
SELECT occurred_at, event_type, score, metadata
FROM student_performance
WHERE student_id = $1::text
    AND ($2::text IS NULL OR event_type = $2)
    AND ($3::text IS NULL OR metadata->>'course' = $3)
    AND ($4::timestamptz IS NULL OR stored_at >= $4)
ORDER BY occurred_at DESC
LIMIT $5

-- name: report_tail
-- The newest first: whoever follows reads on from a little before the last stored_at seen, since
-- transactions commit in another order than they start, and knows a row again by its delivery.
SELECT
    stored_at, occurred_at, student_id, event_type, score, metadata,
    shard_id, sequence_number, sub_sequence
FROM student_performance JOIN event_source ON event_source.id = source_id
WHERE ($1::text IS NULL OR student_id = $1)
    AND ($2::text IS NULL OR event_type = $2)
    AND ($3::text IS NULL OR metadata->>'course' = $3)
    AND ($4::timestamptz IS NULL OR stored_at >= $4)
ORDER BY stored_at DESC, sequence_number DESC, sub_sequence DESC
LIMIT $5

-- name: student_activity
-- What each student did on a day (UTC). A double cast by way of its text keeps all its digits, and sums of numeric
-- are exact, so that no order of the events changes them.
SELECT
    student_id,
    (occurred_at AT TIME ZONE 'UTC')::date AS day,
    date_trunc('month', arrived_at AT TIME ZONE 'UTC')::date AS month,
    count(*) AS events,
    count(score) AS scored,
    coalesce(sum(score::text::numeric), 0) AS score_sum,
    coalesce(sum(score::text::numeric * score::text::numeric), 0) AS score_squares,
    min(occurred_at) AS first_at,
    max(occurred_at) AS last_at
FROM {log}
GROUP BY student_id, day, month
