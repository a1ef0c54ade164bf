-- A report in another order than its own. {report} is its statement without a limit, {place} is the column to sort by,
-- and {limit} and {offset} are parameters. Rows that are equal there are sorted by the whole row, so that pages fit.

-- name: smallest_first
SELECT * FROM ({report}) AS report ORDER BY {place} NULLS LAST, report LIMIT {limit} OFFSET {offset}

-- name: largest_first
SELECT * FROM ({report}) AS report ORDER BY {place} DESC NULLS LAST, report LIMIT {limit} OFFSET {offset}

-- name: in_its_order
SELECT * FROM ({report}) AS report LIMIT {limit} OFFSET {offset}
