-- Evaluating who is at risk. Nothing here reads the clock: the caller passes the time.

-- name: courses_due
-- The courses that have to be evaluated as of $1, or only the course $2. A course has to be evaluated if its roster,
-- rules or events have changed, if work has become due or its time of grace has ended, or if a new day has begun there.
-- A course that is over is evaluated once more if it still has students.
SELECT course.id
FROM course
JOIN course_revision ON course_revision.course = course.id
LEFT JOIN risk_evaluation AS last ON last.course = course.id
CROSS JOIN LATERAL (SELECT ($1::timestamptz AT TIME ZONE course.time_zone)::date AS today) AS at
WHERE ($2::text IS NULL OR course.id = $2)
    AND (
        coalesce(course.begins <= today, true) AND coalesce(course.ends > today, true)
        OR EXISTS (SELECT FROM risk WHERE risk.course = course.id)
    )
    AND (
        last.course IS NULL
        OR last.revision <> course_revision.revision
        OR (last.evaluated_at AT TIME ZONE course.time_zone)::date <> today
        OR EXISTS (
            SELECT FROM (
                SELECT due_at FROM assessment WHERE assessment.course = course.id
                UNION ALL
                SELECT due_at FROM assessment_exception WHERE assessment_exception.course = course.id
            ) AS work, (
                SELECT value FROM risk_rule
                WHERE name = 'missing_grace_hours' AND (risk_rule.course = course.id OR risk_rule.course IS NULL)
                ORDER BY risk_rule.course
                LIMIT 1
            ) AS grace
            WHERE (due_at > last.evaluated_at AND due_at <= $1)
                OR (due_at > last.evaluated_at - value * interval '1 hour' AND due_at <= $1 - value * interval '1 hour')
        )
    )
ORDER BY course.id

-- name: lock
-- Until the transaction ends, nobody else can evaluate the course.
SELECT pg_advisory_xact_lock(hashtext('risk in ' || $1))

-- name: no_loops
-- Holds until the transaction ends. While statistics are young, the planner would compare each student's work with
-- everybody's, row by row.
SET LOCAL enable_nestloop = off

-- name: revision
SELECT revision FROM course_revision WHERE course = $1

-- name: is_settled
-- Tells whether the course was evaluated a day ago. Until then levels have no memory: while a school's first data come
-- in, everybody seems to miss everything, and many would stay just above the point where a level ends.
SELECT EXISTS (SELECT FROM risk_change WHERE course = $1 AND changed_at <= $2::timestamptz - interval '1 day')

-- name: rules
-- The rules of the course $1, and the general rule where the course has none of that name.
SELECT DISTINCT ON (name) name, value
FROM risk_rule
WHERE course = $1 OR course IS NULL
ORDER BY name, course

-- name: measure
-- The facts about each student who is enrolled in the course $1 as of $2, and the last evaluation. $3 is the hours of
-- grace, $4 is the fewest scores that make a rank, and $5 is the days after which somebody counts as silent.
WITH asked AS (
    SELECT id, time_zone, begins, ends, ($2::timestamptz AT TIME ZONE time_zone)::date AS today
    FROM course
    WHERE id = $1
), enrolled AS (
    SELECT person AS student, enrolment.begins::timestamp AT TIME ZONE time_zone AS begins_at
    FROM asked JOIN enrolment ON enrolment.course = asked.id AND role = 'student'
    WHERE coalesce(asked.begins <= today, true) AND coalesce(asked.ends > today, true)
        AND coalesce(enrolment.begins <= today, true) AND coalesce(enrolment.ends > today, true)
), result AS MATERIALIZED (
    -- What was handed in and scored by then. share is of the event's own maximum, the assessment's, or 100.
    SELECT
        given.student_id AS student, given.assessment, handed_in_at, scored_at, coalesce(counts, true) AS counts,
        CASE WHEN scored_at <= $2 THEN score / coalesce(given.max_score, assessment.max_score, 100) END AS share
    FROM assessment_result AS given
    LEFT JOIN assessment ON (assessment.course, assessment.id) = ($1, given.assessment)
    WHERE given.course = $1 AND handed_in_at <= $2
), ranked AS (
    -- The rank among everybody's scores: the best is 1, and ties are averaged. numeric is exact enough for a mean that
    -- does not depend on the order.
    SELECT
        student, scored_at,
        (rank() OVER up + count(*) OVER up)::numeric / (2 * count(*) OVER work) AS rank,
        count(*) OVER work >= $4::numeric AS is_comparable
    FROM result
    WHERE counts AND share IS NOT NULL
    WINDOW work AS (PARTITION BY assessment), up AS (PARTITION BY assessment ORDER BY share)
), scores AS (
    SELECT
        student,
        avg(CASE WHEN is_comparable THEN rank ELSE 0.5 END) AS mean_rank,
        avg(rank) FILTER (WHERE is_comparable) AS compared_rank,
        count(*) FILTER (WHERE is_comparable) AS compared,
        min(scored_at) FILTER (WHERE is_comparable) AS compared_since
    FROM ranked
    GROUP BY student
), due AS (
    SELECT
        enrolled.student, coalesce(nullif(title, ''), id) AS title, moment.due_at,
        result.student IS NULL AND moment.due_at <= $2 - $3 * interval '1 hour' AS is_missing
    FROM enrolled
    JOIN assessment ON assessment.course = $1 AND assessment.counts
    LEFT JOIN assessment_exception AS exception
        ON (exception.course, exception.assessment, exception.person) = ($1, assessment.id, enrolled.student)
    CROSS JOIN LATERAL (SELECT coalesce(exception.due_at, assessment.due_at) AS due_at) AS moment
    LEFT JOIN result ON (result.student, result.assessment) = (enrolled.student, assessment.id)
    WHERE exception.excused IS NOT TRUE
        AND moment.due_at <= $2 AND coalesce(moment.due_at >= begins_at, true)
), work AS (
    SELECT
        student,
        count(*) AS due,
        count(*) FILTER (WHERE is_missing) AS missing,
        min(due_at) AS first_due_at,
        min(due_at) FILTER (WHERE is_missing) AS missing_since,
        array_agg(title ORDER BY due_at, title) FILTER (WHERE is_missing) AS titles
    FROM due
    GROUP BY student
), handed_in AS (
    SELECT student, count(*) AS pieces FROM result GROUP BY student
), seen AS (
    SELECT
        student_id AS student,
        sum(present + late + absent)::bigint AS lessons,
        sum(absent)::bigint AS absent,
        min(first_absent_at) AS absent_since,
        max(last_at) AS last_at
    FROM student_course
    WHERE course = $1
    GROUP BY student_id
), before AS (
    SELECT student, score, level, reasons, since FROM risk WHERE course = $1
)
SELECT
    student,
    coalesce(due, 0) AS due,
    coalesce(missing, 0) AS missing,
    coalesce(titles, '{}') AS titles,
    (missing_since AT TIME ZONE time_zone)::date AS missing_since,
    (first_due_at AT TIME ZONE time_zone)::date AS first_due,
    coalesce(pieces, 0) AS handed_in,
    coalesce(mean_rank, 0.5) AS mean_rank,
    coalesce(compared, 0) AS compared,
    compared_rank,
    (compared_since AT TIME ZONE time_zone)::date AS compared_since,
    coalesce(lessons, 0) AS lessons,
    coalesce(absent, 0) AS absent,
    (absent_since AT TIME ZONE time_zone)::date AS absent_since,
    (last_at AT TIME ZONE time_zone)::date AS last_seen,
    coalesce(last_at <= $2 - $5 * interval '1 day', true) AND coalesce(begins_at <= $2 - $5 * interval '1 day', true)
        AS is_silent,
    today,
    count(*) OVER () AS students,
    count(pieces) OVER () AS students_handing_in,
    count(*) FILTER (WHERE last_at > $2 - $5 * interval '1 day') OVER () AS students_active,
    avg(missing::numeric / due) OVER () AS missing_share_of_course,
    avg(absent::numeric / nullif(lessons, 0)) OVER () AS absent_share_of_course,
    score, level, reasons, since
