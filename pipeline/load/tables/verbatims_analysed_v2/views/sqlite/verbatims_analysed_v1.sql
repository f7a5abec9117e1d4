-- The table of versions before, with its columns: written_at is an ISO 8601 day or instant there.
SELECT
  verbatim_id,
  run_id,
  source,
  external_id,
  url,
  rating,
  language,
  COALESCE(written_at, written_on) AS written_at,
  seen_on,
  text,
  summary,
  sentiment,
  topics,
  new_topics,
  model,
  prompt_version,
  cost_usd,
  trace_id,
  analysed_at,
  analyser
FROM verbatims_analysed_v2
