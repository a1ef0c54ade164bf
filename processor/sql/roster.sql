-- The roster: applying what a client staged, and showing it. $1 is the import, in which each row has a different key of
-- its table. Every apply_… returns how many rows are new, changed and ended; the other rows are unchanged.

-- name: forget_abandoned
DELETE FROM roster_chunk WHERE staged_at < now() - interval '1 day'

-- name: stage
INSERT INTO roster_chunk (import, number, rows) VALUES ($1, $2, $3)
ON CONFLICT (import, number) DO UPDATE SET rows = excluded.rows

-- name: count_chunks
SELECT count(*) FROM roster_chunk WHERE import = $1

-- name: forget
DELETE FROM roster_chunk WHERE import = $1

-- name: one_at_a_time
-- Holds until the transaction ends.
SELECT pg_advisory_xact_lock(hashtext('roster import'))

-- name: unknown_courses
-- Courses that staged rows refer to and that do not exist, at most $2.
SELECT course
FROM (
    SELECT DISTINCT jsonb_path_query(rows, '$.*[*].course') #>> '{}' AS course
    FROM roster_chunk
    WHERE import = $1
) AS referred
WHERE NOT EXISTS (SELECT FROM course WHERE id = referred.course)
ORDER BY course
LIMIT $2

-- name: apply_courses
WITH given AS (
    SELECT
        row.id, row.title, row.time_zone, row.begins,
        CASE WHEN row.deleted THEN greatest(row.begins, least(row.ends, course.ends)) ELSE row.ends END AS ends
    FROM roster_chunk
    CROSS JOIN jsonb_to_recordset(rows->'courses')
        AS row (id text, title text, time_zone text, begins date, ends date, deleted boolean)
    LEFT JOIN course ON course.id = row.id
    WHERE import = $1
), written AS (
    INSERT INTO course AS stored (id, title, time_zone, begins, ends)
    SELECT id, title, time_zone, begins, ends FROM given ORDER BY id
    ON CONFLICT (id) DO UPDATE
        SET (title, time_zone, begins, ends)
            = (excluded.title, excluded.time_zone, excluded.begins, excluded.ends)
        WHERE (stored.title, stored.time_zone, stored.begins, stored.ends)
            IS DISTINCT FROM (excluded.title, excluded.time_zone, excluded.begins, excluded.ends)
    RETURNING
        old.id IS NULL AS is_new,
        coalesce(old.ends > current_date, true) AND coalesce(new.ends <= current_date, false) AS is_ended
)
SELECT
    (SELECT count(*) FROM given) AS given,
    count(*) FILTER (WHERE is_new) AS new,
    count(*) FILTER (WHERE NOT is_new AND NOT is_ended) AS changed,
    count(*) FILTER (WHERE NOT is_new AND is_ended) AS ended
FROM written

-- name: apply_assessments
WITH given AS (
    SELECT
        row.course, row.id, row.title, row.max_score,
        CASE WHEN row.due_at ~ '(Z|[+-]\d\d:\d\d)$' THEN row.due_at::timestamptz
            ELSE row.due_at::timestamp AT TIME ZONE course.time_zone
        END AS due_at,
        coalesce(row.counts, true) AND row.deleted IS NOT TRUE AS counts
    FROM roster_chunk
    CROSS JOIN jsonb_to_recordset(rows->'assessments') AS row (
        course text, id text, title text, due_at text, max_score double precision, counts boolean, deleted boolean
    )
    JOIN course ON course.id = row.course
    WHERE import = $1
), written AS (
    INSERT INTO assessment AS stored (course, id, title, due_at, max_score, counts)
    SELECT course, id, title, due_at, max_score, counts FROM given ORDER BY course, id
    ON CONFLICT (course, id) DO UPDATE
        SET (title, due_at, max_score, counts)
            = (excluded.title, excluded.due_at, excluded.max_score, excluded.counts)
        WHERE (stored.title, stored.due_at, stored.max_score, stored.counts)
            IS DISTINCT FROM (excluded.title, excluded.due_at, excluded.max_score, excluded.counts)
    RETURNING old.id IS NULL AS is_new, old.counts AND NOT new.counts AS is_ended
)
SELECT
    (SELECT count(*) FROM given) AS given,
    count(*) FILTER (WHERE is_new) AS new,
    count(*) FILTER (WHERE NOT is_new AND NOT is_ended) AS changed,
    count(*) FILTER (WHERE NOT is_new AND is_ended) AS ended
