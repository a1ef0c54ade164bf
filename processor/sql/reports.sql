-- The reports that a pipeline has if it has their columns. {log} is the event log, {own} are the event's columns, and
-- {filtered} is true when a row meets every filter that was given. The other blanks are parameters: {since} and {until}
-- for when events happened, {stored_since}, {limit}, and the name of every filter. Each report sorts all its rows, so
-- that pages fit.

-- name: report_tail
-- The newest come first. A follower reads on from a little before the last stored_at that it saw, because transactions
-- do not commit in the order in which they start. It recognises rows by their delivery.
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
