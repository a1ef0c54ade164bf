-- Students who were erased, so that nothing of theirs is stored again.

-- One row. Every transaction that stores something of a student reads the epoch, and whoever erases a student locks this
-- table first: that waits for those transactions, and keeps others out until the new epoch is there. key: of the hashes
-- by which erased students are known.
CREATE TABLE erasure (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    epoch bigint NOT NULL DEFAULT 0,
    key bytea NOT NULL DEFAULT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')
);

INSERT INTO erasure DEFAULT VALUES;

-- One row for each student who was erased. Where the tombstone was lifted, only what occurred before is not stored.
CREATE TABLE tombstone (
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    erased_at timestamptz NOT NULL DEFAULT now(),
    lifted_at timestamptz
);

-- As before; and the processor reads which students were erased.
CREATE OR REPLACE FUNCTION make_processor_login(role_name text, verifier text) RETURNS void
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
