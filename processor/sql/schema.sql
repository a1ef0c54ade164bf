-- What the migrations add up to, for reading: nothing runs this file. A test compares it with them.

CREATE TABLE schema_migration (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE event_source (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream_arn text NOT NULL,
    shard_id text NOT NULL,
    UNIQUE (stream_arn, shard_id)
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

-- Makes the partition of a UTC month; no effect where it exists. Made apart and attached, because ATTACH
-- lets reads and writes of the other partitions go on, which CREATE … PARTITION OF does not.
CREATE FUNCTION make_month(month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first date := date_trunc('month', month);
    partition text := 'student_performance_' || to_char(first, 'YYYY_MM');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('make_month'));
    -- Not to_regclass: its cache may not know yet what the one before committed while this one waited.
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition AND relnamespace = 'public'::regnamespace) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE student_performance INCLUDING ALL)', partition);
    EXECUTE format(
        'ALTER TABLE student_performance ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        partition, first::timestamp AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC'
    );
END $$;

-- Drops the partition of a UTC month with all its events. Their event_ids stay taken.
CREATE FUNCTION drop_month(month date) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    partition text := 'student_performance_' || to_char(month, 'YYYY_MM');
BEGIN
    EXECUTE format('ALTER TABLE student_performance DETACH PARTITION %I', partition);
    EXECUTE format('DROP TABLE %I', partition);
END $$;

-- Makes the processor's login, or gives it the password of its secret, and just the rights it needs.
CREATE FUNCTION make_processor_login(role_name text, role_password text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
        EXECUTE format('CREATE ROLE %I', role_name);
    END IF;
    EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', role_name, role_password);
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role_name);
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role_name);
    EXECUTE format(
        'GRANT SELECT, INSERT ON event_source, student_performance, event_identity, rejected_event TO %I', role_name
    );
    EXECUTE format('GRANT EXECUTE ON FUNCTION make_month(date) TO %I', role_name);
END $$;

REVOKE EXECUTE ON FUNCTION make_month(date), drop_month(date), make_processor_login(text, text) FROM PUBLIC;
