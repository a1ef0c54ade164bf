-- Deleting what is older than a month. {aged} and the statements below "delete" are conditions on the rows of a table,
-- and $1 is the first day that is kept, in UTC.

-- name: months_before
SELECT name, month, bytes, rows
FROM (
    SELECT
        child.relname AS name,
        replace(right(child.relname, 7), '_', '-') AS month,
        pg_total_relation_size(child.oid) AS bytes,
        greatest(child.reltuples, 0)::bigint AS rows
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = $1::text::regclass
) AS partition
WHERE month < $2
ORDER BY month

-- name: keep_months
-- Until the transaction ends, nobody else can make or close months.
SELECT pg_advisory_xact_lock(hashtext('make_month'))

-- name: own_log
-- Readers and writers also lock the log before its partitions.
LOCK TABLE ONLY {log} IN ACCESS EXCLUSIVE MODE

-- name: close_months
SELECT close_months($1, $2)

-- name: drop_month
SELECT drop_month($1, $2)

-- name: dropped_before
SELECT dropped_before FROM pipeline_table WHERE name = $1

-- name: count
SELECT count(*) FROM {table} WHERE {aged}

-- name: delete
DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {aged} LIMIT $2))

-- name: over
-- The row's course ended before or is not in the roster. Rows of a running course are needed to judge who is at risk.
NOT EXISTS (SELECT FROM course WHERE course.id = {table}.course AND coalesce(course.ends > $1::date, true))

-- name: month
month < $1::date

-- name: risk_change
changed_at < $1::date::timestamp AT TIME ZONE 'UTC'

-- name: follow_up
followed_up_at < $1::date::timestamp AT TIME ZONE 'UTC'

-- name: rejected_event
arrived_at < $1::date::timestamp AT TIME ZONE 'UTC'

-- name: access_log
accessed_at < $1::date::timestamp AT TIME ZONE 'UTC'

-- name: roster_chunk
staged_at < $1::date::timestamp AT TIME ZONE 'UTC'

-- name: enrolment
(coalesce(enrolment.ends <= $1::date, false) OR {over})

-- name: person
-- People who were enrolled and of whom no enrolment stays.
EXISTS (SELECT FROM enrolment WHERE enrolment.person = person.id)
AND NOT EXISTS (SELECT FROM enrolment WHERE enrolment.person = person.id AND NOT {ended})
