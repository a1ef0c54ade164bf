-- The event log, its identities, what was rejected, and the processor's rights.

-- The tables of pipelines. The processor may append to an event log and to deltas, and change a derived
-- table; only event logs get partitions.
CREATE TABLE pipeline_table (
    name text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('event log', 'derived', 'deltas'))
);

INSERT INTO pipeline_table (name, kind) VALUES ('student_performance', 'event log'), ('student_activity_delta', 'deltas');

CREATE TABLE event_source (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream_arn text NOT NULL,
    shard_id text NOT NULL,
    pipeline text NOT NULL DEFAULT 'student-performance',
    UNIQUE (stream_arn, shard_id, pipeline)
);

CREATE TABLE student_performance (
    source_id integer NOT NULL,
    sequence_number text COLLATE "C" NOT NULL,
    sub_sequence integer NOT NULL,
    event_id uuid,
    student_id text NOT NULL,
    event_type text NOT NULL,
    score double precision,
    occurred_at timestamptz NOT NULL,
    arrived_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    metadata jsonb NOT NULL,
    PRIMARY KEY (source_id, sequence_number, sub_sequence, arrived_at)
) PARTITION BY RANGE (arrived_at);

CREATE INDEX student_performance_student_id_occurred_at_idx ON student_performance (student_id, occurred_at);
-- Rows are stored nearly in the order of this column: a few pages of BRIN find what is new.
CREATE INDEX student_performance_stored_at_idx ON student_performance USING brin (stored_at) WITH (autosummarize);

-- Derived from student_performance: what each student did on a day (UTC). Sums are numeric: exact, so that no
-- order of the events changes them. The new events of a batch come as one row of arrays, which costs next to
-- nothing to store, and are folded into the days later; student_activity is both together.
CREATE TABLE student_activity_delta (
    student_id text[] NOT NULL,
    occurred_at timestamptz[] NOT NULL,
    score double precision[] NOT NULL
);

-- Not compressed: that would take most of the time.
ALTER TABLE student_activity_delta
    ALTER student_id SET STORAGE EXTERNAL,
    ALTER occurred_at SET STORAGE EXTERNAL,
    ALTER score SET STORAGE EXTERNAL;

CREATE TABLE student_activity_day (
    student_id text NOT NULL,
    day date NOT NULL,
    events bigint NOT NULL,
    scored bigint NOT NULL,
    score_sum numeric NOT NULL,
    score_squares numeric NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (student_id, day)
) WITH (fillfactor = 70); -- rows are updated: room for it in each page

CREATE VIEW student_activity AS
SELECT
    student_id, day, sum(events)::bigint AS events, sum(scored)::bigint AS scored,
    sum(score_sum) AS score_sum, sum(score_squares) AS score_squares,
    min(first_at) AS first_at, max(last_at) AS last_at
FROM (
    SELECT student_id, day, events, scored, score_sum, score_squares, first_at, last_at
    FROM student_activity_day
    UNION ALL
    SELECT
        event.student_id, (event.occurred_at AT TIME ZONE 'UTC')::date, 1, (event.score IS NOT NULL)::integer,
        coalesce(event.score::numeric, 0), coalesce(event.score::numeric * event.score::numeric, 0),
        event.occurred_at, event.occurred_at
    FROM student_activity_delta AS delta,
        unnest(delta.student_id, delta.occurred_at, delta.score) AS event (student_id, occurred_at, score)
) AS part
GROUP BY student_id, day;

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
    PRIMARY KEY (source_id, sequence_number, sub_sequence)
);

CREATE INDEX rejected_event_rejected_at_idx ON rejected_event (rejected_at);

-- Makes the partition of an event log for a UTC month; no effect where it exists. Made apart and attached,
-- because ATTACH lets reads and writes of the other partitions go on, which CREATE … PARTITION OF does not.
CREATE FUNCTION make_month(log text, month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first date := date_trunc('month', month);
    partition text := log || to_char(first, '_YYYY_MM');
BEGIN
    IF NOT EXISTS (SELECT FROM pipeline_table WHERE name = log AND kind = 'event log') THEN
        RAISE undefined_table USING MESSAGE = format('%I is not registered in pipeline_table as an event log', log);
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('make_month'));
    -- Not to_regclass: its cache may not know yet what the one before committed while this one waited.
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition AND relnamespace = 'public'::regnamespace) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', partition, log);
    EXECUTE format(
        'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        log, partition, first::timestamp AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC'
    );
END $$;

-- Drops the partition of an event log for a UTC month with all its events. Their event_ids stay taken.
CREATE FUNCTION drop_month(log text, month date) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    partition text := log || to_char(month, '_YYYY_MM');
BEGIN
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', log, partition);
    EXECUTE format('DROP TABLE %I', partition);
END $$;

-- Keeps writers of a derived table, or of its deltas, out until the transaction ends, and waits for those that
-- are in; reading goes on. Whoever waits here has stored events that the transaction does not see, and derives
-- from them after it.
CREATE FUNCTION lock_derived(derived text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', derived);
END $$;

-- Makes the processor's login, or gives it the password of its secret, and just the rights it needs.
CREATE FUNCTION make_processor_login(role_name text, role_password text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    registered record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
        EXECUTE format('CREATE ROLE %I', role_name);
    END IF;
    EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', role_name, role_password);
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role_name);
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role_name);
    EXECUTE format('GRANT SELECT, INSERT ON event_source, event_identity, rejected_event TO %I', role_name);
    FOR registered IN SELECT name, kind FROM pipeline_table ORDER BY name LOOP
        EXECUTE format('GRANT SELECT, INSERT ON %I TO %I', registered.name, role_name);
        IF registered.kind = 'derived' THEN
            EXECUTE format('GRANT UPDATE ON %I TO %I', registered.name, role_name);
        END IF;
    END LOOP;
    EXECUTE format('GRANT EXECUTE ON FUNCTION make_month(text, date) TO %I', role_name);
END $$;

REVOKE EXECUTE ON FUNCTION
    make_month(text, date), drop_month(text, date), lock_derived(text), make_processor_login(text, text)
FROM PUBLIC;
