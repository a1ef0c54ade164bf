-- name: columns_of
SELECT
    attname AS name, typname AS type, attnotnull AS required,
    atthasdef OR attidentity <> '' AS has_default
FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
