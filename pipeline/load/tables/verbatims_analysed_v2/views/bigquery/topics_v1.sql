-- How often each topic is named, with how many of those verbatims are negative.
SELECT
  source,
  topic,
  count(*) AS verbatims,
  countif(sentiment = 'negative') AS negative,
  round(avg(rating), 2) AS mean_rating
FROM `{dataset}.verbatims_analysed_v2`, UNNEST(JSON_VALUE_ARRAY(topics)) AS topic
GROUP BY source, topic
