-- The schema that the migrations add up to. It is here for reading, and nothing runs it. A test compares it with them.

CREATE TABLE schema_migration (
    pipeline text NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pipeline, version)
);

-- The tables of pipelines. The processor may append to an event log and change an immediate projection. Only compaction
-- may change a deferred one. Only event logs get partitions, and none for a month before dropped_before.
CREATE TABLE pipeline_table (
    name text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('event log', 'deferred', 'immediate')),
    dropped_before date NOT NULL DEFAULT '-infinity'
);

CREATE TABLE event_source (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream_arn text NOT NULL,
    shard_id text NOT NULL,
    pipeline text NOT NULL,
    UNIQUE (stream_arn, shard_id, pipeline)
);

-- Every event log is made from this table, with columns of its own. The table itself stays empty.
-- CREATE TABLE … (LIKE event_log INCLUDING ALL, …) PARTITION BY RANGE (arrived_at)
CREATE TABLE event_log (
    source_id integer NOT NULL,
    sequence_number text COLLATE "C" NOT NULL,
    sub_sequence integer NOT NULL,
    arrived_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    event_id uuid,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (source_id, sequence_number, sub_sequence, arrived_at)
);

-- Rows are stored almost in the order of this column, so a few pages of BRIN find the new ones.
CREATE INDEX ON event_log USING brin (stored_at) WITH (autosummarize);

-- What waits to be compacted into projections. A chunk holds no data: its events are the log's rows in this key range
-- with this stored_at, which is the transaction's time and therefore different for each chunk of a source.
CREATE TABLE chunk (
    log text NOT NULL,
    source_id integer NOT NULL,
    first text COLLATE "C" NOT NULL,
    last text COLLATE "C" NOT NULL,
    arrived_from timestamptz NOT NULL,
    arrived_until timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (log, source_id, stored_at)
);

CREATE TABLE event_identity (
    event_id uuid PRIMARY KEY,
    source_id integer NOT NULL,
    sequence_number text COLLATE "C" NOT NULL,
    sub_sequence integer NOT NULL
);

CREATE TABLE rejected_event (
    source_id integer NOT NULL,
    sequence_number text COLLATE "C" NOT NULL,
    sub_sequence integer NOT NULL,
    arrived_at timestamptz NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    payload bytea NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT now(),
    redriven_at timestamptz,
    -- When somebody looked at the record and said that it needs nothing more, and why.
    dismissed_at timestamptz,
    dismissed_because text,
    PRIMARY KEY (source_id, sequence_number, sub_sequence),
    CHECK ((dismissed_at IS NULL) = (dismissed_because IS NULL))
);

CREATE INDEX rejected_event_rejected_at_idx ON rejected_event (rejected_at);

-- Students who were erased, so that nothing of theirs is stored again.

-- This table has one row. Every transaction that stores something about a student reads the epoch. An erasure locks the
-- table first, which waits for those transactions and keeps new ones out until the new epoch is there. key is for the
-- hashes by which erased students are known.
CREATE TABLE erasure (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    epoch bigint NOT NULL DEFAULT 0,
    key bytea NOT NULL DEFAULT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')
);

INSERT INTO erasure DEFAULT VALUES;

-- One row for each student who was erased. If the tombstone was lifted, only events from before that are not stored.
-- mark tells writers at little cost that other students were not erased. It is a CRC-32 of the id that begins with
-- something secret, so it must not leave the database. It is missing if the id was not known; then writers hash
-- every student.
CREATE TABLE tombstone (
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    erased_at timestamptz NOT NULL DEFAULT now(),
    lifted_at timestamptz,
    mark bigint
);

