-- The statements of the pipeline student-performance.

-- name: find_stored
-- Which of the deliveries are there already, by their positions: nothing is to be done for them. Each is
-- looked up by itself (LIMIT): a join may be planned as a scan of the table while its statistics are young.
SELECT array_agg(event.position - 1)
FROM unnest($2::text[], $3::integer[], $4::timestamptz[])
    WITH ORDINALITY AS event (sequence_number, sub_sequence, arrived_at, position),
LATERAL (
    SELECT FROM student_performance AS stored
    WHERE (stored.source_id, stored.sequence_number, stored.sub_sequence, stored.arrived_at)
        = ($1, event.sequence_number, event.sub_sequence, event.arrived_at)
    LIMIT 1
) AS stored

-- name: merge_events
INSERT INTO student_performance (
    source_id, sequence_number, sub_sequence, arrived_at,
    event_id, student_id, event_type, score, occurred_at, metadata
)
SELECT
    $1, event.sequence_number, event.sub_sequence, event.arrived_at,
    event.event_id, event.student_id, event.event_type, event.score, event.occurred_at, event.metadata
FROM unnest(
    $2::text[], $3::integer[], $4::timestamptz[],
    $5::uuid[], $6::text[], $7::text[], $8::double precision[], $9::timestamptz[], $10::jsonb[]
) WITH ORDINALITY AS event (
    sequence_number, sub_sequence, arrived_at,
    event_id, student_id, event_type, score, occurred_at, metadata, position
)
LEFT JOIN event_identity AS identity USING (event_id)
WHERE event.event_id IS NULL
    OR (identity.source_id, identity.sequence_number, identity.sub_sequence)
        = ($1, event.sequence_number, event.sub_sequence)
ORDER BY event.position
ON CONFLICT DO NOTHING
RETURNING event_id, student_id, event_type, score, occurred_at, metadata

-- name: convert_events
SELECT $1::integer, count(*)
FROM unnest(
    $2::text[], $3::integer[], $4::timestamptz[],
    $5::uuid[], $6::text[], $7::text[], $8::double precision[], $9::timestamptz[], $10::jsonb[]
) AS event

-- name: count_conflicts
-- An event_id that came again from another delivery, with other content. An event without a time of its own
-- takes that of its arrival, which differs between the two and is not content.
SELECT count(*)
FROM unnest(
    $2::text[], $3::integer[], $4::timestamptz[],
    $5::uuid[], $6::text[], $7::text[], $8::double precision[], $9::timestamptz[], $10::jsonb[]
) AS event (
    sequence_number, sub_sequence, arrived_at,
    event_id, student_id, event_type, score, occurred_at, metadata
)
JOIN event_identity AS identity USING (event_id)
JOIN student_performance AS stored
    ON stored.source_id = identity.source_id
    AND stored.sequence_number = identity.sequence_number
    AND stored.sub_sequence = identity.sub_sequence
WHERE (identity.source_id, identity.sequence_number, identity.sub_sequence)
        <> ($1, event.sequence_number, event.sub_sequence)
    AND (
        (stored.student_id, stored.event_type, stored.score, stored.metadata)
            IS DISTINCT FROM (event.student_id, event.event_type, event.score, event.metadata)
        OR (
            stored.occurred_at <> event.occurred_at
            AND (stored.occurred_at <> stored.arrived_at OR event.occurred_at <> event.arrived_at)
        )
    )

-- name: count_stored
SELECT count(*) FROM student_performance

-- name: figures
-- The lag is from the event's arrival in Kinesis to the start of the transaction that stored it.
SELECT
    (SELECT min(arrived_at) FROM student_performance) AS first_arrived_at,
    (SELECT max(arrived_at) FROM student_performance) AS last_arrived_at,
    (SELECT max(stored_at) FROM student_performance) AS last_stored_at,
    count(*) AS stored_last_hour,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY lag_ms) AS lag_p50,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY lag_ms) AS lag_p99
FROM student_performance, LATERAL (
    SELECT (extract(epoch FROM stored_at - arrived_at) * 1000)::double precision AS lag_ms
) AS lag
WHERE stored_at > now() - interval '1 hour'

-- name: report_students
SELECT
    student_id, count(*) AS events, avg(score) AS mean_score, max(occurred_at) AS last_activity
FROM student_performance
WHERE ($1::text IS NULL OR student_id = $1)
    AND ($2::text IS NULL OR event_type = $2)
    AND ($3::text IS NULL OR metadata->>'course' = $3)
    AND ($4::timestamptz IS NULL OR stored_at >= $4)
GROUP BY student_id
ORDER BY events DESC, student_id
LIMIT $5

-- name: report_courses
SELECT
    metadata->>'course' AS course, count(*) AS events, count(DISTINCT student_id) AS students,
    avg(score) AS mean_score, max(occurred_at) AS last_activity
