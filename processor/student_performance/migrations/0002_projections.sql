-- What reports, risk and pages read, in the place of student_activity, which nothing reads or keeps up any more.
-- Each key holds the month of arrival; whoever reads combines the months. The course '' stands for events that name
-- none, or nothing that can be a course's id.

-- A student's result of an assessment: handed in first, and the latest score, as it was given. per cent is for readers
-- to make, since the assessment's maximum may change: max_score is the event's own, if it has one. The columns from
-- occurred_at to sub_sequence are of the event with this score; without one, they are null.
CREATE TABLE student_assessment (
    course text NOT NULL,
    assessment text NOT NULL,
    student_id text NOT NULL,
    month date NOT NULL,
    handed_in_at timestamptz NOT NULL,
    occurred_at timestamptz,
    source_id integer,
    sequence_number text COLLATE "C",
    sub_sequence integer,
    score double precision,
    max_score double precision,
    PRIMARY KEY (course, assessment, student_id, month)
) WITH (fillfactor = 70); -- rows are updated: room for it in each page

CREATE INDEX ON student_assessment (student_id);

-- The same with the months combined.
CREATE VIEW assessment_result AS
SELECT DISTINCT ON (course, assessment, student_id)
    course, assessment, student_id,
    min(handed_in_at) OVER (PARTITION BY course, assessment, student_id) AS handed_in_at,
    occurred_at AS scored_at, score, max_score
FROM student_assessment
ORDER BY
    course, assessment, student_id,
    score IS NULL, occurred_at DESC, source_id DESC, sequence_number DESC, sub_sequence DESC;

-- What a student did in a course. Sums are numeric: exact, so that no order of the events changes them.
CREATE TABLE student_course (
    course text NOT NULL,
    student_id text NOT NULL,
    month date NOT NULL,
    events bigint NOT NULL,
    scored bigint NOT NULL,
    score_sum numeric NOT NULL,
    present bigint NOT NULL,
    late bigint NOT NULL,
    absent bigint NOT NULL,
    excused bigint NOT NULL,
    first_at timestamptz NOT NULL,
    first_absent_at timestamptz,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (course, student_id, month)
) WITH (fillfactor = 70);

CREATE INDEX ON student_course (student_id);

-- What happened in a course on a day (UTC), by type.
CREATE TABLE course_day (
    course text NOT NULL,
    day date NOT NULL,
    event_type text NOT NULL,
    month date NOT NULL,
    events bigint NOT NULL,
    scored bigint NOT NULL,
    score_sum numeric NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (course, day, event_type, month)
) WITH (fillfactor = 70);

-- How much happened in a course in an hour. Real hours, not those of a week: whoever reads turns them into weekday and
-- hour of the course's time zone, right before and after a change of the clocks.
CREATE TABLE course_hour (
    course text NOT NULL,
    hour timestamptz NOT NULL,
    month date NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (course, hour, month)
) WITH (fillfactor = 70);

-- What is stored already waits to be compacted anew, as if it had just come. A chunk is what one transaction stored of
-- a source. What waits anyway stays as it is.
INSERT INTO chunk (log, source_id, first, last, arrived_from, arrived_until, stored_at)
SELECT
    'student_performance', source_id, min(sequence_number), max(sequence_number), min(arrived_at), max(arrived_at), stored_at
FROM student_performance
GROUP BY source_id, stored_at
ON CONFLICT DO NOTHING;
