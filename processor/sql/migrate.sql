-- name: lock
SELECT pg_try_advisory_lock(hashtext('student_performance_migrations'))

-- name: unlock
SELECT pg_advisory_unlock(hashtext('student_performance_migrations'))

-- name: wait_briefly
-- While a migration waits for a lock, every writer waits behind it.
SET LOCAL lock_timeout = '2s'

-- name: wait_long
-- A statement outside a transaction waits for others without holding them up.
SET lock_timeout = 0

-- name: wait_as_usual
RESET lock_timeout

-- name: make_log
CREATE TABLE IF NOT EXISTS schema_migration (
    pipeline text NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pipeline, version)
)

-- name: applied
SELECT version, checksum FROM schema_migration WHERE pipeline = $1

-- name: record
INSERT INTO schema_migration (pipeline, version, name, checksum) VALUES ($1, $2, $3, $4)

-- name: register
-- The kind of a table decides who may do what with it.
INSERT INTO pipeline_table (name, kind) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET kind = excluded.kind

-- name: make_processor_login
SELECT make_processor_login($1, $2)

-- name: make_reader_login
SELECT make_reader_login($1, $2)