FROM asked
CROSS JOIN enrolled
LEFT JOIN work USING (student)
LEFT JOIN handed_in USING (student)
LEFT JOIN scores USING (student)
LEFT JOIN seen USING (student)
LEFT JOIN before USING (student)
ORDER BY student

-- name: write
INSERT INTO risk (course, student, score, level, reasons, since, evaluated_at)
SELECT $1, student, score, level, reasons, since, $2
FROM unnest($3::text[], $4::numeric[], $5::text[], $6::jsonb[], $7::timestamptz[])
    AS changed (student, score, level, reasons, since)
ON CONFLICT (course, student) DO UPDATE
    SET (score, level, reasons, since, evaluated_at)
        = (excluded.score, excluded.level, excluded.reasons, excluded.since, excluded.evaluated_at)

-- name: write_changes
INSERT INTO risk_change (course, student, from_level, level, score, reasons, changed_at)
SELECT $1, student, from_level, level, score, reasons, $2
FROM unnest($3::text[], $4::text[], $5::text[], $6::numeric[], $7::jsonb[])
    AS changed (student, from_level, level, score, reasons)

-- name: end_for_those_who_left
-- Students who are not among $3 are not enrolled any more.
WITH gone AS (
    DELETE FROM risk WHERE course = $1 AND student <> ALL ($3) RETURNING student, level
)
INSERT INTO risk_change (course, student, from_level, level, score, reasons, changed_at)
SELECT $1, student, level, 'none', NULL, '[]', $2
FROM gone
WHERE level <> 'none'
ORDER BY student

-- name: note
INSERT INTO risk_evaluation (course, revision, evaluated_at) VALUES ($1, $2, $3)
ON CONFLICT (course) DO UPDATE SET (revision, evaluated_at) = (excluded.revision, excluded.evaluated_at)

-- name: summarize
-- What the overview shows about the course $1, in which $3 students were enrolled as of $2.
INSERT INTO course_summary (course, evaluated_at, students, active, handed_in)
SELECT
    $1, $2, $3,
    (
        SELECT count(DISTINCT student_id) FROM student_course
        WHERE student_course.course = $1 AND last_at > $2::timestamptz - interval '7 days'
    ),
    coalesce(
        (
            SELECT jsonb_object_agg(due.id, done)
            FROM (
                SELECT id FROM assessment
                WHERE assessment.course = $1 AND counts AND due_at <= $2
                ORDER BY due_at DESC, id LIMIT 5
            ) AS due
            CROSS JOIN LATERAL (
                SELECT count(DISTINCT student_id) AS done FROM student_assessment AS result
                WHERE (result.course, result.assessment) = ($1, due.id) AND handed_in_at <= $2
            ) AS handed_in
        ),
        '{}'
    )
ON CONFLICT (course) DO UPDATE
    SET (evaluated_at, students, active, handed_in)
        = (excluded.evaluated_at, excluded.students, excluded.active, excluded.handed_in)
