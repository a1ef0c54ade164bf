-- Events as if the system had run for a year: 12 months and four shards. Every second event has an event_id.

-- name: fill
INSERT INTO student_performance (
    source_id, sequence_number, sub_sequence, event_id, student_id, event_type, score,
    occurred_at, arrived_at, stored_at, metadata
)
SELECT
    101 + n % 4,
    '4959033827149025660855969253836157109' || lpad(n::text, 19, '0'),
    0,
    CASE WHEN n % 2 = 0 THEN uuidv7(arrived_at - now()) END,
    'student-' || lpad((random() * $4)::integer::text, 6, '0'),
    (ARRAY['login', 'attendance', 'quiz_score', 'submission'])[1 + (random() * 3)::integer],
    CASE WHEN random() < 0.35 THEN round((random() * 100)::numeric, 1)::double precision END,
    arrived_at - random() * interval '2 minutes',
    arrived_at,
    arrived_at + interval '1 second',
    jsonb_build_object('course', 'MATH-' || 100 + (random() * 8)::integer, 'device', 'laptop', 'quiz', 'Q' || n % 12)
FROM (
    SELECT n, timestamptz '2025-12-01' + (n::double precision / $3) * interval '354 days' AS arrived_at
    FROM generate_series($1::bigint, $2::bigint - 1) AS n
) AS made

-- name: fill_identities
INSERT INTO event_identity (event_id, source_id, sequence_number, sub_sequence)
SELECT event_id, source_id, sequence_number, sub_sequence
FROM student_performance
WHERE event_id IS NOT NULL AND source_id = ANY (ARRAY[101, 102, 103, 104])
ORDER BY event_id

-- name: months
SELECT make_month('student_performance', month::date)
FROM generate_series(timestamptz '2025-12-01', timestamptz '2026-11-01', interval '1 month') AS month

-- name: size
SELECT
    sum(pg_total_relation_size(inhrelid))::bigint AS events_bytes,
    pg_total_relation_size('event_identity') AS identities_bytes
FROM pg_inherits WHERE inhparent = 'student_performance'::regclass
