-- What the pages show about courses and students, from projections, the roster and risk, and never from the log.
-- visible_course takes the teacher who sees only their own courses, or null for all courses.

-- name: revision
-- A text that changes whenever a page may have changed.
SELECT
    coalesce((SELECT sum(revision) FROM course_revision), 0)::text
    || ' ' || coalesce((SELECT max(id) FROM risk_change), 0)::text
    || ' ' || (SELECT count(*) FROM follow_up)
    || ' ' || coalesce((SELECT max(evaluated_at) FROM risk_evaluation)::text, '') AS revision

-- name: last_event
-- When something happened last, and how many seconds usually pass from one event to the next. This counts the days with
-- events among the seven days up to then.
SELECT
    max(last_at) FILTER (WHERE day = latest) AS last_event_at,
    (86400 * count(DISTINCT day) / nullif(sum(events), 0))::double precision AS usual_seconds
FROM course_day, (SELECT max(day) AS latest FROM course_day) AS newest
WHERE day > latest - 7

-- name: overview
-- A course's students and active students are taken from its last evaluation if that is less than a day old. Otherwise
-- they are counted now.
WITH found AS (
    SELECT
        course,
        count(*) FILTER (WHERE level = 'high') AS high,
        count(*) FILTER (WHERE level = 'elevated') AS elevated,
        count(*) FILTER (WHERE since > $1::timestamptz - interval '1 day') AS risen
    FROM risk
    WHERE level <> 'none'
    GROUP BY course
), followed AS (
    -- How many of these students somebody talked to in this episode.
    SELECT talked.course, count(*) AS followed_up
    FROM (
        SELECT course, student, max(followed_up_at) AS talked_at FROM follow_up GROUP BY course, student
    ) AS talked
    JOIN risk ON (risk.course, risk.student) = (talked.course, talked.student) AND level <> 'none'
    WHERE talked_at >= (
        SELECT max(changed_at) FROM risk_change
        WHERE (risk_change.course, risk_change.student) = (risk.course, risk.student) AND from_level = 'none'
    )
    GROUP BY talked.course
)
SELECT
    visible.id, visible.title, counted.students,
    coalesce(high, 0) AS high, coalesce(elevated, 0) AS elevated, coalesce(risen, 0) AS risen,
    coalesce(followed_up, 0) AS followed_up,
    least(counted.active, counted.students) AS active
FROM visible_course($2) AS visible
LEFT JOIN found ON found.course = visible.id
LEFT JOIN followed ON followed.course = visible.id
LEFT JOIN course_summary AS summary
    ON summary.course = visible.id AND summary.evaluated_at > $1::timestamptz - interval '1 day' AND summary.evaluated_at <= $1
CROSS JOIN LATERAL (
    SELECT
        coalesce(summary.students, (SELECT count(*) FROM pupil($1) AS pupil WHERE pupil.course = visible.id)) AS students,
        coalesce(
            summary.active,
            (
                SELECT count(DISTINCT student_id) FROM student_course
                WHERE student_course.course = visible.id AND last_at > $1::timestamptz - interval '7 days'
            )
        ) AS active
) AS counted
ORDER BY visible.id

-- name: latest_due_work
-- The last five pieces of work that were due in each course, the oldest first, and how many students handed each in,
-- including those who have left since. As in the overview, these come from the last evaluation or are counted now.
SELECT
    visible.id AS course, coalesce(nullif(due.title, ''), due.id) AS title,
    coalesce(
        (summary.handed_in ->> due.id)::bigint,
        (
            SELECT count(DISTINCT student_id) FROM student_assessment AS result
            WHERE (result.course, result.assessment) = (visible.id, due.id) AND handed_in_at <= $1
        )
    ) AS done
FROM visible_course($2) AS visible
LEFT JOIN course_summary AS summary
    ON summary.course = visible.id AND summary.evaluated_at > $1::timestamptz - interval '1 day' AND summary.evaluated_at <= $1
CROSS JOIN LATERAL (
    SELECT id, title, due_at FROM assessment
    WHERE course = visible.id AND counts AND due_at <= $1
    ORDER BY due_at DESC, id LIMIT 5
) AS due
ORDER BY visible.id, due.due_at, due.id

-- name: weeks
-- Events of each of the last eight weeks, the oldest first. Weeks without events are left out.
SELECT visible.id AS course, ($1::date - day) / 7 AS weeks_ago, sum(events)::bigint AS events
FROM visible_course($2) AS visible JOIN course_day ON course_day.course = visible.id
WHERE day > $1::date - 56 AND day <= $1::date
GROUP BY 1, 2
ORDER BY 1, 2 DESC

-- name: course
SELECT id, title, time_zone, begins, ends FROM visible_course($1) WHERE id = $2

