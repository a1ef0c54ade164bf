-- Who came to the lessons of a course, by the hour in which it was noted. What was stored before counts as nothing until
-- course_hour is rebuilt.
ALTER TABLE course_hour
    ADD COLUMN present bigint NOT NULL DEFAULT 0,
    ADD COLUMN late bigint NOT NULL DEFAULT 0,
    ADD COLUMN absent bigint NOT NULL DEFAULT 0,
    ADD COLUMN excused bigint NOT NULL DEFAULT 0;
