-- Courses in which risk is evaluated.

-- name: large_course
INSERT INTO course (id, title, time_zone, begins, ends) VALUES ('LARGE', 'Large', 'Europe/Berlin', '2026-08-01', '2026-12-15');

INSERT INTO assessment (course, id, title, due_at, max_score)
SELECT 'LARGE', 'A' || k, 'Assignment ' || k, timestamptz '2026-08-03' + k * interval '5 days', 50
FROM generate_series(0, 19) AS k;

INSERT INTO enrolment (course, person, role) SELECT 'LARGE', 'student-' || s, 'student' FROM generate_series(0, 1999) AS s;

INSERT INTO student_assessment (course, assessment, student_id, month, handed_in_at, occurred_at, score)
SELECT 'LARGE', 'A' || k, 'student-' || s, '2026-08-01', due_at, due_at, random() * 50
FROM generate_series(0, 19) AS k, generate_series(0, 1999) AS s,
    LATERAL (SELECT timestamptz '2026-08-02' + k * interval '5 days' AS due_at) AS handed_in
WHERE random() < 0.9;

INSERT INTO student_course (
    course, student_id, month, events, scored, score_sum, present, late, absent, excused, first_at, last_at
)
SELECT 'LARGE', 'student-' || s, month::date, 30, 10, 250, 8, 1, 1, 0, month, month + random() * interval '20 days'
FROM generate_series(0, 1999) AS s, generate_series(timestamptz '2026-08-01', timestamptz '2026-11-01', interval '1 month') AS month

-- name: settle
VACUUM ANALYZE

-- name: touch
UPDATE course SET revision = revision + 1 WHERE id = $1

-- name: forget
TRUNCATE risk, alert, risk_change, risk_evaluation, course_summary