-- Makes an event log's partition for a UTC month if it does not exist, and tells whether the log keeps the month: a
-- dropped month stays dropped. The partition is made apart and attached, because ATTACH lets others read and write the
-- other partitions, which CREATE … PARTITION OF does not.
CREATE FUNCTION make_month(log text, month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first date := date_trunc('month', month);
    partition text := log || to_char(first, '_YYYY_MM');
    kept_from date;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('make_month'));
    SELECT dropped_before INTO kept_from FROM pipeline_table WHERE name = log AND kind = 'event log';
    IF NOT FOUND THEN
        RAISE undefined_table USING MESSAGE = format('%I is not registered in pipeline_table as an event log', log);
    ELSIF first < kept_from THEN
        RETURN false;
    END IF;
    -- Not to_regclass: its cache may not know yet what the one before committed while this one waited.
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition AND relnamespace = 'public'::regnamespace) THEN
        RETURN true;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', partition, log);
    EXECUTE format(
        'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        log, partition, first::timestamp AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC'
    );
    RETURN true;
END $$;

-- Notes that an event log no longer keeps events from before a month, and waits for current writers. After that nobody
-- can store such events.
CREATE FUNCTION close_months(log text, before date) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    partition text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('make_month'));
    UPDATE pipeline_table SET dropped_before = greatest(dropped_before, before) WHERE name = log;
    FOR partition IN
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = log::regclass AND to_date(right(relname, 7), 'YYYY_MM') < before
        ORDER BY relname
    LOOP
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', partition);
    END LOOP;
END $$;

-- Drops an event log's partition for a UTC month with all its events. Their event_ids stay taken.
CREATE FUNCTION drop_month(log text, month date) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    partition text := log || to_char(month, '_YYYY_MM');
BEGIN
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', log, partition);
    EXECUTE format('DROP TABLE %I', partition);
END $$;

-- Finds the rows of a session's temporary table that violate a constraint of the event log. Each is inserted in its own
-- subtransaction, so that thousands of bad rows take one statement. A row that is stored already violates nothing.
CREATE FUNCTION find_violations(log text, incoming text)
RETURNS TABLE (sequence_number text, sub_sequence integer, message text)
LANGUAGE plpgsql SET search_path = pg_temp, public AS $$
DECLARE
    columns text;
    found record;
    violated text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ') INTO columns
    FROM pg_attribute
    WHERE attrelid = log::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
    FOR found IN EXECUTE format('SELECT ctid, sequence_number, sub_sequence FROM %I', incoming) LOOP
        BEGIN
            EXECUTE format('INSERT INTO %I (%s) SELECT %s FROM %I WHERE ctid = $1', log, columns, columns, incoming)
            USING found.ctid;
        EXCEPTION
            WHEN unique_violation THEN
                NULL;
            WHEN integrity_constraint_violation OR data_exception OR program_limit_exceeded THEN
                GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, violated = CONSTRAINT_NAME;
                IF SQLSTATE = '23514' AND violated = '' THEN
                    RAISE; -- there is no partition for it: not the row's fault
                END IF;
                sequence_number := found.sequence_number;
                sub_sequence := found.sub_sequence;
                RETURN NEXT;
        END;
    END LOOP;
END $$;

REVOKE EXECUTE ON FUNCTION
    make_month(text, date), close_months(text, date), drop_month(text, date), find_violations(text, text)
FROM PUBLIC;

-- The roster: the people, courses and assessments that events refer to by their student_id, metadata.course and
-- metadata.assessment. A school imports it, and events neither need nor change it. The processor has no rights on these
-- tables.

-- A day begins and ends in the course's time zone. A course runs from begins until the day before ends, and is open on
-- a side without a date. Unknown time zones fail the check with PostgreSQL's own error.
CREATE TABLE course (
    id text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 200),
    title text NOT NULL,
    time_zone text NOT NULL CHECK (timestamp '2026-01-01' AT TIME ZONE time_zone IS NOT NULL),
    begins date,
    ends date,
    CHECK (ends >= begins)
);

