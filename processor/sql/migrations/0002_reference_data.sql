-- The roster: what events refer to by their student_id, metadata.course and metadata.assessment. A school imports it;
-- events neither need nor change it. The processor has no rights on any of these tables.

-- A day begins and ends in the course's time zone. It runs from begins until the day before ends; without a date, it
-- is open on that side. Unknown time zones fail the check with PostgreSQL's own error.
CREATE TABLE course (
    id text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 200),
    title text NOT NULL,
    time_zone text NOT NULL CHECK (timestamp '2026-01-01' AT TIME ZONE time_zone IS NOT NULL),
    begins date,
    ends date,
    CHECK (ends >= begins)
);

-- What students hand in or sit in a course. Without due_at, or where it does not count (an exam, practice), it is
-- never due. Without max_score, an event's own metadata.max_score holds, otherwise 100.
CREATE TABLE assessment (
    course text NOT NULL REFERENCES course,
    id text NOT NULL CHECK (length(id) BETWEEN 1 AND 200),
    title text NOT NULL,
    due_at timestamptz,
    max_score double precision CHECK (max_score > 0 AND max_score < 'Infinity'),
    counts boolean NOT NULL DEFAULT true,
    PRIMARY KEY (course, id)
);

-- Who takes or teaches a course, from begins until the day before ends. A student's person is the student_id of
-- events. Nobody is deleted from here: who leaves gets an end.
CREATE TABLE enrolment (
    course text NOT NULL REFERENCES course,
    person text NOT NULL CHECK (length(person) BETWEEN 1 AND 200),
    role text NOT NULL CHECK (role IN ('student', 'teacher')),
    begins date,
    ends date,
    PRIMARY KEY (course, person, role),
    CHECK (ends >= begins)
);

-- A student's courses, and whose a teacher's are. The primary key finds a course's people.
CREATE INDEX enrolment_person_course_idx ON enrolment (person, course);

-- The only place with names, and optional: whoever is enrolled need not be here.
CREATE TABLE person (
    id text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 200),
    display_name text NOT NULL
);

-- What a client has sent of an import that is not applied yet: an invocation's payload ends at 6 MB, and an import is
-- applied whole. ``rows``: by table, objects with the table's columns.
CREATE TABLE roster_chunk (
    import uuid NOT NULL,
    number integer NOT NULL,
    rows jsonb NOT NULL,
    staged_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (import, number)
);
