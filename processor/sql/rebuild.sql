-- name: lock
SELECT lock_derived($1)
