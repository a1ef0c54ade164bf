-- Student performance events, and what each student did on a day.

CREATE TABLE student_performance (
    LIKE event_log INCLUDING ALL,
    student_id text NOT NULL,
    event_type text NOT NULL,
    score double precision,
    metadata jsonb NOT NULL
) PARTITION BY RANGE (arrived_at);

CREATE INDEX ON student_performance (student_id, occurred_at);

-- By the month of arrival, so that a month can be made again, or outlive its events. Sums are numeric: exact, so that
-- no order of the events changes them.
CREATE TABLE student_activity (
    student_id text NOT NULL,
    day date NOT NULL,
    month date NOT NULL,
    events bigint NOT NULL,
    scored bigint NOT NULL,
    score_sum numeric NOT NULL,
    score_squares numeric NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (student_id, day, month)
) WITH (fillfactor = 70); -- rows are updated: room for it in each page
