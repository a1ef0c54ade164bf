-- A university's term: 100 courses with 20 pieces of work each, 20,000 students in five courses each, and their events.

-- name: roster
INSERT INTO course (id, title, time_zone, begins, ends)
SELECT 'COURSE-' || n, 'Course ' || n, 'Europe/Berlin', '2026-08-01', '2026-12-15' FROM generate_series(0, 99) AS n;

INSERT INTO assessment (course, id, title, due_at, max_score)
SELECT 'COURSE-' || n, 'A' || k, 'Assignment ' || k, timestamptz '2026-08-03' + k * interval '5 days', 50
FROM generate_series(0, 99) AS n, generate_series(0, 19) AS k;

INSERT INTO enrolment (course, person, role)
SELECT 'COURSE-' || (s + 7 * k) % 100, 'student-' || s, 'student'
FROM generate_series(0, 19999) AS s, generate_series(0, 4) AS k
UNION ALL
SELECT 'COURSE-' || n, 'teacher-' || n, 'teacher' FROM generate_series(0, 99) AS n;

INSERT INTO person (id, display_name)
SELECT 'student-' || s, 'Name ' || s || ' Surname' FROM generate_series(0, 19999) AS s;

INSERT INTO event_source (id, stream_arn, shard_id, pipeline)
OVERRIDING SYSTEM VALUE SELECT 900 + n, 'arn:bench', 'shardId-' || n, 'student-performance' FROM generate_series(0, 3) AS n;

SELECT make_month('student_performance', month::date)
FROM generate_series(timestamptz '2026-08-01', timestamptz '2026-11-01', interval '1 month') AS month

-- name: fill
INSERT INTO student_performance (
    source_id, sequence_number, sub_sequence, student_id, event_type, score, occurred_at, arrived_at, stored_at, metadata
)
SELECT
    900 + n % 4,
    '4959033827149025660855969253836157109' || lpad(n::text, 19, '0'),
    0,
    'student-' || s,
    CASE WHEN k < 4 THEN 'submission' WHEN k < 8 THEN 'quiz_score' WHEN k < 12 THEN 'attendance' ELSE 'login' END,
    CASE WHEN k < 8 THEN round((random() * 50)::numeric, 1)::double precision END,
    arrived_at, arrived_at, arrived_at + interval '1 second',
    CASE
        WHEN k < 8 THEN jsonb_build_object('course', course, 'assessment', 'A' || (random() * 19)::integer)
        WHEN k < 12 THEN jsonb_build_object(
            'course', course, 'status', CASE WHEN random() < 0.93 THEN 'present' ELSE 'absent' END
        )
        ELSE jsonb_build_object('course', course)
    END
FROM (
    SELECT
        n, s, k, 'COURSE-' || (s + 7 * (random() * 4)::integer) % 100 AS course,
        timestamptz '2026-08-01' + (n::double precision / $3) * interval '112 days' AS arrived_at
    FROM (
        SELECT n, (random() * 19999)::integer AS s, (random() * 19)::integer AS k
        FROM generate_series($1::bigint, $2::bigint - 1) AS n
    ) AS thrown
) AS made

-- name: settle
VACUUM ANALYZE
