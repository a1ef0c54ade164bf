-- name: lag
-- From the record's arrival in the stream to the start of the transaction that stored it.
SELECT
    count(*) AS stored,
    extract(epoch FROM max(stored_at) - min(arrived_at))::double precision AS seconds,
    percentile_cont(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (
        ORDER BY (extract(epoch FROM stored_at - arrived_at) * 1000)::double precision
    ) AS lag
FROM student_performance WHERE event_type = $1
