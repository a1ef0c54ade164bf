-- name: found
-- Of the course $1 and the student $2, or of all, with one of the levels $3: the highest score first.
SELECT
    course, student, display_name, score::double precision AS score, level, since, evaluated_at, reasons::text AS reasons
FROM risk LEFT JOIN person ON person.id = student
WHERE ($1::text IS NULL OR course = $1) AND ($2::text IS NULL OR student = $2) AND level = ANY ($3::text[])
ORDER BY risk.score DESC, course, student
LIMIT $4 OFFSET $5
