-- How every projection is kept. The blanks are the event log {log}, those {log_columns} that this release knows, the
-- temporary table {fresh} of new rows, and the projection's {table}, {columns} and {key}. {select} is the projection's
-- own statement, which reads {log}.

-- name: make_fresh
CREATE TEMPORARY TABLE IF NOT EXISTS {fresh} (LIKE {log}) ON COMMIT DELETE ROWS

-- name: empty_fresh
DELETE FROM {fresh}

-- name: queue
-- Also returns the epoch of erasure, which a batch has to know.
INSERT INTO chunk (log, source_id, first, last, arrived_from, arrived_until) VALUES ($1, $2, $3, $4, $5, $6)
RETURNING (SELECT epoch FROM erasure)

-- name: take_span
-- The rows that this transaction stored in the span.
INSERT INTO {fresh} ({log_columns})
SELECT {log_columns} FROM {log}
WHERE source_id = $1 AND sequence_number BETWEEN $2 AND $3 AND arrived_at BETWEEN $4 AND $5 AND stored_at = now()

-- name: take_chunks
-- Takes up to $1 chunks with events before $2 that nobody else has taken, and their rows. OFFSET 0 keeps the look-up
-- by key, because PostgreSQL planned a plain join as a scan of the log.
WITH taken AS (
    DELETE FROM chunk
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM chunk
        WHERE log = $3 AND arrived_from < $2
        ORDER BY stored_at
        LIMIT $1
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING *
), copied AS (
    INSERT INTO {fresh} ({log_columns})
    SELECT {event_columns}
    FROM taken, LATERAL (
        SELECT * FROM {log} AS log
        WHERE log.source_id = taken.source_id
            AND log.sequence_number BETWEEN taken.first AND taken.last
            AND log.arrived_at BETWEEN taken.arrived_from AND taken.arrived_until
            AND log.stored_at = taken.stored_at
        OFFSET 0
    ) AS event
)
SELECT count(*) FROM taken

-- name: upsert
-- The order of the key keeps two transactions that do this at once from waiting for each other in a circle.
INSERT INTO {table} AS stored ({columns})
SELECT {columns} FROM (
{select}
) AS fresh
ORDER BY {key}
ON CONFLICT ({key}) DO UPDATE SET {changes}

-- name: add
{column} = stored.{column} + excluded.{column}

-- name: least
{column} = least(stored.{column}, excluded.{column})

-- name: greatest
{column} = greatest(stored.{column}, excluded.{column})

-- name: latest
-- Either all of an event's columns change or none, because each makes the same comparison. The log compares sequence
-- numbers in "C", too.
{column} = CASE WHEN stored.occurred_at IS NULL
    OR (excluded.occurred_at, excluded.source_id, excluded.sequence_number COLLATE "C", excluded.sub_sequence)
        > (stored.occurred_at, stored.source_id, stored.sequence_number COLLATE "C", stored.sub_sequence)
    THEN excluded.{column} ELSE stored.{column}
END

-- name: share_upkeep
-- Several may compact at once. A rebuild, a check and dropping a month have the projections for themselves.
SELECT pg_advisory_xact_lock_shared(hashtext('upkeep of ' || $1))

-- name: own_upkeep
SELECT pg_advisory_xact_lock(hashtext('upkeep of ' || $1))

-- name: keep_upkeep
SELECT pg_advisory_lock(hashtext('upkeep of ' || $1))

-- name: release_upkeep
SELECT pg_advisory_unlock(hashtext('upkeep of ' || $1))

-- name: lock
-- Waits for current writers of the projection and keeps new ones out until the transaction ends. Reading goes on.
LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE

-- name: clear
DELETE FROM {table} WHERE month = $1

-- name: fill
INSERT INTO {table} ({columns})
SELECT {columns} FROM (
{select}
) AS fresh

-- name: erase_events
-- Deletes some students' events of a month, and their identities. {student} is the log's column with the student's id.
WITH erased AS (
    DELETE FROM {partition} WHERE {student} = ANY ($1::text[])
    RETURNING source_id, sequence_number, sub_sequence, event_id
), identities AS (
    DELETE FROM event_identity AS identity USING erased
    WHERE identity.event_id = erased.event_id
        AND (identity.source_id, identity.sequence_number, identity.sub_sequence)
            = (erased.source_id, erased.sequence_number, erased.sub_sequence)
)
SELECT count(*) FROM erased

-- name: erase_derived
DELETE FROM {table} WHERE {student} = ANY ($1::text[])

-- name: count_differences
-- Rows that the projection has and should not have, or should have and does not have.
SELECT count(*) FROM (
    (
        SELECT {columns} FROM {table} WHERE month = $1
        EXCEPT ALL
        SELECT {columns} FROM (
{select}
        ) AS fresh
    )
    UNION ALL
    (
        SELECT {columns} FROM (
{select}
        ) AS fresh
        EXCEPT ALL
        SELECT {columns} FROM {table} WHERE month = $1
    )
) AS difference

-- name: months
-- The months that the log keeps, with the partition of each.
SELECT to_date(right(child.relname, 7), 'YYYY_MM') AS month, child.relname AS partition
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = $1::text::regclass
ORDER BY month

-- name: waiting
-- How many chunks wait to be compacted, and how long the oldest has waited.
SELECT count(*) AS chunks, min(stored_at) AS since FROM chunk WHERE log = $1
