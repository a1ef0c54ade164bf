-- Who is in a course, and whose courses a teacher may see. Written once, for every report and page.

-- The students of each course as of a moment: those enrolled then. A course that no roster knows has those whose events
-- name it.
CREATE FUNCTION pupil(as_of timestamptz) RETURNS TABLE (course text, student text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT enrolment.course, enrolment.person
    FROM enrolment JOIN course ON course.id = enrolment.course
    WHERE enrolment.role = 'student'
        AND coalesce(enrolment.begins <= (as_of AT TIME ZONE time_zone)::date, true)
        AND coalesce(enrolment.ends > (as_of AT TIME ZONE time_zone)::date, true)
    UNION ALL
    SELECT DISTINCT student_course.course, student_course.student_id
    FROM student_course
    WHERE NOT EXISTS (SELECT FROM course WHERE course.id = student_course.course)
$$;

-- The courses that a teacher may see: those that the roster says are theirs. Null stands for somebody who may see all,
-- those that no roster knows included. Who may see what is decided today, whatever moment is asked about.
CREATE FUNCTION visible_course(teacher text)
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
    SELECT DISTINCT course_day.course, course_day.course, 'UTC', NULL::date, NULL::date
    FROM course_day
    WHERE teacher IS NULL AND course_day.course <> ''
        AND NOT EXISTS (SELECT FROM course WHERE course.id = course_day.course)
$$;
