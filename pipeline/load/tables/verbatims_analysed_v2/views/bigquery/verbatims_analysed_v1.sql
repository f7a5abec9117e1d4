-- The table of versions before, with its columns: written_at is an ISO 8601 day or instant there.
SELECT
  verbatim_id,
  run_id,
  source,
  external_id,
  url,
  rating,
  language,
  COALESCE(FORMAT_TIMESTAMP('%Y-%m-%dT%H:%M:%S+00:00', written_at), CAST(written_on AS STRING)) AS written_at,
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
FROM `{dataset}.verbatims_analysed_v2`
