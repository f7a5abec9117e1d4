-- One row per verbatim and topic: join or group it as you like.
SELECT
  topic AS topic,
  verbatim_id,
  source,
  COALESCE(written_on, seen_on) AS day,
  language,
  rating,
  sentiment,
  summary
FROM `{dataset}.verbatims_analysed_v2`, UNNEST(JSON_VALUE_ARRAY(topics)) AS topic
