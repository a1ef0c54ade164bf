-- What a status shows of any pipeline.

-- name: by_index
-- Until the transaction ends. With a LIMIT the planner reads the table from its start, in hope of finding enough
-- rows of the last hour soon: they are at its end.
SET LOCAL enable_seqscan = off

-- name: estimate_stored
-- By the last ANALYZE or by what was written since, which a new partition has alone.
SELECT coalesce(sum(greatest(child.reltuples, pg_stat_get_live_tuples(child.oid))), 0)::bigint
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = $1::text::regclass

-- name: partitions
SELECT
    child.relname AS name,
    replace(right(child.relname, 7), '_', '-') AS month,
    pg_total_relation_size(child.oid) AS bytes
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = $1::text::regclass
ORDER BY child.relname

-- name: rejected_and_size
SELECT
    (SELECT max(version) FROM schema_migration WHERE pipeline = $1) AS schema_version,
    count(*) AS rejected,
    count(*) FILTER (WHERE rejected_at > now() - interval '1 hour') AS rejected_last_hour,
    count(*) FILTER (WHERE redriven_at IS NULL) AS rejected_open,
    pg_database_size(current_database()) AS database_bytes
FROM rejected_event JOIN event_source ON id = source_id
WHERE pipeline = $1