FROM student_performance
WHERE ($1::text IS NULL OR student_id = $1)
    AND ($2::text IS NULL OR event_type = $2)
    AND ($3::text IS NULL OR metadata->>'course' = $3)
    AND ($4::timestamptz IS NULL OR stored_at >= $4)
GROUP BY 1
ORDER BY events DESC, course
LIMIT $5

-- name: report_types
SELECT
    event_type, count(*) AS events, count(score) AS scored, avg(score) AS mean_score,
    max(occurred_at) AS last_activity
FROM student_performance
WHERE ($1::text IS NULL OR student_id = $1)
    AND ($2::text IS NULL OR event_type = $2)
    AND ($3::text IS NULL OR metadata->>'course' = $3)
    AND ($4::timestamptz IS NULL OR stored_at >= $4)
GROUP BY event_type
ORDER BY events DESC, event_type
LIMIT $5

-- name: report_days
SELECT
    (occurred_at AT TIME ZONE 'UTC')::date AS day, count(*) AS events, count(DISTINCT student_id) AS students,
    avg(score) AS mean_score
FROM student_performance
WHERE ($1::text IS NULL OR student_id = $1)
    AND ($2::text IS NULL OR event_type = $2)
    AND ($3::text IS NULL OR metadata->>'course' = $3)
    AND ($4::timestamptz IS NULL OR stored_at >= $4)
GROUP BY 1
ORDER BY day DESC
LIMIT $5

-- name: report_student
SELECT occurred_at, event_type, score, metadata
FROM student_performance
WHERE student_id = $1::text
    AND ($2::text IS NULL OR event_type = $2)
    AND ($3::text IS NULL OR metadata->>'course' = $3)
    AND ($4::timestamptz IS NULL OR stored_at >= $4)
ORDER BY occurred_at DESC
LIMIT $5

-- name: report_tail
-- The newest first: whoever follows reads on from a little before the last stored_at seen, since
-- transactions commit in another order than they start, and knows a row again by its delivery.
SELECT
    stored_at, occurred_at, student_id, event_type, score, metadata,
    shard_id, sequence_number, sub_sequence
FROM student_performance JOIN event_source ON event_source.id = source_id
WHERE ($1::text IS NULL OR student_id = $1)
    AND ($2::text IS NULL OR event_type = $2)
    AND ($3::text IS NULL OR metadata->>'course' = $3)
    AND ($4::timestamptz IS NULL OR stored_at >= $4)
ORDER BY stored_at DESC, sequence_number DESC, sub_sequence DESC
LIMIT $5

-- name: student_activity_fold
-- In the order of the key: two that fold at once cannot wait for each other in a circle. What one has taken, the
-- other does not get.
WITH taken AS (
    DELETE FROM student_activity_delta
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM student_activity_delta LIMIT $1))
    RETURNING student_id, occurred_at, score
), folded AS (
    INSERT INTO student_activity_day AS stored
        (student_id, day, events, scored, score_sum, score_squares, first_at, last_at)
    SELECT
        event.student_id, (event.occurred_at AT TIME ZONE 'UTC')::date AS day, count(*), count(event.score),
        coalesce(sum(event.score::numeric), 0), coalesce(sum(event.score::numeric * event.score::numeric), 0),
        min(event.occurred_at), max(event.occurred_at)
    FROM taken,
        unnest(taken.student_id, taken.occurred_at, taken.score) AS event (student_id, occurred_at, score)
    GROUP BY event.student_id, day
    ORDER BY event.student_id, day
    ON CONFLICT (student_id, day) DO UPDATE SET
        events = stored.events + excluded.events,
        scored = stored.scored + excluded.scored,
        score_sum = stored.score_sum + excluded.score_sum,
        score_squares = stored.score_squares + excluded.score_squares,
        first_at = least(stored.first_at, excluded.first_at),
        last_at = greatest(stored.last_at, excluded.last_at)
)
SELECT count(*) FROM taken

-- name: student_activity_slice
-- The student with whom the slice after $1 ends, when it is to hold about $2 events; none: it is the last.
SELECT student_id FROM student_performance
WHERE student_id > coalesce($1::text, '')
ORDER BY student_id OFFSET $2 LIMIT 1

-- name: student_activity_clear
DELETE FROM student_activity_day
WHERE student_id > coalesce($1::text, '') AND ($2::text IS NULL OR student_id <= $2)

-- name: student_activity_fill
INSERT INTO student_activity_day (student_id, day, events, scored, score_sum, score_squares, first_at, last_at)
SELECT
    student_id, (occurred_at AT TIME ZONE 'UTC')::date AS day, count(*), count(score),
    coalesce(sum(score::numeric), 0), coalesce(sum(score::numeric * score::numeric), 0),
    min(occurred_at), max(occurred_at)
FROM student_performance
WHERE student_id > coalesce($1::text, '') AND ($2::text IS NULL OR student_id <= $2)
GROUP BY student_id, day