-- Work that students hand in, or an exam that they sit. It is never due if it has no due_at or does not count (an exam,
-- practice). Without max_score, the maximum is the event's own metadata.max_score, or 100.
CREATE TABLE assessment (
    course text NOT NULL REFERENCES course,
    id text NOT NULL CHECK (length(id) BETWEEN 1 AND 200),
    title text NOT NULL,
    due_at timestamptz,
    max_score double precision CHECK (max_score > 0 AND max_score < 'Infinity'),
    counts boolean NOT NULL DEFAULT true,
    PRIMARY KEY (course, id)
);

-- Who takes or teaches a course, from begins until the day before ends. A student's person is the student_id in events.
-- Nobody is deleted from here: those who leave get an end.
CREATE TABLE enrolment (
    course text NOT NULL REFERENCES course,
    person text NOT NULL CHECK (length(person) BETWEEN 1 AND 200),
    role text NOT NULL CHECK (role IN ('student', 'teacher')),
    begins date,
    ends date,
    PRIMARY KEY (course, person, role),
    CHECK (ends >= begins)
);

-- This finds the courses of a student or a teacher. The primary key finds a course's people.
CREATE INDEX enrolment_person_course_idx ON enrolment (person, course);

-- The only table with names. It is optional: people may be enrolled without being here.
CREATE TABLE person (
    id text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 200),
    display_name text NOT NULL
);

-- The parts of an import that is not applied yet. A client sends parts because an invocation's payload ends at 6 MB,
-- and an import is applied whole. rows holds, by table, objects with the table's columns.
CREATE TABLE roster_chunk (
    import uuid NOT NULL,
    number integer NOT NULL,
    rows jsonb NOT NULL,
    staged_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (import, number)
);

-- Tables that the reader may select from, apart from projections and views, if they exist. A migration that makes such
-- a table names it here. The tables of risk are older than this one.
CREATE TABLE readable_table (
    name text PRIMARY KEY
);

INSERT INTO readable_table (name) VALUES
    ('course'), ('assessment'), ('enrolment'), ('person'),
    ('assessment_exception'), ('risk_rule'), ('risk'), ('risk_change'), ('risk_evaluation'), ('course_summary'),
    ('alert'), ('alert_mute'),
    ('follow_up');

-- Each answer about one student or one course, written before the answer is given. who is what the caller states.
CREATE TABLE access_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    accessed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    who text NOT NULL,
    request_id text NOT NULL,
    command text NOT NULL,
    student_id text,
    course text,
    CHECK (student_id IS NOT NULL OR course IS NOT NULL)
);

CREATE INDEX access_log_student_id_idx ON access_log (student_id, id);

