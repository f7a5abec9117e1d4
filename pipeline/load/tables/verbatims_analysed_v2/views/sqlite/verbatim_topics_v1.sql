-- One row per verbatim and topic: join or group it as you like.
SELECT
  topic.value AS topic,
  verbatim_id,
  source,
  COALESCE(written_on, seen_on) AS day,
  language,
  rating,
  sentiment,
  summary
FROM verbatims_analysed_v2, json_each(verbatims_analysed_v2.topics) AS topic
