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
    countif(sentiment = 'negative') AS negative,
    min(day) AS first_day,
    max(day) AS last_day,
    min(definition) AS definition,
    min(quote) AS quote
  FROM (
    SELECT
      JSON_VALUE(topic, '$.label') AS label,
      JSON_VALUE(topic, '$.definition') AS definition,
      JSON_VALUE(topic, '$.quote') AS quote,
      language,
      sentiment,
      COALESCE(written_on, seen_on) AS day
    FROM `{dataset}.verbatims_analysed_v2`, UNNEST(JSON_QUERY_ARRAY(new_topics)) AS topic
  ) AS named
  GROUP BY label, language
) AS counted
