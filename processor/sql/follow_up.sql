-- Follow-ups: who talked to which student. visible_course takes the teacher who sees only their own courses, or null.

-- name: add
SELECT add_follow_up($1, $2, $3, $4, $5, $6)

-- name: found
-- Follow-ups of the course $3 and the student $4, or of all, as of $1; the newest first.
SELECT follow_up.id, followed_up_at, who, course, student, person.display_name, note
FROM follow_up
JOIN visible_course($2) AS visible ON visible.id = follow_up.course
LEFT JOIN person ON person.id = follow_up.student
WHERE followed_up_at <= $1
    AND ($3::text IS NULL OR follow_up.course = $3) AND ($4::text IS NULL OR follow_up.student = $4)
ORDER BY followed_up_at DESC, follow_up.id
LIMIT $5 OFFSET $6

-- name: share
-- How many of the episodes that began a week before $1 or earlier were followed up within a week. An episode begins
-- when a student who was at no risk becomes at risk.
SELECT
    count(*) AS flagged,
    count(*) FILTER (
        WHERE EXISTS (
            SELECT FROM follow_up
            WHERE (follow_up.course, follow_up.student) = (began.course, began.student)
                AND followed_up_at >= changed_at AND followed_up_at < changed_at + interval '7 days'
        )
    ) AS followed_up
FROM risk_change AS began
JOIN visible_course($2) AS visible ON visible.id = began.course
WHERE from_level = 'none' AND level <> 'none' AND changed_at <= $1::timestamptz - interval '7 days'
    AND ($3::text IS NULL OR began.course = $3) AND ($4::text IS NULL OR began.student = $4)