-- name: students_of_course
SELECT
    count(*) AS students,
    count(*) FILTER (WHERE last_at > $1 - interval '7 days') AS active,
    coalesce(sum(present), 0)::bigint AS present,
    coalesce(sum(late), 0)::bigint AS late,
    coalesce(sum(absent), 0)::bigint AS absent,
    coalesce(sum(excused), 0)::bigint AS excused
FROM pupil($1) AS pupil
JOIN visible_course($2) AS visible ON visible.id = pupil.course
LEFT JOIN LATERAL (
    SELECT max(last_at) AS last_at, sum(present) AS present, sum(late) AS late, sum(absent) AS absent,
        sum(excused) AS excused
    FROM student_course
    WHERE (student_course.course, student_course.student_id) = (pupil.course, pupil.student)
) AS seen ON true
WHERE pupil.course = $3

-- name: attention
SELECT
    risk.student, person.display_name AS name, risk.level, risk.score, risk.since, risk.reasons,
    (
        SELECT max(last_at) FROM student_course
        WHERE (student_course.course, student_course.student_id) = (risk.course, risk.student)
    ) AS last_activity,
    (
        SELECT max(followed_up_at) FROM follow_up
        WHERE (follow_up.course, follow_up.student) = (risk.course, risk.student)
            AND followed_up_at >= (
                SELECT max(changed_at) FROM risk_change
                WHERE (risk_change.course, risk_change.student) = (risk.course, risk.student) AND from_level = 'none'
            )
    ) AS followed_up_at
FROM risk
JOIN visible_course($1) AS visible ON visible.id = risk.course
LEFT JOIN person ON person.id = risk.student
WHERE risk.course = $2 AND risk.level <> 'none'
ORDER BY risk.score DESC, risk.student

-- name: work_of_course
-- Assessments of the roster, and other work that was handed in. of is the number of students who have this work.
SELECT
    coalesce(assessment.id, result.assessment) AS id,
    coalesce(nullif(assessment.title, ''), assessment.id, result.assessment) AS title,
    assessment.due_at,
    coalesce(assessment.counts, true) AS counts,
    coalesce(result.handed_in, 0) AS handed_in,
    coalesce(result.late, 0) AS late,
    result.median,
    coalesce(result.bins, array_fill(0::bigint, ARRAY[10])) AS bins
FROM (
    SELECT assessment.* FROM assessment JOIN visible_course($2) AS visible ON visible.id = assessment.course
    WHERE assessment.course = $3
) AS assessment
FULL JOIN (
    SELECT
        assessment,
        count(*) AS handed_in,
        count(*) FILTER (WHERE handed_in_at > due_at) AS late,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY per_cent) AS median,
        ARRAY[
            count(*) FILTER (WHERE per_cent < 10),
            count(*) FILTER (WHERE per_cent >= 10 AND per_cent < 20),
            count(*) FILTER (WHERE per_cent >= 20 AND per_cent < 30),
            count(*) FILTER (WHERE per_cent >= 30 AND per_cent < 40),
            count(*) FILTER (WHERE per_cent >= 40 AND per_cent < 50),
            count(*) FILTER (WHERE per_cent >= 50 AND per_cent < 60),
            count(*) FILTER (WHERE per_cent >= 60 AND per_cent < 70),
            count(*) FILTER (WHERE per_cent >= 70 AND per_cent < 80),
            count(*) FILTER (WHERE per_cent >= 80 AND per_cent < 90),
            count(*) FILTER (WHERE per_cent >= 90)
        ] AS bins
    FROM (
        SELECT
            given.assessment, given.handed_in_at, due.due_at,
            100 * given.score / coalesce(given.max_score, due.max_score, 100) AS per_cent
        FROM assessment_result AS given
        JOIN visible_course($2) AS visible ON visible.id = given.course
        LEFT JOIN assessment AS due ON (due.course, due.id) = (given.course, given.assessment)
        WHERE given.course = $3 AND given.handed_in_at <= $1
    ) AS given
    GROUP BY assessment
) AS result ON result.assessment = assessment.id
ORDER BY assessment.due_at NULLS LAST, 1

-- name: hours_of_course
SELECT
    extract(isodow FROM local)::int AS weekday, extract(hour FROM local)::int AS hour, sum(events)::bigint AS events
FROM visible_course($2) AS visible
JOIN course_hour ON course_hour.course = visible.id
CROSS JOIN LATERAL (SELECT course_hour.hour AT TIME ZONE visible.time_zone AS local) AS at
WHERE visible.id = $3 AND course_hour.hour <= $1
GROUP BY 1, 2

-- name: lessons_of_course
-- Attendance by day, for the days on which somebody noted it.
SELECT
    (course_hour.hour AT TIME ZONE visible.time_zone)::date AS day,
    sum(present)::bigint AS present, sum(late)::bigint AS late, sum(absent)::bigint AS absent,
    sum(excused)::bigint AS excused
