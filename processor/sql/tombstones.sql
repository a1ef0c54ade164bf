-- Which students were erased, as writers ask.

-- name: known
-- The epoch and the key with each tombstone; one row without one where there is none.
SELECT epoch, key, hash, lifted_at FROM erasure LEFT JOIN tombstone ON true

-- name: epoch
SELECT epoch FROM erasure