FROM written

-- name: apply_enrolments
WITH given AS (
    SELECT
        row.course, row.person, row.role, row.begins,
        CASE WHEN row.deleted THEN greatest(row.begins, least(row.ends, enrolment.ends)) ELSE row.ends END AS ends
    FROM roster_chunk
    CROSS JOIN jsonb_to_recordset(rows->'enrolments')
        AS row (course text, person text, role text, begins date, ends date, deleted boolean)
    LEFT JOIN enrolment
        ON (enrolment.course, enrolment.person, enrolment.role) = (row.course, row.person, row.role)
    WHERE import = $1
), written AS (
    INSERT INTO enrolment AS stored (course, person, role, begins, ends)
    SELECT course, person, role, begins, ends FROM given ORDER BY course, person, role
    ON CONFLICT (course, person, role) DO UPDATE
        SET (begins, ends) = (excluded.begins, excluded.ends)
        WHERE (stored.begins, stored.ends) IS DISTINCT FROM (excluded.begins, excluded.ends)
    RETURNING
        old.course IS NULL AS is_new,
        coalesce(old.ends > current_date, true) AND coalesce(new.ends <= current_date, false) AS is_ended
)
SELECT
    (SELECT count(*) FROM given) AS given,
    count(*) FILTER (WHERE is_new) AS new,
    count(*) FILTER (WHERE NOT is_new AND NOT is_ended) AS changed,
    count(*) FILTER (WHERE NOT is_new AND is_ended) AS ended
FROM written

-- name: apply_people
WITH given AS (
    SELECT row.id, row.display_name, row.deleted IS TRUE AS deleted
    FROM roster_chunk
    CROSS JOIN jsonb_to_recordset(rows->'people') AS row (id text, display_name text, deleted boolean)
    WHERE import = $1
), written AS (
    INSERT INTO person AS stored (id, display_name)
    SELECT id, display_name FROM given WHERE NOT deleted ORDER BY id
    ON CONFLICT (id) DO UPDATE SET display_name = excluded.display_name
        WHERE stored.display_name <> excluded.display_name
    RETURNING old.id IS NULL AS is_new
), removed AS (
    DELETE FROM person USING given WHERE person.id = given.id AND given.deleted RETURNING person.id
)
SELECT
    (SELECT count(*) FROM given) AS given,
    count(*) FILTER (WHERE is_new) AS new,
    count(*) FILTER (WHERE NOT is_new) AS changed,
    (SELECT count(*) FROM removed) AS ended
FROM written

-- name: end_enrolments_of_deleted
-- People whom the school deletes leave every course. Returns how many enrolments this ended.
WITH leaving AS (
    SELECT row.id, row.ends
    FROM roster_chunk
    CROSS JOIN jsonb_to_recordset(rows->'people') AS row (id text, ends date, deleted boolean)
    WHERE import = $1 AND row.deleted
), ended AS (
    UPDATE enrolment
    SET ends = greatest(enrolment.begins, leaving.ends)
    FROM leaving
    WHERE person = leaving.id AND (enrolment.ends IS NULL OR enrolment.ends > greatest(enrolment.begins, leaving.ends))
    RETURNING person
)
SELECT count(*) FROM ended

