-- name: log_access
-- Who (as they state), by which request, which command, about whom or which course.
SELECT log_access($1, $2, $3, $4, $5)
