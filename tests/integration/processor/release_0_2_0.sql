-- What a database of release 0.2.0 held: a course with three students, five events of which one waits to be compacted,
-- a rejected record, a risk with its history and its alert, a follow-up, a look, and an erased student.

-- The deployment fills pipeline_table.
INSERT INTO pipeline_table (name, kind, dropped_before) VALUES
    ('course_day', 'deferred', '-infinity'),
    ('course_hour', 'deferred', '-infinity'),
    ('student_assessment', 'deferred', '-infinity'),
    ('student_course', 'deferred', '-infinity'),
    ('student_performance', 'event log', '-infinity');

SELECT make_month('student_performance', '2026-11-01');

INSERT INTO event_source (id, stream_arn, shard_id, pipeline) OVERRIDING SYSTEM VALUE VALUES
    ('1', 'arn:aws:kinesis:eu-central-1:111122223333:stream/student-performance-stream-test', 'shardId-000000000000', 'student-performance');

INSERT INTO event_identity (event_id, source_id, sequence_number, sub_sequence) VALUES
    ('00000000-0000-0000-0000-000000000001', '1', '00000000000000000000000000000000000000000000000000000001', '0'),
    ('00000000-0000-0000-0000-000000000002', '1', '00000000000000000000000000000000000000000000000000000002', '0'),
    ('00000000-0000-0000-0000-000000000008', '1', '00000000000000000000000000000000000000000000000000000008', '0'),
    ('00000000-0000-0000-0000-00000000000f', '1', '00000000000000000000000000000000000000000000000000000015', '0');

INSERT INTO rejected_event (source_id, sequence_number, sub_sequence, arrived_at, reason, detail, payload, rejected_at, redriven_at, dismissed_at, dismissed_because) VALUES
    ('1', '00000000000000000000000000000000000000000000000000000010', '0', '2026-11-22 12:00:00.01+00', 'not_json', 'JSON is malformed: invalid character (byte 4)', E'\\x6e6f206576656e74', '2026-11-22 12:30:00+00', NULL, NULL, NULL);

INSERT INTO course (id, title, time_zone, begins, ends, revision) VALUES
    ('course-1', 'Maths', 'Europe/Berlin', '2026-09-01', '2026-12-20', '2');

INSERT INTO assessment (course, id, title, due_at, max_score, counts) VALUES
    ('course-1', 'a0', 'Essay', '2026-10-14 21:59:59+00', '50', 'true');

INSERT INTO enrolment (course, person, role, begins, ends) VALUES
    ('course-1', 'ms-noether', 'teacher', NULL, NULL),
    ('course-1', 'student-1', 'student', NULL, NULL),
    ('course-1', 'student-8', 'student', NULL, NULL);

INSERT INTO person (id, display_name) VALUES
    ('student-1', 'Ada Lovelace');

INSERT INTO access_log (id, accessed_at, who, request_id, command, student_id, course) OVERRIDING SYSTEM VALUE VALUES
    ('1', '2026-11-22 12:30:00+00', 'advisor', 'request-1', 'student', 'student-1', NULL);

INSERT INTO follow_up (id, followed_up_at, who, course, student, note) VALUES
    ('00000000-0000-4000-8000-000000000001', '2026-11-22 12:30:00+00', 'advisor', 'course-1', 'student-1', 'Called');

INSERT INTO chunk (log, source_id, first, last, arrived_from, arrived_until, stored_at) VALUES
    ('student_performance', '1', '00000000000000000000000000000000000000000000000000000015', '00000000000000000000000000000000000000000000000000000015', '2026-11-22 12:00:00.015+00', '2026-11-22 12:00:00.015+00', '2026-11-22 12:45:00+00');

