-- The reports of the pipeline student-performance, and what is derived from its event log.

-- name: report_students
SELECT
    student_id, count(*) AS events, avg(score) AS mean_score, max(occurred_at) AS last_activity
FROM {log}
WHERE {filtered}
GROUP BY student_id
ORDER BY events DESC, student_id
LIMIT {limit}

-- name: report_courses
SELECT
    metadata->>'course' AS course, count(*) AS events, count(DISTINCT student_id) AS students,
    avg(score) AS mean_score, max(occurred_at) AS last_activity
FROM {log}
WHERE {filtered}
GROUP BY 1
ORDER BY events DESC, course
LIMIT {limit}

-- name: report_student
SELECT occurred_at, event_type, score, metadata
FROM {log}
WHERE student_id = {student_id} AND {filtered}
ORDER BY occurred_at DESC, sequence_number DESC, sub_sequence DESC, source_id
LIMIT {limit}

-- name: report_types
SELECT
    event_type, count(*) AS events, count(score) AS scored, avg(score) AS mean_score,
    max(occurred_at) AS last_activity
FROM {log}
WHERE {filtered}
GROUP BY event_type
ORDER BY events DESC, event_type
LIMIT {limit}

-- name: report_days
SELECT
    (occurred_at AT TIME ZONE 'UTC')::date AS day, count(*) AS events, count(DISTINCT student_id) AS students,
    avg(score) AS mean_score
FROM {log}
WHERE {filtered}
GROUP BY 1
ORDER BY day DESC
LIMIT {limit}

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
