-- Check-ins, and how many there were in each session.

CREATE TABLE attendance (
    source_id integer NOT NULL,
    sequence_number text COLLATE "C" NOT NULL,
    sub_sequence integer NOT NULL,
    arrived_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now(),
    event_id uuid,
    session_id text NOT NULL,
    student_id text NOT NULL,
    status text NOT NULL,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (source_id, sequence_number, sub_sequence, arrived_at)
) PARTITION BY RANGE (arrived_at);

CREATE INDEX attendance_session_id_occurred_at_idx ON attendance (session_id, occurred_at);
CREATE INDEX attendance_stored_at_idx ON attendance USING brin (stored_at) WITH (autosummarize);

CREATE TABLE session_attendance (
    session_id text NOT NULL,
    month date NOT NULL,
    check_ins bigint NOT NULL,
    late bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (session_id, month)
) WITH (fillfactor = 70);

INSERT INTO pipeline_table (name, kind) VALUES ('attendance', 'event log'), ('session_attendance', 'immediate');
