-- name: lock
SELECT pg_advisory_lock(hashtext('student_performance_migrations'))

-- name: make_log
CREATE TABLE IF NOT EXISTS schema_migration (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)

-- name: applied
SELECT version, checksum FROM schema_migration

-- name: record
INSERT INTO schema_migration (version, name, checksum) VALUES ($1, $2, $3)

-- name: make_processor_login
SELECT make_processor_login($1, $2)