-- Everybody except the owner can add to the access log only with this function, and cannot change it.
CREATE FUNCTION log_access(who text, request_id text, command text, student_id text, course text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    INSERT INTO access_log (who, request_id, command, student_id, course)
    VALUES (who, request_id, command, student_id, course);
END $$;

-- Who talked to which student, when, and about what. Nobody changes a row. course and student are as in the roster, or
-- as in the events of a course that is in no roster.
CREATE TABLE follow_up (
    id uuid PRIMARY KEY,
    followed_up_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    who text NOT NULL,
    course text NOT NULL,
    student text NOT NULL,
    note text NOT NULL CHECK (length(note) BETWEEN 1 AND 2000)
);

CREATE INDEX ON follow_up (student, course, followed_up_at);

-- Everybody except the owner can add a follow-up only with this function. It returns false and adds nothing if the
-- student is not in the course, or if a teacher is given who does not teach it. The same id again changes nothing.
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

-- The reader's own schema, which comes first in its search_path. It shows, under their own names, the parts that the
-- reader may see of tables to which it has no right: whole event logs (make_log_view), and rejections without payload.
CREATE SCHEMA reading;

CREATE VIEW reading.event_source AS SELECT id, stream_arn, shard_id, pipeline FROM event_source;

CREATE VIEW reading.rejected_event AS
SELECT source_id, arrived_at, reason, rejected_at, redriven_at, dismissed_at FROM rejected_event;

CREATE VIEW reading.chunk AS SELECT log, stored_at FROM chunk;

CREATE VIEW reading.pipeline_table AS SELECT name, kind, dropped_before FROM pipeline_table;

CREATE VIEW reading.schema_migration AS SELECT pipeline, version FROM schema_migration;

-- Shows an event log to the reader. A view keeps the columns that it was made with, so it is made again if the log's
-- columns have changed.
CREATE FUNCTION make_log_view(log text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    of_view text[];
    of_log text[];
BEGIN
    SELECT
        array_agg(attname || ' ' || atttypid ORDER BY attname)
            FILTER (WHERE attrelid = to_regclass(format('reading.%I', log))),
        array_agg(attname || ' ' || atttypid ORDER BY attname)
            FILTER (WHERE attrelid = to_regclass(format('public.%I', log)))
    INTO of_view, of_log
    FROM pg_attribute
    WHERE attnum > 0 AND NOT attisdropped;
    IF of_view IS DISTINCT FROM of_log THEN
        EXECUTE format('DROP VIEW IF EXISTS reading.%I', log);
        EXECUTE format('CREATE VIEW reading.%I AS SELECT * FROM public.%I', log, log);
    END IF;
END $$;

-- Makes a login, or gives it the password of its secret. It takes a SCRAM verifier and never the password, because
-- servers log statements that fail, wait or take long, and not every server lets us change that. Errors are raised
-- again, because PostgreSQL's own error would log the statement with the verifier.
CREATE FUNCTION make_login(role_name text, verifier text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
        EXECUTE format('CREATE ROLE %I', role_name);
    END IF;
    IF verifier NOT LIKE 'SCRAM-SHA-256$%' THEN
        RAISE invalid_password USING MESSAGE = 'make_login takes a SCRAM-SHA-256 verifier, not a password';
    END IF;
    BEGIN
        EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', role_name, verifier);
    EXCEPTION WHEN query_canceled OR others THEN
        RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = format('the role %I gets no password: %s', role_name, SQLERRM);
    END;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role_name);
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role_name);
END $$;

-- Makes the processor's login and gives it only the rights that it needs.
CREATE FUNCTION make_processor_login(role_name text, verifier text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    registered record;
BEGIN
    PERFORM make_login(role_name, verifier);
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), role_name);
    EXECUTE format('GRANT INSERT ON chunk TO %I', role_name);
    EXECUTE format('GRANT SELECT ON erasure, tombstone TO %I', role_name);
    EXECUTE format('GRANT SELECT, INSERT ON event_source, event_identity, rejected_event TO %I', role_name);
    FOR registered IN SELECT name, kind FROM pipeline_table WHERE kind <> 'deferred' ORDER BY name LOOP
        EXECUTE format('GRANT SELECT, INSERT ON %I TO %I', registered.name, role_name);
        IF registered.kind = 'immediate' THEN
            EXECUTE format('GRANT UPDATE ON %I TO %I', registered.name, role_name);
        END IF;
    END LOOP;
    EXECUTE format('GRANT EXECUTE ON FUNCTION make_month(text, date), find_violations(text, text) TO %I', role_name);
END $$;

-- Makes the reader's login. It may only select from projections, reference tables, the views of pipelines and those of
-- its schema, and add to the access log.
CREATE FUNCTION make_reader_login(role_name text, verifier text) RETURNS void
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

REVOKE EXECUTE ON FUNCTION
    add_follow_up(uuid, text, text, text, text, text), log_access(text, text, text, text, text), make_log_view(text),
    make_login(text, text),
    make_processor_login(text, text), make_reader_login(text, text)
FROM PUBLIC;

-- PostgreSQL lets everybody make temporary tables. The processor, which needs some, has that right by name.
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END $$;

CREATE TABLE student_performance (
    LIKE event_log INCLUDING ALL,
    student_id text NOT NULL,
    event_type text NOT NULL,
    score double precision,
    metadata jsonb NOT NULL
) PARTITION BY RANGE (arrived_at);

