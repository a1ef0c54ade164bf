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

-- name: student_assessment
-- What was handed in: whatever has a score, and submissions. DISTINCT ON keeps the latest event with a score, or any
-- where none has one. A maximum that cannot be one is none.
SELECT DISTINCT ON (course, assessment, student_id, month)
    course, assessment, student_id, month,
    min(at) OVER (PARTITION BY course, assessment, student_id, month) AS handed_in_at,
    CASE WHEN score IS NOT NULL THEN at END AS occurred_at,
    CASE WHEN score IS NOT NULL THEN source_id END AS source_id,
    CASE WHEN score IS NOT NULL THEN sequence_number END AS sequence_number,
    CASE WHEN score IS NOT NULL THEN sub_sequence END AS sub_sequence,
    score,
    CASE WHEN score IS NOT NULL AND max_score BETWEEN 1e-6 AND 1e12 THEN max_score::double precision END AS max_score
FROM (
    SELECT
        CASE WHEN length(metadata->>'course') <= 200 THEN metadata->>'course' ELSE '' END AS course,
        metadata->>'assessment' AS assessment,
        student_id,
        date_trunc('month', arrived_at AT TIME ZONE 'UTC')::date AS month,
        occurred_at AS at, source_id, sequence_number, sub_sequence, score,
        CASE jsonb_typeof(metadata->'max_score') WHEN 'number' THEN (metadata->'max_score')::numeric END AS max_score
    FROM {log}
    WHERE (score IS NOT NULL OR event_type = 'submission')
        AND length(metadata->>'assessment') BETWEEN 1 AND 200
) AS handed_in
ORDER BY
    course, assessment, student_id, month,
    score IS NULL, at DESC, source_id DESC, sequence_number DESC, sub_sequence DESC

-- name: student_course
-- A double cast by way of its text keeps all its digits, and sums of numeric are exact, so that no order of the events
-- changes them.
SELECT
    CASE WHEN length(metadata->>'course') <= 200 THEN metadata->>'course' ELSE '' END AS course,
    student_id,
    date_trunc('month', arrived_at AT TIME ZONE 'UTC')::date AS month,
    count(*) AS events,
    count(score) AS scored,
    coalesce(sum(score::text::numeric), 0) AS score_sum,
    count(*) FILTER (WHERE event_type = 'attendance' AND metadata->>'status' = 'present') AS present,
    count(*) FILTER (WHERE event_type = 'attendance' AND metadata->>'status' = 'late') AS late,
    count(*) FILTER (WHERE event_type = 'attendance' AND metadata->>'status' = 'absent') AS absent,
    count(*) FILTER (WHERE event_type = 'attendance' AND metadata->>'status' = 'excused') AS excused,
    min(occurred_at) AS first_at,
    min(occurred_at) FILTER (WHERE event_type = 'attendance' AND metadata->>'status' = 'absent') AS first_absent_at,
    max(occurred_at) AS last_at
FROM {log}
GROUP BY 1, 2, 3

-- name: course_day
SELECT
    CASE WHEN length(metadata->>'course') <= 200 THEN metadata->>'course' ELSE '' END AS course,
    (occurred_at AT TIME ZONE 'UTC')::date AS day,
    event_type,
    date_trunc('month', arrived_at AT TIME ZONE 'UTC')::date AS month,
    count(*) AS events,
    count(score) AS scored,
    coalesce(sum(score::text::numeric), 0) AS score_sum,
    max(occurred_at) AS last_at
FROM {log}
GROUP BY 1, 2, 3, 4

-- name: course_hour
SELECT
    CASE WHEN length(metadata->>'course') <= 200 THEN metadata->>'course' ELSE '' END AS course,
    date_trunc('hour', occurred_at, 'UTC') AS hour,
    date_trunc('month', arrived_at AT TIME ZONE 'UTC')::date AS month,
    count(*) AS events
FROM {log}
GROUP BY 1, 2, 3
