-- How many verbatims of each sentiment a source had per week in which they were first seen, and their share.
SELECT
  source,
  strftime('%Y-%m-%d', seen_on, '-6 days', 'weekday 1') AS week_from,
  sentiment,
  count(*) AS verbatims,
  round(1.0 * count(*) / sum(count(*)) OVER (
    PARTITION BY source, strftime('%Y-%m-%d', seen_on, '-6 days', 'weekday 1')
  ), 4) AS share
FROM verbatims_analysed_v2
GROUP BY source, week_from, sentiment