CREATE INDEX ON student_performance (student_id, occurred_at);

-- What each student did on a day. Nothing reads or updates this any more, and a later release will drop it.
CREATE TABLE student_activity (
    student_id text NOT NULL,
    day date NOT NULL,
    month date NOT NULL,
    events bigint NOT NULL,
    scored bigint NOT NULL,
    score_sum numeric NOT NULL,
    score_squares numeric NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (student_id, day, month)
) WITH (fillfactor = 70); -- updates of rows need room in each page

-- Reports, risk and pages read these tables, which replace student_activity. Each key holds the month of arrival, and
-- readers combine the months. The course '' stands for events that name no course, or name something that cannot be
-- one.

-- A student's result in an assessment: when it was first handed in, and the latest score as it was given. Readers work
-- out per cent, because the assessment's maximum may change; max_score is the event's own, if it has one. The columns
-- from occurred_at to sub_sequence belong to the event with this score, and are null without a score.
CREATE TABLE student_assessment (
    course text NOT NULL,
    assessment text NOT NULL,
    student_id text NOT NULL,
    month date NOT NULL,
    handed_in_at timestamptz NOT NULL,
    occurred_at timestamptz,
    source_id integer,
    sequence_number text COLLATE "C",
    sub_sequence integer,
    score double precision,
    max_score double precision,
    PRIMARY KEY (course, assessment, student_id, month)
) WITH (fillfactor = 70); -- updates of rows need room in each page

CREATE INDEX ON student_assessment (student_id);

-- The same results with the months combined.
CREATE VIEW assessment_result AS
SELECT DISTINCT ON (course, assessment, student_id)
    course, assessment, student_id,
    min(handed_in_at) OVER (PARTITION BY course, assessment, student_id) AS handed_in_at,
    occurred_at AS scored_at, score, max_score
FROM student_assessment
ORDER BY
    course, assessment, student_id,
    score IS NULL, occurred_at DESC, source_id DESC, sequence_number DESC, sub_sequence DESC;

-- What a student did in a course. Sums are numeric and therefore exact, so the order of the events does not matter.
CREATE TABLE student_course (
    course text NOT NULL,
    student_id text NOT NULL,
    month date NOT NULL,
    events bigint NOT NULL,
    scored bigint NOT NULL,
    score_sum numeric NOT NULL,
    present bigint NOT NULL,
    late bigint NOT NULL,
    absent bigint NOT NULL,
    excused bigint NOT NULL,
    first_at timestamptz NOT NULL,
    first_absent_at timestamptz,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (course, student_id, month)
) WITH (fillfactor = 70);

CREATE INDEX ON student_course (student_id);

-- What happened in a course on a day (UTC), by type.
CREATE TABLE course_day (
    course text NOT NULL,
    day date NOT NULL,
    event_type text NOT NULL,
    month date NOT NULL,
    events bigint NOT NULL,
    scored bigint NOT NULL,
    score_sum numeric NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (course, day, event_type, month)
) WITH (fillfactor = 70);

-- How much happened in a course in an hour, and who came to lessons. These are real hours and not hours of a week:
-- readers turn them into weekday and hour in the course's time zone, correctly before and after a change of the clocks.
CREATE TABLE course_hour (
    course text NOT NULL,
    hour timestamptz NOT NULL,
    month date NOT NULL,
    events bigint NOT NULL,
    present bigint NOT NULL DEFAULT 0,
    late bigint NOT NULL DEFAULT 0,
    absent bigint NOT NULL DEFAULT 0,
    excused bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (course, hour, month)
) WITH (fillfactor = 70);

-- Who is at risk in which course, and why (docs/risk.md).

-- Counts the changes to what a school says about a course: its row, assessments, enrolments, exceptions and rules.
ALTER TABLE course ADD COLUMN revision bigint NOT NULL DEFAULT 0;