INSERT INTO student_performance (source_id, sequence_number, sub_sequence, arrived_at, stored_at, event_id, occurred_at, student_id, event_type, score, metadata) VALUES
    ('1', '00000000000000000000000000000000000000000000000000000001', '0', '2026-11-22 12:00:00.001+00', '2026-11-22 12:30:00+00', '00000000-0000-0000-0000-000000000001', '2026-11-22 11:59:59+00', 'student-1', 'submission', '0.5', '{"course": "course-1", "number": 1, "status": "absent", "assessment": "a1"}'),
    ('1', '00000000000000000000000000000000000000000000000000000002', '0', '2026-11-22 12:00:00.002+00', '2026-11-22 12:30:00+00', '00000000-0000-0000-0000-000000000002', '2026-11-22 11:59:58+00', 'student-2', 'attendance', '1', '{"course": "course-2", "number": 2, "status": "absent", "assessment": "a2"}'),
    ('1', '00000000000000000000000000000000000000000000000000000008', '0', '2026-11-22 12:00:00.008+00', '2026-11-22 12:30:00+00', '00000000-0000-0000-0000-000000000008', '2026-11-22 11:59:52+00', 'student-8', 'attendance', '4', '{"course": "course-1", "number": 8, "status": "absent", "assessment": "a2"}'),
    ('1', '00000000000000000000000000000000000000000000000000000015', '0', '2026-11-22 12:00:00.015+00', '2026-11-22 12:45:00+00', '00000000-0000-0000-0000-00000000000f', '2026-11-22 11:59:45+00', 'student-15', 'quiz_score', '7.5', '{"course": "course-1", "number": 15, "status": "absent", "assessment": "a0"}');

INSERT INTO student_assessment (course, assessment, student_id, month, handed_in_at, occurred_at, source_id, sequence_number, sub_sequence, score, max_score) VALUES
    ('course-1', 'a1', 'student-1', '2026-11-01', '2026-11-22 11:59:59+00', '2026-11-22 11:59:59+00', '1', '00000000000000000000000000000000000000000000000000000001', '0', '0.5', NULL),
    ('course-1', 'a2', 'student-8', '2026-11-01', '2026-11-22 11:59:52+00', '2026-11-22 11:59:52+00', '1', '00000000000000000000000000000000000000000000000000000008', '0', '4', NULL),
    ('course-2', 'a2', 'student-2', '2026-11-01', '2026-11-22 11:59:58+00', '2026-11-22 11:59:58+00', '1', '00000000000000000000000000000000000000000000000000000002', '0', '1', NULL);

INSERT INTO student_course (course, student_id, month, events, scored, score_sum, present, late, absent, excused, first_at, first_absent_at, last_at) VALUES
    ('course-1', 'student-1', '2026-11-01', '1', '1', '0.5', '0', '0', '0', '0', '2026-11-22 11:59:59+00', NULL, '2026-11-22 11:59:59+00'),
    ('course-1', 'student-8', '2026-11-01', '1', '1', '4', '0', '0', '1', '0', '2026-11-22 11:59:52+00', '2026-11-22 11:59:52+00', '2026-11-22 11:59:52+00'),
    ('course-2', 'student-2', '2026-11-01', '1', '1', '1', '0', '0', '1', '0', '2026-11-22 11:59:58+00', '2026-11-22 11:59:58+00', '2026-11-22 11:59:58+00');

INSERT INTO course_day (course, day, event_type, month, events, scored, score_sum, last_at) VALUES
    ('course-1', '2026-11-22', 'attendance', '2026-11-01', '1', '1', '4', '2026-11-22 11:59:52+00'),
    ('course-1', '2026-11-22', 'submission', '2026-11-01', '1', '1', '0.5', '2026-11-22 11:59:59+00'),
    ('course-2', '2026-11-22', 'attendance', '2026-11-01', '1', '1', '1', '2026-11-22 11:59:58+00');

INSERT INTO course_hour (course, hour, month, events, present, late, absent, excused) VALUES
    ('course-1', '2026-11-22 11:00:00+00', '2026-11-01', '2', '0', '0', '1', '0'),
    ('course-2', '2026-11-22 11:00:00+00', '2026-11-01', '1', '0', '0', '1', '0');

INSERT INTO risk (course, student, score, level, reasons, since, evaluated_at) VALUES
    ('course-1', 'student-1', 1.80, 'high', '[]', '2026-11-22 13:00:00+00', '2026-11-22 13:00:00+00');

INSERT INTO risk_change (id, course, student, from_level, level, score, reasons, changed_at) OVERRIDING SYSTEM VALUE VALUES
    (1, 'course-1', 'student-1', 'none', 'high', 1.80, '[]', '2026-11-22 13:00:00+00');

INSERT INTO alert (change_id, channel, message, taken_at, attempts, sent_at) VALUES
    (1, 'sns', '00000000-0000-4000-8000-000000000002', '2026-11-22 13:00:01+00', 1, '2026-11-22 13:00:02+00');

INSERT INTO tombstone (hash, erased_at) VALUES
    (decode(repeat('0e', 32), 'hex'), '2026-11-22 14:00:00+00');

INSERT INTO assessment_exception (course, assessment, person, due_at, excused) VALUES
    ('course-1', 'a0', 'student-8', NULL, true);
