-- Only one refreshes at a time. The lock belongs to the connection, so it is free when that is gone.

-- name: request
SELECT nextval('refresh_request')

-- name: last_request
SELECT last_value FROM refresh_request

-- name: begin
SELECT pg_try_advisory_lock(hashtext('refresh'))

-- name: end
SELECT pg_advisory_unlock(hashtext('refresh'))
