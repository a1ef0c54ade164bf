-- The contents of an author's tables. The blanks are {table}, its {columns}, and the {key} that sorts them.

-- name: rows
-- Up to $1 of them, or all if it is null.
SELECT {columns} FROM {table} ORDER BY {key} LIMIT $1

-- name: rejections
SELECT sequence_number, reason, detail
FROM rejected_event
ORDER BY sequence_number, sub_sequence

-- name: make_database
CREATE DATABASE {name} TEMPLATE {template}

-- name: drop_database
DROP DATABASE {name} WITH (FORCE)
