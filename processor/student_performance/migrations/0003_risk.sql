-- Who is at risk in which course, and why (docs/risk.md).

-- Counts the changes of what a school says about a course: its row, assessments, enrolments, exceptions and rules.
ALTER TABLE course ADD COLUMN revision bigint NOT NULL DEFAULT 0;

-- A teacher's word about one student's assessment: excused, or due on another day.
CREATE TABLE assessment_exception (
    course text NOT NULL,
    assessment text NOT NULL,
    person text NOT NULL CHECK (length(person) BETWEEN 1 AND 200),
    due_at timestamptz,
    excused boolean NOT NULL DEFAULT false,
    PRIMARY KEY (course, assessment, person),
    FOREIGN KEY (course, assessment) REFERENCES assessment,
    CHECK (excused OR due_at IS NOT NULL)
);

-- Weights and thresholds. Those without a course hold in every course that has none of that name itself.
CREATE TABLE risk_rule (
    course text REFERENCES course,
    name text NOT NULL CHECK (name IN (
        'missing_weight', 'missing_grace_hours', 'rank_weight', 'rank_fewest_scores', 'never_weight',
        'absent_fewest_lessons', 'absent_some_share', 'absent_some_weight', 'absent_often_share', 'absent_often_weight',
        'silent_days', 'silent_course_share', 'silent_weight', 'reason_at', 'elevated_at', 'high_at', 'left_below'
    )),
    value numeric NOT NULL CHECK (value BETWEEN 0 AND CASE WHEN name LIKE '%\_weight' THEN 10 ELSE 1000 END),
    UNIQUE NULLS NOT DISTINCT (course, name)
);

INSERT INTO risk_rule (name, value) VALUES
    ('missing_weight', 2),
    ('missing_grace_hours', 24),
    ('rank_weight', 1),
    ('rank_fewest_scores', 5),
    ('never_weight', 1),
    ('absent_fewest_lessons', 5),
    ('absent_some_share', 0.05),
    ('absent_some_weight', 0.25),
    ('absent_often_share', 0.10),
    ('absent_often_weight', 0.5),
    ('silent_days', 7),
    ('silent_course_share', 0.5),
    ('silent_weight', 0),
    ('reason_at', 0.25),
    ('elevated_at', 0.9),
    ('high_at', 1.7),
    ('left_below', 0.2);

-- The students who are enrolled, as they were last found. A row is written when anything in it changes. reasons: an
-- array of objects with rule, adds, numbers and sentence, the largest first. since: when the level was entered.
CREATE TABLE risk (
    course text NOT NULL,
    student text NOT NULL,
    score numeric(4, 2) NOT NULL,
    level text NOT NULL CHECK (level IN ('none', 'elevated', 'high')),
    reasons jsonb NOT NULL,
    since timestamptz NOT NULL,
    evaluated_at timestamptz NOT NULL,
    PRIMARY KEY (course, student)
);

CREATE INDEX ON risk (student);

-- Every change of a level, for good. Whoever is no longer enrolled goes to none, without a score.
CREATE TABLE risk_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    course text NOT NULL,
    student text NOT NULL,
    from_level text NOT NULL,
    level text NOT NULL,
    score numeric(4, 2),
    reasons jsonb NOT NULL,
    changed_at timestamptz NOT NULL
);

CREATE INDEX ON risk_change (student, course, changed_at);

-- How far each course was evaluated: at which time, and at which state of roster and events.
CREATE TABLE risk_evaluation (
    course text PRIMARY KEY,
    revision bigint NOT NULL,
    evaluated_at timestamptz NOT NULL
);

-- What an evaluation depends on, as one number that changes whenever roster, rules or the course's events do.
CREATE VIEW course_revision AS
SELECT course.id AS course, course.revision + coalesce(sum(course_day.events), 0)::bigint AS revision
FROM course LEFT JOIN course_day ON course_day.course = course.id
GROUP BY course.id;

CREATE FUNCTION raise_own_revision() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END $$;

CREATE TRIGGER raise_revision BEFORE UPDATE OF title, time_zone, begins, ends ON course
FOR EACH ROW EXECUTE FUNCTION raise_own_revision();

CREATE FUNCTION raise_revision() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE course SET revision = revision + 1
    WHERE id IN (SELECT course FROM changed) OR EXISTS (SELECT FROM changed WHERE course IS NULL);
    RETURN NULL;
END $$;

CREATE TRIGGER raise_revision_on_insert AFTER INSERT ON assessment
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_update AFTER UPDATE ON assessment
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_delete AFTER DELETE ON assessment
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();

CREATE TRIGGER raise_revision_on_insert AFTER INSERT ON enrolment
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_update AFTER UPDATE ON enrolment
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_delete AFTER DELETE ON enrolment
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();

CREATE TRIGGER raise_revision_on_insert AFTER INSERT ON assessment_exception
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_update AFTER UPDATE ON assessment_exception
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_delete AFTER DELETE ON assessment_exception
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();

CREATE TRIGGER raise_revision_on_insert AFTER INSERT ON risk_rule
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_update AFTER UPDATE ON risk_rule
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
CREATE TRIGGER raise_revision_on_delete AFTER DELETE ON risk_rule
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION raise_revision();
