-- The reports of the pipeline student-performance, and the statements of its projections.

-- name: report_students
SELECT
    student_id, sum(events)::bigint AS events, (sum(score_sum) / nullif(sum(scored), 0))::double precision AS mean_score,
    max(last_at) AS last_activity
FROM student_course
WHERE ({student_id} IS NULL OR student_id = {student_id}) AND ({course} IS NULL OR course = {course})
    AND ({as_teacher} IS NULL OR course IN (SELECT id FROM visible_course({as_teacher})))
GROUP BY student_id
ORDER BY events DESC, student_id
LIMIT {limit}

-- name: report_courses
-- One student's figures come from what they did in each course. All students' figures come from the courses' days,
-- which are fewer rows. Students are counted apart, because counting distinct ones in the same pass would sort all.
-- A mean of fewer than ten students is hidden.
SELECT
    nullif(course, '') AS course, events, students,
    CASE WHEN students >= 10 OR {student_id} IS NOT NULL THEN mean_score END AS mean_score, last_activity
FROM (
    SELECT
        course, sum(events)::bigint AS events,
        (
            SELECT count(*) FROM (
                SELECT DISTINCT student_id FROM student_course AS one
                WHERE one.course = every.course AND ({student_id} IS NULL OR student_id = {student_id})
            ) AS student
        ) AS students,
        (sum(score_sum) / nullif(sum(scored), 0))::double precision AS mean_score, max(last_at) AS last_activity
    FROM (
        SELECT course, events, scored, score_sum, last_at FROM student_course WHERE student_id = {student_id}
        UNION ALL
        SELECT course, events, scored, score_sum, last_at FROM course_day WHERE {student_id} IS NULL
    ) AS every
    WHERE ({course} IS NULL OR course = {course})
        AND ({as_teacher} IS NULL OR course IN (SELECT id FROM visible_course({as_teacher})))
    GROUP BY every.course
    ORDER BY events DESC, every.course
    LIMIT {limit}
) AS summed
ORDER BY summed.events DESC, summed.course

-- name: report_types
-- since and until mean whole days in UTC. A mean of fewer than ten scores is hidden.
SELECT
    event_type, sum(events)::bigint AS events, sum(scored)::bigint AS scored,
    CASE WHEN sum(scored) >= 10 THEN (sum(score_sum) / sum(scored))::double precision END AS mean_score,
    max(last_at) AS last_activity
FROM course_day
WHERE ({course} IS NULL OR course = {course}) AND ({event_type} IS NULL OR event_type = {event_type})
    AND ({since} IS NULL OR day >= ({since} AT TIME ZONE 'UTC')::date)
    AND ({until} IS NULL OR day < {until} AT TIME ZONE 'UTC')
    AND ({as_teacher} IS NULL OR course IN (SELECT id FROM visible_course({as_teacher})))
GROUP BY event_type
ORDER BY events DESC, event_type
LIMIT {limit}

-- name: report_days
-- As for the types, days are whole days in UTC, and a mean of fewer than ten scores is hidden.
SELECT
    day, sum(events)::bigint AS events, sum(scored)::bigint AS scored,
    CASE WHEN sum(scored) >= 10 THEN (sum(score_sum) / sum(scored))::double precision END AS mean_score
FROM course_day
WHERE ({course} IS NULL OR course = {course}) AND ({event_type} IS NULL OR event_type = {event_type})
    AND ({since} IS NULL OR day >= ({since} AT TIME ZONE 'UTC')::date)
    AND ({until} IS NULL OR day < {until} AT TIME ZONE 'UTC')
    AND ({as_teacher} IS NULL OR course IN (SELECT id FROM visible_course({as_teacher})))
GROUP BY day
ORDER BY day DESC
LIMIT {limit}

-- name: report_student
-- Reads the log by its index of students.
SELECT occurred_at, event_type, score, metadata
FROM {log}
WHERE student_id = {student_id} AND {filtered}
    AND ({as_teacher} IS NULL OR metadata->>'course' IN (SELECT id FROM visible_course({as_teacher})))
