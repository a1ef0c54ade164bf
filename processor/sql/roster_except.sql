-- A teacher's exception for one student's assessment.

-- name: unknown
-- Tells what is missing: the assessment $2 of the course $1, or the student $3 in that course.
SELECT
    NOT EXISTS (SELECT FROM assessment WHERE (course, id) = ($1, $2)) AS assessment,
    NOT EXISTS (SELECT FROM enrolment WHERE (course, person, role) = ($1, $3, 'student')) AS student

-- name: before
SELECT due_at, excused FROM assessment_exception WHERE (course, assessment, person) = ($1, $2, $3)

-- name: lift
DELETE FROM assessment_exception WHERE (course, assessment, person) = ($1, $2, $3)

-- name: make
INSERT INTO assessment_exception (course, assessment, person, due_at, excused) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (course, assessment, person) DO UPDATE SET (due_at, excused) = (excluded.due_at, excluded.excused)
