-- Writers ask here which students were erased.

-- name: known
-- The epoch and the key, with each tombstone. If there are no tombstones, there is one row without one.
SELECT epoch, key, hash, lifted_at, mark FROM erasure LEFT JOIN tombstone ON true

-- name: epoch
SELECT epoch FROM erasure
