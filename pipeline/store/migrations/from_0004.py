"""How rows of schema 0004 become those of 0005: one INSERT or UPDATE each, in this order."""

PROMPT = "analyse_v1"
"""The only prompt that stores before this one have used."""

TEXTS = """
INSERT INTO texts (text_id, verbatim_id, source, external_id, url, rating, language, written_at, seen_on, text,
    text_hash, characters, superseded, erased, kept, skip_reason)
SELECT "row", verbatim_id, source, external_id, url, rating, language, written_at, seen_on, text,
    text_hash, characters, superseded, erased, kept, CASE WHEN outcome = 'skipped' THEN reason END
FROM verbatims
"""

RUN_RECORDS = """
INSERT INTO run_records (run_id, position, text_id, problem) SELECT run_id, position, "row", problem FROM readings
"""

CRAWLS = """
INSERT INTO crawls (crawl_id, source, definition, started_at, ended_at, pages, found, fresh, layout, run_id)
SELECT visit, source, definition, began_at, ended_at, pages, found, fresh, layout, run_id FROM visits
"""

ANALYSERS = f"""
INSERT INTO analysers (analyser, model, prompt_version)
SELECT 'before:' || model || ':' || prompt_version, model, prompt_version
FROM (
    SELECT model, prompt_version FROM answers
    UNION SELECT model, '{PROMPT}' FROM calls
    UNION SELECT 'unknown', '{PROMPT}' FROM verbatims WHERE outcome NOT IN ('skipped', 'analysed')
) AS used
"""

# a text whose words went by age before anybody had decided has the outcome `failed` and no run: it has no analysis
ANALYSES = f"""
INSERT INTO analyses (analysis_id, text_id, analyser, run_id, outcome, request_key)
SELECT v."row", v."row", 'before:' || COALESCE(
        answers.model,
        (SELECT model FROM calls WHERE calls."row" = v."row" ORDER BY call DESC LIMIT 1),
        (SELECT model FROM calls ORDER BY call DESC LIMIT 1),
        'unknown'
    ) || ':' || COALESCE(answers.prompt_version, '{PROMPT}'), v.run_id, v.outcome, v.answer_key
FROM verbatims AS v LEFT JOIN answers ON answers.request_key = v.answer_key
WHERE v.outcome <> 'skipped' AND v.run_id IS NOT NULL
"""

CURRENT = """
UPDATE texts SET current = text_id WHERE text_id IN (SELECT text_id FROM analyses WHERE outcome = 'analysed')
"""

# what a text has cost stays in its row, also where it was asked with another model first
ATTEMPTS = f"""
INSERT INTO attempts (attempt_id, run_id, text_id, analyser, request_key, outcome, json_error, error, model,
    input_tokens, output_tokens, cost_usd, sent_at, duration_s, raw, trace_id)
SELECT call, calls.run_id, "row", COALESCE(analyses.analyser, 'before:' || model || ':{PROMPT}'),
    CASE WHEN substr(calls.request_key, 1, 7) <> 'erased:' THEN calls.request_key END, calls.outcome, json_error, error,
    model, input_tokens, output_tokens, cost_usd, sent_at, duration_s, raw, trace_id
FROM calls LEFT JOIN analyses ON analyses.text_id = calls."row"
"""

TOTALS = """
INSERT INTO totals (name, label, detail, run_id, process, n, amount)
SELECT 'analysed', source, sentiment, v.run_id, '', count(*), 0
    FROM verbatims AS v JOIN answers ON answers.request_key = v.answer_key GROUP BY source, sentiment, v.run_id
UNION ALL SELECT 'skipped', source, reason, run_id, '', count(*), 0
    FROM verbatims WHERE outcome = 'skipped' GROUP BY source, reason, run_id
UNION ALL SELECT 'lengths', size, '', run_id, '', count(*), 0 FROM (
    SELECT run_id, CASE WHEN characters < 100 THEN 'short' WHEN characters < 500 THEN 'medium' ELSE 'long' END AS size
    FROM verbatims WHERE outcome = 'analysed') AS analysed GROUP BY size, run_id
UNION ALL SELECT 'new_topics', '', '', v.run_id, '', count(*), 0
    FROM topics JOIN verbatims AS v ON v."row" = topics."row" GROUP BY v.run_id
UNION ALL SELECT 'attempts', outcome, '', run_id, '', count(*), sum(duration_s) FROM calls GROUP BY outcome, run_id
UNION ALL SELECT 'json_errors', json_error, '', run_id, '', count(*), 0
    FROM calls WHERE json_error IS NOT NULL GROUP BY json_error, run_id
UNION ALL SELECT 'input_tokens', '', '', run_id, '', sum(input_tokens), 0 FROM calls GROUP BY run_id
UNION ALL SELECT 'output_tokens', '', '', run_id, '', sum(output_tokens), 0 FROM calls GROUP BY run_id
UNION ALL SELECT 'cost_usd', '', '', run_id, '', count(*), sum(cost_usd) FROM calls GROUP BY run_id
UNION ALL SELECT 'load_errors', reason, '', run_id, '', count(*), 0 FROM load_errors GROUP BY reason, run_id
"""

TOTALS_OF_ALL_RUNS = """
INSERT INTO totals (name, label, detail, run_id, process, n, amount)
SELECT name, label, detail, '', '', sum(n), sum(amount) FROM totals GROUP BY name, label, detail
"""

FAILED_LOADS = """
UPDATE runs SET failed_loads = (
    SELECT count(*) FROM load_errors
    WHERE load_errors.run_id = runs.run_id AND verbatim_id IS NULL AND mended_at IS NULL)
"""

# the warehouse is not opened here, so nobody knows what it is called; its first load names it
WAREHOUSE = "INSERT INTO warehouses (warehouse, begun, done, used_at) VALUES (1, 0, 0, '')"

DELIVERIES = """
INSERT INTO deliveries (warehouse, verbatim_id, due, sent, problem)
SELECT 1, verbatim_id, 1, 0, (
    SELECT COALESCE(problem, reason) FROM load_errors
    WHERE load_errors.verbatim_id = v.verbatim_id AND mended_at IS NULL ORDER BY load_error DESC LIMIT 1)
FROM (SELECT DISTINCT verbatim_id FROM verbatims WHERE outcome = 'analysed') AS v
"""

COPIES = (
    TEXTS,
    RUN_RECORDS,
    CRAWLS,
    ANALYSERS,
    ANALYSES,
    CURRENT,
    ATTEMPTS,
    TOTALS,
    TOTALS_OF_ALL_RUNS,
    FAILED_LOADS,
    WAREHOUSE,
    DELIVERIES,
)