ORDER BY occurred_at DESC, sequence_number DESC, sub_sequence DESC, source_id
LIMIT {limit}

-- name: report_distribution
-- How many students scored how much in each piece of work, in steps of ten per cent. The last step holds everything
-- above. Work for which fewer than ten students have a score is hidden.
SELECT course, assessment, from_per_cent, students
FROM (
    SELECT
        given.course, given.assessment,
        least(greatest(floor(10 * score / coalesce(given.max_score, assessment.max_score, 100)), 0), 9)::int * 10
            AS from_per_cent,
        count(*) AS students,
        sum(count(*)) OVER (PARTITION BY given.course, given.assessment) AS scored
    FROM assessment_result AS given
    LEFT JOIN assessment ON (assessment.course, assessment.id) = (given.course, given.assessment)
    WHERE ({course} IS NULL OR given.course = {course}) AND scored_at <= {as_of}
        AND ({as_teacher} IS NULL OR given.course IN (SELECT id FROM visible_course({as_teacher})))
    GROUP BY 1, 2, 3
) AS work
WHERE scored >= 10
ORDER BY 1, 2, 3
LIMIT {limit}

-- name: report_missing
-- Work that was due and has not been handed in, the longest overdue first. The time of grace does not count here.
SELECT pupil.course, assessment.id AS assessment, moment.due_at, pupil.student AS student_id
FROM pupil({as_of}) AS pupil
JOIN assessment ON assessment.course = pupil.course AND assessment.counts
LEFT JOIN assessment_exception AS exception
    ON (exception.course, exception.assessment, exception.person) = (assessment.course, assessment.id, pupil.student)
CROSS JOIN LATERAL (SELECT coalesce(exception.due_at, assessment.due_at) AS due_at) AS moment
WHERE moment.due_at <= {as_of} AND exception.excused IS NOT TRUE
    AND NOT EXISTS (
        SELECT FROM student_assessment AS result
        WHERE (result.course, result.assessment, result.student_id) = (assessment.course, assessment.id, pupil.student)
            AND result.handed_in_at <= {as_of}
    )
    AND ({course} IS NULL OR pupil.course = {course}) AND ({student_id} IS NULL OR pupil.student = {student_id})
    AND ({as_teacher} IS NULL OR pupil.course IN (SELECT id FROM visible_course({as_teacher})))
ORDER BY moment.due_at, pupil.course, assessment.id, pupil.student
LIMIT {limit}

-- name: report_inactive
-- Students of whom nothing was seen in a course for seven days, or at all; the longest silent first.
SELECT pupil.course, pupil.student AS student_id, seen.last_activity
FROM pupil({as_of}) AS pupil
LEFT JOIN (
    SELECT course, student_id, max(last_at) AS last_activity FROM student_course GROUP BY course, student_id
) AS seen ON (seen.course, seen.student_id) = (pupil.course, pupil.student)
WHERE coalesce(seen.last_activity <= {as_of} - interval '7 days', true)
    AND ({course} IS NULL OR pupil.course = {course}) AND ({student_id} IS NULL OR pupil.student = {student_id})
    AND ({as_teacher} IS NULL OR pupil.course IN (SELECT id FROM visible_course({as_teacher})))
ORDER BY seen.last_activity NULLS FIRST, pupil.course, pupil.student
LIMIT {limit}

-- name: student_assessment
-- Work that was handed in: every event with a score, and submissions. DISTINCT ON keeps the latest event with a score,
-- or any event if none has a score. An impossible maximum is ignored.
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
-- A cast of a double through text keeps all its digits, and sums of numeric are exact, so they do not depend on the
-- order of the events.
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
    count(*) AS events,
    count(*) FILTER (WHERE event_type = 'attendance' AND metadata->>'status' = 'present') AS present,
    count(*) FILTER (WHERE event_type = 'attendance' AND metadata->>'status' = 'late') AS late,
    count(*) FILTER (WHERE event_type = 'attendance' AND metadata->>'status' = 'absent') AS absent,
    count(*) FILTER (WHERE event_type = 'attendance' AND metadata->>'status' = 'excused') AS excused
FROM {log}
GROUP BY 1, 2, 3
