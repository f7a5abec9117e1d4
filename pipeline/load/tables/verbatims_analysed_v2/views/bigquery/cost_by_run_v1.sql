-- What the rows cost by run, UTC day, model and source, with their tokens; failed verbatims have no row, and their cost is in the run's report.
SELECT
  run_id,
  DATE(analysed_at) AS day,
  model,
  source,
  count(*) AS verbatims,
  countif(cost_usd > 0) AS paid,
  coalesce(sum(input_tokens), 0) AS input_tokens,
  coalesce(sum(output_tokens), 0) AS output_tokens,
  coalesce(sum(cached_tokens), 0) AS cached_tokens,
  coalesce(sum(thinking_tokens), 0) AS thinking_tokens,
  round(sum(cost_usd), 6) AS cost_usd
FROM `{dataset}.verbatims_analysed_v2`
GROUP BY run_id, day, model, source
