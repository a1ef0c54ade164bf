-- name: flagged
-- When each student who was ever at risk was first at elevated risk or worse, and at high risk, and when the course
-- ends. The list goes on after the course $1 and the student $2.
SELECT
    change.course, student,
    min(changed_at) AS elevated_at,
    min(changed_at) FILTER (WHERE level = 'high') AS high_at,
    course.ends::timestamp AT TIME ZONE course.time_zone AS ends_at
FROM risk_change AS change LEFT JOIN course ON course.id = change.course
WHERE level <> 'none' AND (change.course, student) > ($1, $2)
GROUP BY change.course, student, course.ends, course.time_zone
ORDER BY change.course, student
LIMIT $3
