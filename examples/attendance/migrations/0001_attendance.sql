-- Check-ins, and how many there were in each session.

CREATE TABLE attendance (
    LIKE event_log INCLUDING ALL,
    session_id text NOT NULL,
    student_id text NOT NULL,
    status text NOT NULL
) PARTITION BY RANGE (arrived_at);

CREATE INDEX ON attendance (session_id, occurred_at);

CREATE TABLE session_attendance (
    session_id text NOT NULL,
    month date NOT NULL,
    check_ins bigint NOT NULL,
    late bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (session_id, month)
) WITH (fillfactor = 70);
