-- Telling people that somebody's risk has risen. Nothing here reads the clock: the caller passes the time.

-- name: lock
-- Until the transaction ends, nobody else can put changes into messages or take messages.
SELECT pg_advisory_xact_lock(hashtext('alerts'))

-- name: untold
-- Changes to a higher level in the day before $1 that are not in a message for the channel $2 yet. Only the first
-- change to a level in an episode counts, and only in courses that were not muted. rises is how many such changes there
-- were in the course within a minute.
WITH rise AS (
    SELECT
        id, course, student, level, changed_at,
        count(*) OVER (
            PARTITION BY course ORDER BY changed_at
            RANGE BETWEEN interval '1 minute' PRECEDING AND interval '1 minute' FOLLOWING
        ) AS rises
    FROM risk_change
    WHERE changed_at > $1::timestamptz - interval '1 day' AND changed_at <= $1
        AND array_position(ARRAY['none', 'elevated', 'high'], level)
            > array_position(ARRAY['none', 'elevated', 'high'], from_level)
)
SELECT
    rise.id, rise.course, rise.student, rise.level, began.changed_at AS began_at,
    rise.changed_at = (SELECT min(changed_at) FROM risk_change WHERE course = rise.course) AS is_first,
    rise.rises,
    EXISTS (
        SELECT FROM alert JOIN risk_change AS told ON told.id = alert.change_id
        WHERE told.course = rise.course AND channel = $2 AND taken_at > $1::timestamptz - interval '1 minute'
        GROUP BY message HAVING count(*) > 1
    ) AS had_digest
FROM rise
CROSS JOIN LATERAL (
    SELECT id, changed_at FROM risk_change
    WHERE (student, course) = (rise.student, rise.course) AND id <= rise.id AND from_level = 'none'
    ORDER BY id DESC LIMIT 1
) AS began
WHERE NOT EXISTS (SELECT FROM alert WHERE alert.change_id = rise.id AND channel = $2)
    AND NOT EXISTS (
        SELECT FROM risk_change AS before
        WHERE (before.student, before.course, before.level) = (rise.student, rise.course, rise.level)
            AND before.id >= began.id AND before.id < rise.id
    )
    AND NOT EXISTS (
        SELECT FROM alert_mute
        WHERE alert_mute.course = rise.course
            AND rise.changed_at >= muted_from AND rise.changed_at < muted_until
    )
ORDER BY rise.course, rise.id

-- name: note
INSERT INTO alert (change_id, channel, message, taken_at)
SELECT change_id, $1, message, $2
FROM unnest($3::bigint[], $4::uuid[]) AS noted (change_id, message)

-- name: lease
-- Takes up to $3 messages of the channel $1 that are not sent, given up or being sent at the time $2. A message may be
-- taken again when its lease has ended, and is given up after $4 attempts.
WITH due AS (
    SELECT message FROM alert
    WHERE channel = $1 AND sent_at IS NULL AND attempts < $4 AND (leased_until IS NULL OR leased_until <= $2)
    GROUP BY message
    ORDER BY min(change_id)
    LIMIT $3
)
UPDATE alert SET attempts = attempts + 1, leased_until = $2::timestamptz + interval '90 seconds'
WHERE message IN (SELECT message FROM due)

-- name: leased
-- The contents of the messages that were leased at $2: each has the changes with the highest levels and scores.
SELECT
    message, channel, total, change_id, course, coalesce(nullif(course_title, ''), course) AS title, student,
    display_name, level, score, reasons, changed_at
FROM (
    SELECT
        alert.message, alert.channel, alert.change_id, risk_change.course, course.title AS course_title, student,
        display_name, level, score::double precision AS score, reasons::text AS reasons, changed_at,
        count(*) OVER (PARTITION BY message) AS total,
        min(change_id) OVER (PARTITION BY message) AS oldest,
        row_number() OVER (
            PARTITION BY message ORDER BY array_position(ARRAY['high', 'elevated'], level), score DESC, student
        ) AS place
    FROM alert
    JOIN risk_change ON risk_change.id = change_id
    LEFT JOIN course ON course.id = risk_change.course
    LEFT JOIN person ON person.id = student
    WHERE channel = $1 AND sent_at IS NULL AND leased_until = $2::timestamptz + interval '90 seconds'
) AS told
WHERE place <= $3
ORDER BY oldest, message, place

-- name: sent
UPDATE alert SET sent_at = $2, error = NULL WHERE message = $1 AND sent_at IS NULL

-- name: failed
-- The next attempt follows after 10 s, and the pause doubles each time, up to an hour.
UPDATE alert
SET error = $3, leased_until = $2::timestamptz + least(10 * 2 ^ (attempts - 1), 3600) * interval '1 second'
WHERE message = $1 AND sent_at IS NULL

-- name: listed
-- The alerts of the course $1 or of all courses, the newest first.
SELECT
    message AS alert_id, channel, course, count(*) AS changes, min(student) AS student,
    (array_agg(level ORDER BY array_position(ARRAY['high', 'elevated'], level)))[1] AS level,
    min(changed_at) AS changed_at, min(sent_at) AS sent_at, max(attempts) AS attempts, min(error) AS error,
    min(sent_at) IS NULL AND max(attempts) >= $2 AND max(leased_until) <= $3 AS given_up
FROM alert JOIN risk_change ON risk_change.id = change_id
WHERE $1::text IS NULL OR course = $1
GROUP BY message, channel, course
ORDER BY min(change_id) DESC, channel
LIMIT $4 OFFSET $5

-- name: totals
SELECT
    count(DISTINCT message) FILTER (WHERE attempts < $1 OR leased_until > $2) AS waiting,
    count(DISTINCT message) FILTER (WHERE attempts >= $1 AND leased_until <= $2) AS given_up
FROM alert
WHERE sent_at IS NULL

-- name: muted
SELECT course FROM alert_mute WHERE muted_until > $1 ORDER BY course

-- name: mute
INSERT INTO alert_mute (course, muted_from)
SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM alert_mute WHERE course = $1 AND muted_until > $2)

-- name: unmute
UPDATE alert_mute SET muted_until = $2 WHERE course = $1 AND muted_until > $2