FROM visible_course($2) AS visible
JOIN course_hour ON course_hour.course = visible.id
WHERE visible.id = $3 AND course_hour.hour <= $1 AND present + late + absent + excused > 0
GROUP BY 1
ORDER BY 1

-- name: student
-- The student's courses as of then, and other courses in which something of theirs is known.
SELECT
    visible.id, visible.title, visible.time_zone, risk.level, risk.score, risk.since, risk.reasons,
    seen.*
FROM visible_course($1) AS visible
LEFT JOIN risk ON (risk.course, risk.student) = (visible.id, $2)
CROSS JOIN LATERAL (
    SELECT
        max(last_at) AS last_activity,
        coalesce(sum(present), 0)::bigint AS present, coalesce(sum(late), 0)::bigint AS late,
        coalesce(sum(absent), 0)::bigint AS absent, coalesce(sum(excused), 0)::bigint AS excused
    FROM student_course
    WHERE (student_course.course, student_course.student_id) = (visible.id, $2)
) AS seen
WHERE EXISTS (
        SELECT FROM enrolment
        WHERE (enrolment.course, enrolment.person, enrolment.role) = (visible.id, $2, 'student')
    )
    OR EXISTS (
        SELECT FROM student_course
        WHERE (student_course.course, student_course.student_id) = (visible.id, $2)
    )
ORDER BY visible.id

-- name: name_of_student
SELECT display_name FROM person WHERE id = $1

-- name: work_of_student
-- One student's results beside the middle half of everybody's, in each of the courses $3. Excused work is never late
-- or missing. Work that is due on another day for this student is late or missing by that day.
SELECT
    coalesce(assessment.course, mine.course) AS course,
    coalesce(assessment.id, mine.assessment) AS id,
    coalesce(nullif(assessment.title, ''), assessment.id, mine.assessment) AS title,
    moment.due_at,
    coalesce(exception.excused, false) AS excused,
    mine.handed_in_at,
    coalesce(mine.handed_in_at > moment.due_at AND exception.excused IS NOT TRUE, false) AS late,
    coalesce(
        mine.handed_in_at IS NULL AND assessment.counts AND moment.due_at <= $1 AND exception.excused IS NOT TRUE, false
    ) AS missing,
    100 * mine.score / coalesce(mine.max_score, assessment.max_score, 100) AS per_cent,
    everybody.lower, everybody.median, everybody.upper
FROM (SELECT * FROM assessment WHERE course = ANY ($3::text[])) AS assessment
FULL JOIN (
    SELECT * FROM assessment_result WHERE course = ANY ($3::text[]) AND student_id = $2 AND handed_in_at <= $1
) AS mine ON (mine.course, mine.assessment) = (assessment.course, assessment.id)
LEFT JOIN assessment_exception AS exception
    ON (exception.course, exception.assessment, exception.person) = (assessment.course, assessment.id, $2)
CROSS JOIN LATERAL (SELECT coalesce(exception.due_at, assessment.due_at) AS due_at) AS moment
LEFT JOIN LATERAL (
    SELECT
        percentile_cont(0.25) WITHIN GROUP (ORDER BY share) * 100 AS lower,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY share) * 100 AS median,
        percentile_cont(0.75) WITHIN GROUP (ORDER BY share) * 100 AS upper
    FROM (
        SELECT given.score / coalesce(given.max_score, assessment.max_score, 100) AS share
        FROM assessment_result AS given
        WHERE (given.course, given.assessment)
                = (coalesce(assessment.course, mine.course), coalesce(assessment.id, mine.assessment))
            AND given.scored_at <= $1
    ) AS given
    HAVING count(share) >= 5
) AS everybody ON true
ORDER BY 1, moment.due_at NULLS LAST, 2

-- name: changes_of_student
SELECT course, changed_at AS at, score, level FROM risk_change
WHERE student = $2 AND course = ANY ($3::text[]) AND changed_at <= $1
ORDER BY id

-- name: talks_of_student
SELECT course, followed_up_at AS at, who, note FROM follow_up
WHERE student = $2 AND course = ANY ($3::text[]) AND followed_up_at <= $1
ORDER BY followed_up_at, id

-- name: search
-- Students and courses whose id or name contains the text $3. The one whose id it is comes first.
SELECT kind, id, title FROM (
    SELECT 'course' AS kind, id, title FROM visible_course($2)
    UNION ALL
    SELECT DISTINCT 'student', pupil.student, coalesce(person.display_name, pupil.student)
    FROM pupil($1) AS pupil
    JOIN visible_course($2) AS visible ON visible.id = pupil.course
    LEFT JOIN person ON person.id = pupil.student
) AS known
WHERE position(lower($3) IN lower(id)) > 0 OR position(lower($3) IN lower(title)) > 0
ORDER BY lower(id) <> lower($3), kind, title, id
LIMIT 50