-- A teacher's exception for one student's assessment: it is excused, or due on another day.
CREATE TABLE assessment_exception (
    course text NOT NULL,
    assessment text NOT NULL,
    person text NOT NULL CHECK (length(person) BETWEEN 1 AND 200),
    due_at timestamptz,
    excused boolean NOT NULL DEFAULT false,
    PRIMARY KEY (course, assessment, person),
    FOREIGN KEY (course, assessment) REFERENCES assessment,
    CHECK (excused OR due_at IS NOT NULL)
);

-- Weights and thresholds. One without a course holds in every course that does not have its own of that name.
CREATE TABLE risk_rule (
    course text REFERENCES course,
    name text NOT NULL CHECK (name IN (
        'missing_weight', 'missing_grace_hours', 'rank_weight', 'rank_fewest_scores', 'never_weight',
        'absent_fewest_lessons', 'absent_some_share', 'absent_some_weight', 'absent_often_share', 'absent_often_weight',
        'silent_days', 'silent_course_share', 'silent_weight', 'reason_at', 'elevated_at', 'high_at', 'left_below'
    )),
    value numeric NOT NULL CHECK (value BETWEEN 0 AND CASE WHEN name LIKE '%\_weight' THEN 10 ELSE 1000 END),
    UNIQUE NULLS NOT DISTINCT (course, name)
);

INSERT INTO risk_rule (name, value) VALUES
    ('missing_weight', 2),
    ('missing_grace_hours', 24),
    ('rank_weight', 1),
    ('rank_fewest_scores', 5),
    ('never_weight', 1),
    ('absent_fewest_lessons', 5),
    ('absent_some_share', 0.05),
    ('absent_some_weight', 0.25),
    ('absent_often_share', 0.10),
    ('absent_often_weight', 0.5),
    ('silent_days', 7),
    ('silent_course_share', 0.5),
    ('silent_weight', 0),
    ('reason_at', 0.25),
    ('elevated_at', 0.9),
    ('high_at', 1.7),
    ('left_below', 0.2);

-- The enrolled students and the last evaluation's result. A row is written when anything in it changes. reasons is an
-- array of objects with rule, adds, numbers and sentence, the largest first. since is when the level began.
CREATE TABLE risk (
    course text NOT NULL,
    student text NOT NULL,
    score numeric(4, 2) NOT NULL,
    level text NOT NULL CHECK (level IN ('none', 'elevated', 'high')),
    reasons jsonb NOT NULL,
    since timestamptz NOT NULL,
    evaluated_at timestamptz NOT NULL,
    PRIMARY KEY (course, student)
);

CREATE INDEX ON risk (student);

-- This finds and counts who needs attention in a course.
CREATE INDEX risk_course_level_since_idx ON risk (course, level, since) WHERE level <> 'none';

-- Keeps every change of a level. A student who is no longer enrolled changes to none, without a score.
CREATE TABLE risk_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    course text NOT NULL,
    student text NOT NULL,
    from_level text NOT NULL,
    level text NOT NULL,
    score numeric(4, 2),
    reasons jsonb NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE INDEX ON risk_change (student, course, changed_at);

-- When each course was last evaluated, and with which state of roster and events.
CREATE TABLE risk_evaluation (
    course text PRIMARY KEY,
    revision bigint NOT NULL,
    evaluated_at timestamptz NOT NULL
);

-- What an evaluation counted in a course, for the overview of all courses. students is how many were enrolled, active
-- is how many were seen in the seven days before, and handed_in is how many handed in each of the latest due pieces.
CREATE TABLE course_summary (
    course text PRIMARY KEY,
    evaluated_at timestamptz NOT NULL,
    students bigint NOT NULL,
    active bigint NOT NULL,
    handed_in jsonb NOT NULL
);

