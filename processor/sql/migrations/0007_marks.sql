-- A mark of each erased student, by which writers find at little cost that other students were not erased. It is a
-- CRC-32 of the id that begins with something secret, so it must not leave the database. It is missing where whoever
-- put up the tombstone did not know the id, or ran an earlier version. While one is missing, writers hash every student.
ALTER TABLE tombstone ADD COLUMN mark bigint;
