-- The schema, and variations of it that were tried. Each runs in its own database before any month is made.

-- name: as_it_is
SELECT

-- name: without_the_index_on_student_and_time
DROP INDEX student_performance_student_id_occurred_at_idx

-- name: without_the_BRIN_index_on_stored_at
DROP INDEX student_performance_stored_at_idx

-- name: B_tree_instead_of_BRIN_on_stored_at
DROP INDEX student_performance_stored_at_idx;
CREATE INDEX student_performance_stored_at_idx ON student_performance (stored_at)

-- name: metadata_as_text
ALTER TABLE student_performance ALTER metadata TYPE text

-- name: sequence_number_as_numeric
ALTER TABLE student_performance DROP CONSTRAINT student_performance_pkey;
ALTER TABLE student_performance ALTER sequence_number TYPE numeric USING sequence_number::numeric;
ALTER TABLE student_performance ADD PRIMARY KEY (source_id, sequence_number, sub_sequence, arrived_at)

-- name: primary_key_led_by_arrived_at
ALTER TABLE student_performance DROP CONSTRAINT student_performance_pkey;
ALTER TABLE student_performance ADD PRIMARY KEY (arrived_at, source_id, sequence_number, sub_sequence)

-- name: columns_of_eight_bytes_first
DROP TABLE student_performance;
CREATE TABLE student_performance (
    arrived_at timestamptz NOT NULL,
    occurred_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    score double precision,
    source_id integer NOT NULL,
    sub_sequence integer NOT NULL,
    event_id uuid,
    sequence_number text COLLATE "C" NOT NULL,
    student_id text NOT NULL,
    event_type text NOT NULL,
    metadata jsonb NOT NULL,
    PRIMARY KEY (source_id, sequence_number, sub_sequence, arrived_at)
) PARTITION BY RANGE (arrived_at);
CREATE INDEX student_performance_student_id_occurred_at_idx ON student_performance (student_id, occurred_at);
CREATE INDEX student_performance_stored_at_idx ON student_performance USING brin (stored_at) WITH (autosummarize);
GRANT SELECT, INSERT ON student_performance TO processor

-- name: not_partitioned
DROP TABLE student_performance;
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
);
CREATE INDEX student_performance_student_id_occurred_at_idx ON student_performance (student_id, occurred_at);
CREATE INDEX student_performance_stored_at_idx ON student_performance USING brin (stored_at) WITH (autosummarize);
GRANT SELECT, INSERT ON student_performance TO processor;
CREATE OR REPLACE FUNCTION make_month(log text, month date) RETURNS boolean LANGUAGE sql AS 'SELECT true'

-- name: relations
-- Bytes of each table and index. A partition counts for its parent, and a partition's index for the parent's index.
SELECT
    regexp_replace(relname, '_\d{4}_\d{2}', '') AS relation, relkind = 'i' AS is_index, pg_relation_size(oid) AS bytes
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')
    AND relname ~ '^(student_performance|event_identity)' AND pg_relation_size(oid) > 0
ORDER BY is_index, relname
