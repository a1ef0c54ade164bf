-- Who talked to which student, when, and about what.

-- Nobody changes a row. course and student as in the roster, or as events name them where no roster does.
CREATE TABLE follow_up (
    id uuid PRIMARY KEY,
    followed_up_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    who text NOT NULL,
    course text NOT NULL,
    student text NOT NULL,
    note text NOT NULL CHECK (length(note) BETWEEN 1 AND 2000)
);

CREATE INDEX ON follow_up (student, course, followed_up_at);

INSERT INTO readable_table (name) VALUES ('follow_up');

-- The only way in which others than the owner add a follow-up. Tells whether it is there: it is not where the teacher,
-- if one is given, does not teach the course, or the student is not in it. The same id once more changes nothing.
CREATE FUNCTION add_follow_up(id uuid, who text, course text, student text, note text, teacher text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    IF NOT EXISTS (SELECT FROM visible_course(teacher) AS visible WHERE visible.id = course)
        OR NOT EXISTS (
            SELECT FROM enrolment
            WHERE (enrolment.course, enrolment.person, enrolment.role) = (course, student, 'student')
            UNION ALL
            SELECT FROM student_course
            WHERE (student_course.course, student_course.student_id) = (course, student)
        )
    THEN
        RETURN false;
    END IF;
    INSERT INTO follow_up (id, who, course, student, note) VALUES (id, who, course, student, note)
    ON CONFLICT DO NOTHING;
    RETURN true;
END $$;

-- As before; and the reader adds follow-ups.
CREATE OR REPLACE FUNCTION make_reader_login(role_name text, verifier text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    readable text;
BEGIN
    PERFORM make_login(role_name, verifier);
    EXECUTE format('ALTER ROLE %I SET search_path = reading, public', role_name);
    EXECUTE format('ALTER ROLE %I SET statement_timeout = ''20s''', role_name);
    PERFORM make_log_view(name) FROM pipeline_table WHERE kind = 'event log' ORDER BY name;
    EXECUTE format('GRANT USAGE ON SCHEMA reading TO %I', role_name);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA reading TO %I', role_name);
    FOR readable IN
        SELECT name FROM readable_table WHERE to_regclass(name) IS NOT NULL
        UNION SELECT name FROM pipeline_table WHERE kind <> 'event log'
        UNION SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'
        ORDER BY name
    LOOP
        EXECUTE format('GRANT SELECT ON %I TO %I', readable, role_name);
    END LOOP;
    EXECUTE format(
        'GRANT EXECUTE ON FUNCTION log_access(text, text, text, text, text), '
        'add_follow_up(uuid, text, text, text, text, text) TO %I',
        role_name
    );
END $$;

REVOKE EXECUTE ON FUNCTION add_follow_up(uuid, text, text, text, text, text) FROM PUBLIC;
