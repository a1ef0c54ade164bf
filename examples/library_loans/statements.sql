-- name: report_out
-- Which books are out, and who has them: those whose last event is not their return.
SELECT barcode, student_id, action, occurred_at, due_at
FROM (SELECT DISTINCT ON (barcode) * FROM {log} ORDER BY barcode, occurred_at DESC, sequence_number DESC) AS last
WHERE action <> 'returned' AND {filtered}
ORDER BY due_at, barcode
LIMIT {limit}

-- name: report_books
SELECT barcode, sum(loans)::bigint AS loans, max(last_at) AS last_at
FROM book_loans
WHERE {barcode} IS NULL OR barcode = {barcode}
GROUP BY barcode
ORDER BY loans DESC, barcode
LIMIT {limit}

-- name: book_loans
SELECT
    barcode, date_trunc('month', arrived_at AT TIME ZONE 'UTC')::date AS month,
    count(*) FILTER (WHERE action = 'borrowed') AS loans, max(occurred_at) AS last_at
FROM {log}
GROUP BY barcode, month
