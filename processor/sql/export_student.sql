-- Everything about the student $1, table by table. {part} is one of these statements. Each has an order in which rows
-- that are added meanwhile come last.

-- name: page
{part}
OFFSET $2

-- name: person
SELECT id, display_name FROM person WHERE id = $1

-- name: enrolment
SELECT enrolment.person, enrolment.course, course.title, enrolment.role, enrolment.begins, enrolment.ends, course.time_zone
FROM enrolment JOIN course ON course.id = enrolment.course
WHERE enrolment.person = $1
ORDER BY enrolment.course, enrolment.role

-- name: assessment_exception
SELECT
    exception.person, exception.course, exception.assessment, assessment.title, exception.due_at, exception.excused
FROM assessment_exception AS exception
JOIN assessment ON (assessment.course, assessment.id) = (exception.course, exception.assessment)
WHERE exception.person = $1
ORDER BY exception.course, exception.assessment

-- name: roster_chunk
-- Rows of imports that are not applied yet.
SELECT staged_at, sent.kind, element AS rows
FROM roster_chunk
CROSS JOIN (VALUES ('people', 'id'), ('enrolments', 'person')) AS sent (kind, member)
CROSS JOIN LATERAL jsonb_array_elements(roster_chunk.rows -> sent.kind) AS element
WHERE element ->> sent.member = $1
ORDER BY staged_at, import, number, kind

-- name: events
-- {student} is the column of the log {log} that holds the student's id, and {own} are the event's columns.
SELECT occurred_at, {own}, event_id, arrived_at, stored_at
FROM {log}
WHERE {student} = $1
ORDER BY stored_at, source_id, sequence_number, sub_sequence

-- name: projection
SELECT {columns} FROM {table} WHERE {student} = $1 ORDER BY {key}

-- name: student_activity
SELECT * FROM student_activity WHERE student_id = $1 ORDER BY day, month

-- name: risk
SELECT student, course, level, score, since, reasons, evaluated_at FROM risk WHERE student = $1 ORDER BY course

-- name: risk_change
SELECT student, course, changed_at, from_level, level, score, reasons FROM risk_change WHERE student = $1 ORDER BY id

-- name: alert
SELECT change_id, course, student, level, changed_at, channel, taken_at, attempts, sent_at, error
FROM alert JOIN risk_change ON id = change_id
WHERE student = $1
ORDER BY change_id, channel

-- name: follow_up
SELECT student, course, followed_up_at, who, note FROM follow_up WHERE student = $1 ORDER BY followed_up_at, id

-- name: access_log
SELECT student_id, accessed_at, who, command, course, request_id FROM access_log WHERE student_id = $1 ORDER BY id

-- name: rejected_event
-- Rejected records that contain the id in one of the spellings $3. Those that are about others are sorted out later.
SELECT
    pipeline, arrived_at, rejected_at, reason, detail, payload, redriven_at, dismissed_at, dismissed_because
FROM rejected_event JOIN event_source ON event_source.id = rejected_event.source_id
WHERE $1 <> '' AND EXISTS (
    SELECT FROM unnest($3::text[]) AS spelling WHERE position(convert_to(spelling, 'UTF8') IN payload) > 0
)
ORDER BY rejected_at, source_id, sequence_number, sub_sequence
