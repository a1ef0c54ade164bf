-- What keeps pages fast while there are millions of events.

-- What an evaluation counted of a course, for the overview of all: students are those who were enrolled, active those
-- who were seen in the seven days before; handed_in: of the latest due work, how many handed each piece in.
CREATE TABLE course_summary (
    course text PRIMARY KEY,
    evaluated_at timestamptz NOT NULL,
    students bigint NOT NULL,
    active bigint NOT NULL,
    handed_in jsonb NOT NULL
);

INSERT INTO readable_table (name) VALUES ('course_summary');

-- Who needs attention, counted by course.
CREATE INDEX risk_course_level_since_idx ON risk (course, level, since) WHERE level <> 'none';

-- The courses that events name and no roster knows; '' stands for none. It steps from course to course by the index:
-- there are many days for each.
CREATE FUNCTION unlisted_course() RETURNS TABLE (id text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE named AS (
        (SELECT course FROM course_day ORDER BY course LIMIT 1)
        UNION ALL
        SELECT (SELECT course_day.course FROM course_day WHERE course_day.course > named.course ORDER BY 1 LIMIT 1)
        FROM named
        WHERE named.course IS NOT NULL
    )
    SELECT named.course FROM named
    WHERE named.course IS NOT NULL AND NOT EXISTS (SELECT FROM course WHERE course.id = named.course)
$$;

-- As before; a course's day is worked out once, not for each student (OFFSET 0).
CREATE OR REPLACE FUNCTION pupil(as_of timestamptz) RETURNS TABLE (course text, student text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT enrolment.course, enrolment.person
    FROM enrolment
    JOIN (SELECT id, (as_of AT TIME ZONE time_zone)::date AS today FROM course OFFSET 0) AS dated
        ON dated.id = enrolment.course
    WHERE enrolment.role = 'student'
        AND coalesce(enrolment.begins <= today, true) AND coalesce(enrolment.ends > today, true)
    UNION ALL
    SELECT DISTINCT student_course.course, student_course.student_id
    FROM unlisted_course() AS unlisted JOIN student_course ON student_course.course = unlisted.id
$$;

CREATE OR REPLACE FUNCTION visible_course(teacher text)
RETURNS TABLE (id text, title text, time_zone text, begins date, ends date)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT course.id, course.title, course.time_zone, course.begins, course.ends
    FROM course
    WHERE teacher IS NULL OR EXISTS (
        SELECT FROM enrolment
        WHERE (enrolment.course, enrolment.person, enrolment.role) = (course.id, teacher, 'teacher')
            AND coalesce(enrolment.begins <= (now() AT TIME ZONE time_zone)::date, true)
            AND coalesce(enrolment.ends > (now() AT TIME ZONE time_zone)::date, true)
    )
    UNION ALL
    SELECT unlisted.id, unlisted.id, 'UTC', NULL::date, NULL::date
    FROM unlisted_course() AS unlisted
    WHERE teacher IS NULL AND unlisted.id <> ''
$$;
