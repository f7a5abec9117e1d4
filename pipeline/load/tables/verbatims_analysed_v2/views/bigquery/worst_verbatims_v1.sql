-- Negative verbatims of each source, the worst first: by rating, then by day. `nth <= 20` are the twenty worst of each.
SELECT
  source,
  row_number() OVER (
    PARTITION BY source ORDER BY COALESCE(rating, 6.0), COALESCE(written_on, seen_on) DESC, verbatim_id
  ) AS nth,
  rating,
  COALESCE(written_on, seen_on) AS day,
  language,
  summary,
  text,
  topics,
  url,
  verbatim_id
FROM `{dataset}.verbatims_analysed_v2`
WHERE sentiment = 'negative'
