-- Who may look, and a record of who looked at whom.

-- What the reader may select beside projections and views, where it is there: a migration that makes such a table names
-- it here. The tables of risk were made before this one.
CREATE TABLE readable_table (
    name text PRIMARY KEY
);

INSERT INTO readable_table (name) VALUES
    ('course'), ('assessment'), ('enrolment'), ('person'),
    ('assessment_exception'), ('risk_rule'), ('risk'), ('risk_change'), ('risk_evaluation');

-- Each answer about one student or one course, written before it is given. ``who`` is what the caller states.
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

-- The only way in which others than the owner add to the access log; nobody but the owner changes it.
CREATE FUNCTION log_access(who text, request_id text, command text, student_id text, course text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    INSERT INTO access_log (who, request_id, command, student_id, course)
    VALUES (who, request_id, command, student_id, course);
END $$;

-- The reader's own schema, which comes first in its search_path: what it may see of tables that it has no right to,
-- under their names. Event logs are shown whole (make_log_view); what was rejected without what was sent.
CREATE SCHEMA reading;

CREATE VIEW reading.event_source AS SELECT id, stream_arn, shard_id, pipeline FROM event_source;

CREATE VIEW reading.rejected_event AS
SELECT source_id, arrived_at, reason, rejected_at, redriven_at, dismissed_at FROM rejected_event;

CREATE VIEW reading.chunk AS SELECT log, stored_at FROM chunk;

CREATE VIEW reading.pipeline_table AS SELECT name, kind, dropped_before FROM pipeline_table;

CREATE VIEW reading.schema_migration AS SELECT pipeline, version FROM schema_migration;

-- Shows an event log to the reader. A view keeps the columns that it was made with: it is made again where the log
-- has others now.
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

-- Makes a login, or gives it the password of its secret. Takes a SCRAM verifier, never the password: a server writes
-- statements to its log when they fail, wait or take long, and who may set what it writes differs from server to
-- server. What fails is raised anew, because PostgreSQL's own error would log the statement with the verifier.
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

-- Makes the processor's login and gives it just the rights it needs.
CREATE OR REPLACE FUNCTION make_processor_login(role_name text, verifier text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    registered record;
BEGIN
    PERFORM make_login(role_name, verifier);
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), role_name);
    EXECUTE format('GRANT INSERT ON chunk TO %I', role_name);
    EXECUTE format('GRANT SELECT, INSERT ON event_source, event_identity, rejected_event TO %I', role_name);
    FOR registered IN SELECT name, kind FROM pipeline_table WHERE kind <> 'deferred' ORDER BY name LOOP
        EXECUTE format('GRANT SELECT, INSERT ON %I TO %I', registered.name, role_name);
        IF registered.kind = 'immediate' THEN
            EXECUTE format('GRANT UPDATE ON %I TO %I', registered.name, role_name);
        END IF;
    END LOOP;
    EXECUTE format('GRANT EXECUTE ON FUNCTION make_month(text, date), find_violations(text, text) TO %I', role_name);
END $$;

-- Makes the reader's login and lets it select projections, reference tables, the views of pipelines and those of its
-- schema, and add to the access log; nothing else.
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
    EXECUTE format('GRANT EXECUTE ON FUNCTION log_access(text, text, text, text, text) TO %I', role_name);
END $$;

REVOKE EXECUTE ON FUNCTION
    log_access(text, text, text, text, text), make_log_view(text), make_login(text, text), make_reader_login(text, text)
FROM PUBLIC;

-- PostgreSQL lets everybody make temporary tables; the processor, which needs some, has that right by name.
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END $$;
