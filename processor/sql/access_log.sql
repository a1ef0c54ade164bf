-- The access log: who was told about which student or course.

-- name: looked
-- Looks at the student $1 or the course $2, by $3, from $4 until before $5, older than the row $6; the newest first.
SELECT id, accessed_at, who, request_id, command, student_id, course
FROM access_log
WHERE ($1::text IS NULL OR student_id = $1) AND ($2::text IS NULL OR course = $2) AND ($3::text IS NULL OR who = $3)
    AND ($4::timestamptz IS NULL OR accessed_at >= $4) AND ($5::timestamptz IS NULL OR accessed_at < $5)
    AND ($6::bigint IS NULL OR id < $6)
ORDER BY id DESC
LIMIT $7
