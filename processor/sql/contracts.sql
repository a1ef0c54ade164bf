-- name: columns_of
SELECT
    attname AS name, typname AS type, attnotnull AS required,
    atthasdef OR attidentity <> '' AS has_default
FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped

-- name: keys_of
-- The columns of each unique index of the table, by name.
SELECT array_agg(attname::text ORDER BY attname) AS columns
FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
WHERE indrelid = to_regclass($1) AND indisunique AND indpred IS NULL
GROUP BY indexrelid

-- name: partition_key_of
SELECT pg_get_partkeydef(to_regclass($1))
