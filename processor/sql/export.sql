-- A table page by page, in the order of its {key}. {table} and the columns are checked and quoted names. {after} is the
-- place at which the previous page ended: one parameter per column of the key, cast from text to the column's type.

-- name: key_types
SELECT {key} FROM {table} LIMIT 0

-- name: first_page
SELECT * FROM {table} ORDER BY {key} LIMIT $1

-- name: next_page
SELECT * FROM {table} WHERE ({key}) > ({after}) ORDER BY {key} LIMIT $1

-- name: first_page_of_month
SELECT * FROM {table}
WHERE arrived_at >= $2::timestamptz AND arrived_at < $2::timestamptz + interval '1 month'
ORDER BY {key} LIMIT $1

-- name: next_page_of_month
SELECT * FROM {table}
WHERE arrived_at >= $2::timestamptz AND arrived_at < $2::timestamptz + interval '1 month' AND ({key}) > ({after})
ORDER BY {key} LIMIT $1
