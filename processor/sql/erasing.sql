-- Erasing students: $1 holds their ids, or the hashes of their ids.

-- name: lock
-- Waits for every transaction that is storing something, and keeps new ones out until this one ends.
LOCK TABLE erasure IN ACCESS EXCLUSIVE MODE

-- name: missing
-- Whether one of these is not there like this, or is there without its mark.
SELECT EXISTS (
    SELECT
    FROM unnest($1::bytea[], $2::timestamptz[], $3::timestamptz[], $4::bigint[])
        AS given (hash, erased_at, lifted_at, mark)
    LEFT JOIN tombstone AS there USING (hash)
    WHERE (there.erased_at, there.lifted_at, there.mark)
        IS DISTINCT FROM (given.erased_at, given.lifted_at, coalesce(given.mark, there.mark))
)

-- name: bury
INSERT INTO tombstone AS there (hash, erased_at, lifted_at, mark)
SELECT * FROM unnest($1::bytea[], $2::timestamptz[], $3::timestamptz[], $4::bigint[])
ON CONFLICT (hash) DO UPDATE SET
    (erased_at, lifted_at, mark) = (excluded.erased_at, excluded.lifted_at, coalesce(excluded.mark, there.mark))

-- name: lift
-- Those that were lifted before stay as they are, but get their marks.
UPDATE tombstone AS there SET
    lifted_at = coalesce(there.lifted_at, $3),
    mark = coalesce(there.mark, given.mark)
FROM unnest($1::bytea[], $2::bigint[]) AS given (hash, mark)
WHERE there.hash = given.hash

-- name: next_epoch
UPDATE erasure SET epoch = epoch + 1

-- name: buried
SELECT hash, erased_at, lifted_at FROM tombstone WHERE hash = ANY ($1)

-- name: holds
SELECT EXISTS (SELECT FROM {table} WHERE {column} = ANY ($1::text[]))

-- name: count
SELECT count(*) FROM {table} WHERE {column} = ANY ($1::text[])

-- name: delete
DELETE FROM {table} WHERE {column} = ANY ($1::text[])

-- name: students
SELECT DISTINCT {column} AS student FROM {table} WHERE {column} IS NOT NULL

-- name: count_alerts
SELECT count(*) FROM alert JOIN risk_change ON id = change_id WHERE student = ANY ($1::text[])

-- name: count_staged
SELECT count(*) FROM roster_chunk
WHERE EXISTS (
    SELECT FROM unnest($1::text[]) AS erased (student)
    WHERE jsonb_path_exists(rows, '$.** ? (@ == $id)', jsonb_build_object('id', student))
)

-- name: unstage
-- The whole chunk is deleted: an import that lacks one is refused, and has to be sent again without the student.
DELETE FROM roster_chunk
WHERE EXISTS (
    SELECT FROM unnest($1::text[]) AS erased (student)
    WHERE jsonb_path_exists(rows, '$.** ? (@ == $id)', jsonb_build_object('id', student))
)

-- name: hide_looks
-- The entry keeps who looked, and only the hash of the student.
UPDATE access_log SET student_id = hidden
FROM unnest($1::text[], $2::text[]) AS erased (student, hidden)
WHERE student_id = student

-- name: courses
SELECT DISTINCT course FROM (
    SELECT course FROM enrolment WHERE person = ANY ($1::text[])
    UNION ALL SELECT course FROM risk WHERE student = ANY ($1::text[])
    UNION ALL SELECT course FROM student_course WHERE student_id = ANY ($1::text[])
) AS named
ORDER BY course

-- name: lock_course
-- Waits for an evaluation of the course, which could otherwise write something about the student that it read before.
SELECT pg_advisory_xact_lock(hashtext('risk in ' || $1))

-- name: lock_alerts
SELECT pg_advisory_xact_lock(hashtext('alerts'))

-- name: evaluate_again
DELETE FROM risk_evaluation WHERE course = ANY ($1::text[])

-- name: count_rejected
-- Rejected records that may hold an id, because they contain some of these bytes.
SELECT count(*) FROM rejected_event
WHERE EXISTS (
    SELECT FROM unnest($1::bytea[]) AS written WHERE position(written IN payload) > 0
)

-- name: rejected
SELECT
    pipeline, stream_arn, source_id, sequence_number, sub_sequence, arrived_at, reason, detail, payload
FROM rejected_event JOIN event_source ON id = source_id
WHERE (source_id, sequence_number, sub_sequence) > ($1, $2::text, $3::integer)
ORDER BY source_id, sequence_number, sub_sequence
LIMIT $4

-- name: delete_rejected
DELETE FROM rejected_event
USING unnest($1::integer[], $2::text[], $3::integer[]) AS found (source_id, sequence_number, sub_sequence)
WHERE (rejected_event.source_id, rejected_event.sequence_number, rejected_event.sub_sequence)
    = (found.source_id, found.sequence_number, found.sub_sequence)
