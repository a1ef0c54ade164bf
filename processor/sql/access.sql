-- name: log_access
-- Who asked, as they state it, with which request and command, and about which student or course.
SELECT log_access($1, $2, $3, $4, $5)
