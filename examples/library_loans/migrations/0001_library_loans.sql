-- What happened at the lending desk, and how often each book was borrowed.

CREATE TABLE library_loans (
    LIKE event_log INCLUDING ALL,
    student_id text NOT NULL,
    barcode text NOT NULL,
    action text NOT NULL,
    due_at timestamptz
) PARTITION BY RANGE (arrived_at);

CREATE INDEX ON library_loans (student_id, occurred_at);

CREATE TABLE book_loans (
    barcode text NOT NULL,
    month date NOT NULL,
    loans bigint NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (barcode, month)
);
