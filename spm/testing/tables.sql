-- What an author's tables hold. Blanks: the {table}, its {columns}, and the {key} that they are ordered by.

-- name: rows
-- Up to $1 of them; null: all.
SELECT {columns} FROM {table} ORDER BY {key} LIMIT $1

-- name: rejections
SELECT sequence_number, reason, detail
FROM rejected_event
ORDER BY sequence_number, sub_sequence

-- name: make_database
CREATE DATABASE {name} TEMPLATE {template}

-- name: drop_database
DROP DATABASE {name} WITH (FORCE)
