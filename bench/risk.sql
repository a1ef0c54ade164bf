-- name: found
SELECT course, student, score::double precision AS score, level, reasons FROM risk ORDER BY course, student
