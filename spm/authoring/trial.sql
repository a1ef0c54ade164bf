-- What was stored of a sample. Blanks: the {table}, its {columns}, and the {key} that they are ordered by.

-- name: rows
SELECT {columns} FROM {table} ORDER BY {key} LIMIT $1

-- name: rejections
SELECT sequence_number, reason, detail FROM rejected_event ORDER BY sequence_number, sub_sequence
