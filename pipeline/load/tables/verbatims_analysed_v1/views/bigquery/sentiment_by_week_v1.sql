-- How many verbatims of each sentiment a source had per week in which they were first seen, and their share.
SELECT
  source,
  DATE_TRUNC(seen_on, WEEK(MONDAY)) AS week_from,
  sentiment,
  count(*) AS verbatims,
  round(count(*) / sum(count(*)) OVER (PARTITION BY source, DATE_TRUNC(seen_on, WEEK(MONDAY))), 4) AS share
FROM `{dataset}.verbatims_analysed_v1`
GROUP BY source, week_from, sentiment
