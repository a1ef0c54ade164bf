-- name: found
-- Risks in the course $1 and of the student $2, or all, with one of the levels $3, in the courses that the teacher $6
-- may see; the highest score first.
SELECT
    course, student, display_name, score::double precision AS score, level, since, evaluated_at, reasons::text AS reasons
FROM risk LEFT JOIN person ON person.id = student
WHERE ($1::text IS NULL OR course = $1) AND ($2::text IS NULL OR student = $2) AND level = ANY ($3::text[])
    AND ($6::text IS NULL OR course IN (SELECT id FROM visible_course($6)))
ORDER BY risk.score DESC, course, student
LIMIT $4 OFFSET $5

-- name: changes
-- Every change of a level, the newest first. The filters are the same as above.
SELECT
    risk_change.id, course, student, display_name, from_level, level, score::double precision AS score, changed_at,
    reasons::text AS reasons
FROM risk_change LEFT JOIN person ON person.id = student
WHERE ($1::text IS NULL OR course = $1) AND ($2::text IS NULL OR student = $2)
    AND ($3::bigint IS NULL OR risk_change.id < $3)
    AND ($5::text IS NULL OR course IN (SELECT id FROM visible_course($5)))
ORDER BY risk_change.id DESC
LIMIT $4
