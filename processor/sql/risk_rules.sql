-- Showing and setting weights and thresholds.

-- name: rules
-- The rules that hold in the course $1: its own, and the general ones otherwise. Without a course, the general rules.
SELECT DISTINCT ON (name) name, value::double precision AS value, course
FROM risk_rule
WHERE course = $1 OR course IS NULL
ORDER BY name, course

-- name: is_course
SELECT EXISTS (SELECT FROM course WHERE id = $1)

-- name: courses_with_rules
SELECT DISTINCT course FROM risk_rule WHERE course IS NOT NULL ORDER BY course

-- name: set
INSERT INTO risk_rule (course, name, value) VALUES ($1, $2, $3)
ON CONFLICT (course, name) DO UPDATE SET value = excluded.value

-- name: reset
DELETE FROM risk_rule WHERE course = $1 AND name = $2

-- name: count_courses
-- How many courses follow the rule $2 of the course $1, or the general one.
SELECT count(*) FROM course
WHERE coalesce(
    course.id = $1,
    NOT EXISTS (SELECT FROM risk_rule WHERE (risk_rule.course, risk_rule.name) = (course.id, $2))
)