-- name: totals
SELECT
    (SELECT count(*) FROM course) AS courses,
    (SELECT count(*) FROM assessment) AS assessments,
    (SELECT count(*) FROM enrolment) AS enrolments,
    (SELECT count(DISTINCT person) FROM enrolment WHERE role = 'student') AS students,
    (SELECT count(DISTINCT person) FROM enrolment WHERE role = 'teacher') AS teachers,
    (SELECT count(*) FROM person) AS people

-- name: show_courses
-- The courses after $2, with how many people take and teach them today.
SELECT
    id, title, time_zone, begins, ends,
    (
        SELECT count(*) FROM enrolment
        WHERE course = course.id AND role = 'student' AND coalesce(ends > current_date, true)
    ) AS students,
    (
        SELECT count(*) FROM enrolment
        WHERE course = course.id AND role = 'teacher' AND coalesce(ends > current_date, true)
    ) AS teachers,
    (SELECT count(*) FROM assessment WHERE course = course.id) AS assessments
FROM course
WHERE ($1::text IS NULL OR id = $1) AND ($2::text IS NULL OR id > $2)
ORDER BY id
LIMIT $3

-- name: show_assessments
SELECT id, title, due_at, max_score, counts
FROM assessment
WHERE course = $1 AND ($2::text IS NULL OR id > $2)
ORDER BY id
LIMIT $3

-- name: show_enrolments
SELECT role, person, display_name, begins, ends
FROM enrolment LEFT JOIN person ON person.id = enrolment.person
WHERE course = $1 AND ($2::text IS NULL OR (role, person) > ($2, $3::text))
ORDER BY role, person
LIMIT $4

-- name: by_index
-- Holds until the transaction ends, so that the newest events are read by their key, however many there are.
SET LOCAL enable_seqscan = off

-- name: check
-- What the newest events, up to $1 per shard, refer to although the roster does not have it.
WITH referring AS (
    SELECT newest.student_id, newest.course, newest.assessment, count(*) AS events
    FROM event_source CROSS JOIN LATERAL (
        SELECT student_id, metadata->>'course' AS course, metadata->>'assessment' AS assessment
        FROM student_performance
        WHERE source_id = event_source.id
        ORDER BY sequence_number DESC, sub_sequence DESC
        LIMIT $1
    ) AS newest
    GROUP BY 1, 2, 3
), judged AS (
    SELECT
        referring.*,
        EXISTS (SELECT FROM enrolment WHERE person = student_id AND role = 'student')
            OR EXISTS (SELECT FROM person WHERE person.id = student_id) AS has_person,
        EXISTS (SELECT FROM course WHERE course.id = referring.course) AS has_course,
        EXISTS (
            SELECT FROM enrolment
            WHERE (enrolment.course, person, role) = (referring.course, student_id, 'student')
        ) AS is_enrolled,
        EXISTS (
            SELECT FROM assessment WHERE (assessment.course, assessment.id) = (referring.course, referring.assessment)
        ) AS has_assessment
    FROM referring
), named AS (
    SELECT 'events' AS finding, student_id AS id, events FROM judged
    UNION ALL
    SELECT 'without_course', student_id, events FROM judged WHERE course IS NULL
    UNION ALL
    SELECT 'unknown_person', student_id, events FROM judged WHERE NOT has_person
    UNION ALL
    SELECT 'unknown_course', course, events FROM judged WHERE course IS NOT NULL AND NOT has_course
    UNION ALL
    SELECT 'not_enrolled', student_id || ' in ' || course, events
    FROM judged WHERE has_person AND has_course AND NOT is_enrolled
    UNION ALL
    SELECT 'unknown_assessment', assessment || ' of ' || course, events
    FROM judged WHERE has_course AND assessment IS NOT NULL AND NOT has_assessment
), added AS (
    SELECT finding, id, sum(events)::bigint AS events FROM named GROUP BY finding, id
)
SELECT
    finding, sum(events)::bigint AS events, count(*) AS ids,
    (array_agg(left(id, 200) ORDER BY events DESC, id))[1:5] AS examples
FROM added
GROUP BY finding
