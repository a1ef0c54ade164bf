-- What a status shows of any pipeline. {log} is its event log. The partitions are found by the table's name, because
-- for the reader {log} is a view.

-- name: by_index
-- Holds until the transaction ends. With a LIMIT the planner would read the table from its start and hope to find
-- enough rows of the last hour soon, but they are at its end.
SET LOCAL enable_seqscan = off

-- name: estimate_stored
-- The estimate is from the last ANALYZE or from what was written since; a new partition only has the second.
SELECT coalesce(sum(greatest(child.reltuples, pg_stat_get_live_tuples(child.oid))), 0)::bigint
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = ('public.' || $1::text)::regclass

-- name: partitions
SELECT
    child.relname AS name,
    replace(right(child.relname, 7), '_', '-') AS month,
    pg_total_relation_size(child.oid) AS bytes
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = ('public.' || $1::text)::regclass
ORDER BY child.relname

-- name: dropped_before
SELECT nullif(dropped_before, '-infinity') FROM pipeline_table WHERE name = $1

-- name: rejected_and_size
SELECT
    (SELECT max(version) FROM schema_migration WHERE pipeline = 'framework') AS schema_version,
    count(*) AS rejected,
    count(*) FILTER (WHERE rejected_at > now() - interval '1 hour') AS rejected_last_hour,
    count(*) FILTER (WHERE redriven_at IS NULL AND dismissed_at IS NULL) AS rejected_open,
    pg_database_size(current_database()) AS database_bytes
FROM rejected_event JOIN event_source ON id = source_id
WHERE pipeline = $1

-- name: open_by_reason
-- Rejected records that are neither redriven nor dismissed.
SELECT reason, count(*) AS records, min(rejected_at) AS first_at, max(rejected_at) AS last_at
FROM rejected_event JOIN event_source ON id = source_id
WHERE pipeline = $1 AND redriven_at IS NULL AND dismissed_at IS NULL
GROUP BY reason
ORDER BY records DESC, reason

-- name: count_stored
SELECT count(*) FROM {log}

-- name: figures
-- Reads up to $1 events of the last hour, and the 1,000 newest of each shard, however many there are. The lag is the
-- time from an event's arrival in Kinesis to the start of the transaction that stored it, for those of the newest
-- events that were stored in the last hour.
SELECT
    (SELECT min(first.arrived_at) FROM event_source CROSS JOIN LATERAL (
        SELECT arrived_at FROM {log} WHERE source_id = event_source.id
        ORDER BY sequence_number, sub_sequence LIMIT 1
    ) AS first) AS first_arrived_at,
    max(newest.arrived_at) AS last_arrived_at,
    greatest(max(newest.stored_at), max(last_hour.last_stored_at)) AS last_stored_at,
    coalesce(max(last_hour.events), 0) AS stored_last_hour,
    count(lag_ms) AS lag_sample,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY lag_ms) AS lag_p50,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY lag_ms) AS lag_p99
FROM event_source CROSS JOIN LATERAL (
    SELECT
        arrived_at, stored_at,
        CASE WHEN stored_at > now() - interval '1 hour'
            THEN (extract(epoch FROM stored_at - arrived_at) * 1000)::double precision
        END AS lag_ms
    FROM {log} WHERE source_id = event_source.id
    ORDER BY sequence_number DESC, sub_sequence DESC LIMIT 1000
) AS newest
CROSS JOIN (
    SELECT count(*) AS events, max(stored_at) AS last_stored_at
    FROM (SELECT stored_at FROM {log} WHERE stored_at > now() - interval '1 hour' LIMIT $1) AS counted
) AS last_hour
