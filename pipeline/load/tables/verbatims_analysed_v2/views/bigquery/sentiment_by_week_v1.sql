-- How many verbatims of each sentiment a source had per week in which they were first seen, and their share.
SELECT
  source,
  week_from,
  sentiment,
  verbatims,
  round(verbatims / sum(verbatims) OVER (PARTITION BY source, week_from), 4) AS share
FROM (
  SELECT source, DATE_TRUNC(seen_on, WEEK(MONDAY)) AS week_from, sentiment, count(*) AS verbatims
  FROM `{dataset}.verbatims_analysed_v2`
  GROUP BY source, week_from, sentiment
) AS counted
