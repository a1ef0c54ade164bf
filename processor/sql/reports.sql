-- The reports that every pipeline has, as far as it has the columns. Blanks: the event log {log}, the event's {own}
-- columns, and {filtered}: that each filter which is given is met. The others are parameters: {since} and {until}, when
-- events happened; {stored_since}; {limit}; every filter's name. Each puts all its rows in order, so that pages fit.

-- name: report_tail
-- The newest first: whoever follows reads on from a little before the last stored_at seen, since
-- transactions commit in another order than they start, and knows a row again by its delivery.
SELECT
    stored_at, occurred_at, {own},
    (SELECT shard_id FROM event_source WHERE id = source_id) AS shard_id, sequence_number, sub_sequence
FROM {log}
WHERE {filtered}
ORDER BY stored_at DESC, sequence_number DESC, sub_sequence DESC, source_id
LIMIT {limit}

-- name: report_days
SELECT (occurred_at AT TIME ZONE 'UTC')::date AS day, count(*) AS events
FROM {log}
WHERE {filtered}
GROUP BY 1
ORDER BY day DESC
LIMIT {limit}

-- name: report_types
SELECT event_type, count(*) AS events, max(occurred_at) AS last_activity
FROM {log}
WHERE {filtered}
GROUP BY event_type
ORDER BY events DESC, event_type
LIMIT {limit}

-- name: report_student
SELECT occurred_at, {own}
FROM {log}
WHERE student_id = {student_id} AND {filtered}
ORDER BY occurred_at DESC, sequence_number DESC, sub_sequence DESC, source_id
LIMIT {limit}