-- One number that changes whenever the roster, the rules or the course's events do, on which an evaluation depends.
CREATE VIEW course_revision AS
SELECT course.id AS course, course.revision + coalesce(sum(course_day.events), 0)::bigint AS revision
FROM course LEFT JOIN course_day ON course_day.course = course.id
GROUP BY course.id;

CREATE FUNCTION raise_own_revision() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END $$;

CREATE TRIGGER raise_revision BEFORE UPDATE OF title, time_zone, begins, ends ON course
FOR EACH ROW EXECUTE FUNCTION raise_own_revision();

CREATE FUNCTION raise_revision() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE course SET revision = revision + 1
    WHERE id IN (SELECT course FROM changed) OR EXISTS (SELECT FROM changed WHERE course IS NULL);
    RETURN NULL;
END $$;

CREATE TRIGGER raise_revision_on_insert AFTER INSERT ON assessment
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_update AFTER UPDATE ON assessment
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_delete AFTER DELETE ON assessment
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();

CREATE TRIGGER raise_revision_on_insert AFTER INSERT ON enrolment
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_update AFTER UPDATE ON enrolment
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_delete AFTER DELETE ON enrolment
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();

CREATE TRIGGER raise_revision_on_insert AFTER INSERT ON assessment_exception
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_update AFTER UPDATE ON assessment_exception
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_delete AFTER DELETE ON assessment_exception
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();

CREATE TRIGGER raise_revision_on_insert AFTER INSERT ON risk_rule
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_update AFTER UPDATE ON risk_rule
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_delete AFTER DELETE ON risk_rule
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();

-- Who is in a course, and which courses a teacher may see. This is written once, for every report and page.

-- The courses that events name and that are in no roster; '' stands for no course. It steps from course to course by
-- the index, because there are many days for each.
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

-- The students of each course as of a moment are those who were enrolled then. A course that is in no roster has the
-- students whose events name it. OFFSET 0 makes PostgreSQL work out a course's day once and not for each student.
CREATE FUNCTION pupil(as_of timestamptz) RETURNS TABLE (course text, student text)
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

-- The courses that a teacher may see are those that the roster says are theirs. Null stands for somebody who may see
-- all courses, including those in no roster. Today's roster decides, whatever moment the question is about.
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
    SELECT unlisted.id, unlisted.id, 'UTC', NULL::date, NULL::date
    FROM unlisted_course() AS unlisted
    WHERE teacher IS NULL AND unlisted.id <> ''
$$;

-- Who was told of which change of risk, and over which channel (docs/alerts.md).

-- The state of each alert about a change. message is the id of what is sent, which several changes share in a digest.
-- It never changes, so that a receiver notices when it gets a message twice. taken_at is when the change was put into
-- the message, and error is why the last attempt failed.
CREATE TABLE alert (
    change_id bigint NOT NULL REFERENCES risk_change ON DELETE CASCADE,
    channel text NOT NULL CHECK (channel IN ('sns', 'webhook')),
    message uuid NOT NULL,
    taken_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    leased_until timestamptz,
    sent_at timestamptz,
    error text,
    PRIMARY KEY (change_id, channel)
);

CREATE INDEX ON alert (message);
CREATE INDEX ON alert (channel, change_id) WHERE sent_at IS NULL;

-- Nobody is told about changes in a course while it was muted.
CREATE TABLE alert_mute (
    course text NOT NULL,
    muted_from timestamptz NOT NULL,
    muted_until timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (course, muted_from)
);

CREATE INDEX ON risk_change (changed_at);
CREATE INDEX ON risk_change (course, changed_at);

-- Counts requests to refresh, so that a refresh notices whether another request came in the meantime.
CREATE SEQUENCE refresh_request;

-- Every deployment notes its pipelines here.
INSERT INTO pipeline_table (name, kind) VALUES
    ('student_performance', 'event log'),
    ('student_assessment', 'deferred'),
    ('student_course', 'deferred'),
    ('course_day', 'deferred'),
    ('course_hour', 'deferred');
