-- How many verbatims of each sentiment a source had per week in which they were written, and their share. Those whose
-- day of writing is unknown count in the week in which they were first read; `undated` says how many they are.
SELECT
  source,
  week_from,
  sentiment,
  verbatims,
  undated,
  round(verbatims / sum(verbatims) OVER (PARTITION BY source, week_from), 4) AS share
FROM (
  SELECT
    source,
    DATE_TRUNC(COALESCE(written_on, seen_on), WEEK(MONDAY)) AS week_from,
    sentiment,
    count(*) AS verbatims,
    countif(written_on IS NULL) AS undated
  FROM `{dataset}.verbatims_analysed_v2`
  GROUP BY source, week_from, sentiment
) AS counted
