-- What the rows cost per UTC day on which they were analysed; failed verbatims, which have no row, are not in it.
SELECT
  DATE(analysed_at) AS day,
  model,
  count(*) AS verbatims,
  countif(cost_usd > 0) AS paid,
  round(sum(cost_usd), 6) AS cost_usd
FROM `{dataset}.verbatims_analysed_v2`
GROUP BY day, model
