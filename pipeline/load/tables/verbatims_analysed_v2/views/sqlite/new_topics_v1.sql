-- Topics outside the reference base, by label and language: how often, how negative, and a quote as an example.
SELECT
  label,
  language,
  verbatims,
  negative,
  sum(verbatims) OVER (PARTITION BY label) AS verbatims_in_all_languages,
  first_day,
  last_day,
  definition,
  quote
FROM (
  SELECT
    label,
    language,
    count(*) AS verbatims,
    sum(sentiment = 'negative') AS negative,
    min(day) AS first_day,
    max(day) AS last_day,
    min(definition) AS definition,
    min(quote) AS quote
  FROM (
    SELECT
      json_extract(topic.value, '$.label') AS label,
      json_extract(topic.value, '$.definition') AS definition,
      json_extract(topic.value, '$.quote') AS quote,
      language,
      sentiment,
      COALESCE(written_on, seen_on) AS day
    FROM verbatims_analysed_v2, json_each(verbatims_analysed_v2.new_topics) AS topic
  ) AS named
  GROUP BY label, language
) AS counted
