-- How often each topic is named, with how many of those verbatims are negative.
SELECT
  source,
  topic.value AS topic,
  count(*) AS verbatims,
  sum(sentiment = 'negative') AS negative,
  round(avg(rating), 2) AS mean_rating
FROM verbatims_analysed_v2, json_each(verbatims_analysed_v2.topics) AS topic
GROUP BY source, topic.value
