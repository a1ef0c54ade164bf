-- name: months_before
SELECT name, month, bytes, rows
FROM (
    SELECT
        child.relname AS name,
        replace(right(child.relname, 7), '_', '-') AS month,
        pg_total_relation_size(child.oid) AS bytes,
        greatest(child.reltuples, 0)::bigint AS rows
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = $1::text::regclass
) AS partition
WHERE month < $2
ORDER BY month

-- name: close_months
SELECT close_months($1, $2)

-- name: drop_month
SELECT drop_month($1, $2)
