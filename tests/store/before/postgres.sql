CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.answers (
    request_key character varying NOT NULL,
    run_id character varying NOT NULL,
    "row" integer NOT NULL,
    summary text NOT NULL,
    sentiment character varying NOT NULL,
    topics text NOT NULL,
    new_topics text NOT NULL,
    model character varying NOT NULL,
    prompt_version character varying NOT NULL,
    trace_id character varying,
    analysed_at character varying NOT NULL
);

COMMENT ON COLUMN public.answers.request_key IS 'SHA-256 of the request as sent';

COMMENT ON COLUMN public.answers."row" IS 'the verbatim that paid for it';

COMMENT ON COLUMN public.answers.topics IS 'JSON list of ids';

COMMENT ON COLUMN public.answers.new_topics IS 'JSON list of label, definition, quote';

CREATE TABLE public.calls (
    call integer NOT NULL,
    run_id character varying NOT NULL,
    "row" integer NOT NULL,
    request_key character varying NOT NULL,
    outcome character varying NOT NULL,
    json_error character varying,
    error character varying,
    model character varying NOT NULL,
    input_tokens integer NOT NULL,
    output_tokens integer NOT NULL,
    cost_usd double precision NOT NULL,
    sent_at character varying NOT NULL,
    duration_s double precision NOT NULL,
    raw text,
    trace_id character varying
);

COMMENT ON COLUMN public.calls.cost_usd IS 'what it costs by the price list; a sandbox''s is not billed';

COMMENT ON COLUMN public.calls.raw IS 'the answer as received';

CREATE SEQUENCE public.calls_call_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.calls_call_seq OWNED BY public.calls.call;

CREATE TABLE public.claims (
    request_key character varying NOT NULL,
    owner character varying NOT NULL,
    host character varying NOT NULL,
    pid integer NOT NULL,
    expires_at double precision NOT NULL
);

COMMENT ON COLUMN public.claims.expires_at IS 'seconds since 1970 by the database''s clock';

CREATE TABLE public.forgotten (
    verbatim_id character varying NOT NULL,
    forgotten_on character varying NOT NULL
);

COMMENT ON COLUMN public.forgotten.verbatim_id IS 'hash of source and external id: a tombstone';

CREATE TABLE public.load_errors (
    load_error integer NOT NULL,
    run_id character varying NOT NULL,
    verbatim_id character varying,
    reason character varying NOT NULL,
    happened_at character varying NOT NULL,
    problem character varying,
    mended_at character varying
);

COMMENT ON COLUMN public.load_errors.verbatim_id IS 'null where a whole job failed';

COMMENT ON COLUMN public.load_errors.problem IS 'what the warehouse said, without the row''s values';

COMMENT ON COLUMN public.load_errors.mended_at IS 'when a later load brought it in after all; null: a dead letter still';

CREATE SEQUENCE public.load_errors_load_error_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.load_errors_load_error_seq OWNED BY public.load_errors.load_error;

CREATE TABLE public.pages (
    definition character varying NOT NULL,
    url character varying NOT NULL,
    etag character varying,
    last_modified character varying,
    found integer NOT NULL,
    next_url character varying
);

COMMENT ON COLUMN public.pages.definition IS 'as in visits: another reader may see more on the same page';

COMMENT ON COLUMN public.pages.found IS 'verbatims that it held; the page itself is not kept';

CREATE TABLE public.readings (
    run_id character varying NOT NULL,
    "position" integer NOT NULL,
    "row" integer,
    problem character varying
);

COMMENT ON COLUMN public.readings."position" IS 'line of the file, running number over pages';

COMMENT ON COLUMN public.readings."row" IS 'null where the record could not be read';

COMMENT ON COLUMN public.readings.problem IS 'why it is no verbatim of its own: unreadable, or an id seen before in the run';

CREATE TABLE public.runs (
    run_id character varying NOT NULL,
    mode character varying NOT NULL,
    input character varying NOT NULL,
    started_at character varying NOT NULL,
    ended_at character varying,
    day character varying,
    trace_parent character varying
);

COMMENT ON COLUMN public.runs.mode IS 'sandbox or prod: a store holds one kind only';

COMMENT ON COLUMN public.runs.input IS 'what was read: a file''s name, a site''s address';

COMMENT ON COLUMN public.runs.ended_at IS 'null until a whole run has come to its end';

COMMENT ON COLUMN public.runs.day IS 'UTC day whose newly seen verbatims it holds; null: it holds all that it read';

COMMENT ON COLUMN public.runs.trace_parent IS 'W3C traceparent of the run''s span, for processes that join it later';

CREATE TABLE public.topics (
    topic integer NOT NULL,
    "row" integer NOT NULL,
    label character varying NOT NULL,
    definition text NOT NULL,
    quote text NOT NULL
);

COMMENT ON COLUMN public.topics.label IS 'a theme outside the reference base, one line per verbatim';

CREATE SEQUENCE public.topics_topic_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.topics_topic_seq OWNED BY public.topics.topic;

CREATE TABLE public.verbatims (
    "row" integer NOT NULL,
    verbatim_id character varying NOT NULL,
    source character varying NOT NULL,
    external_id character varying NOT NULL,
    url character varying,
    rating double precision,
    language character varying,
    written_at character varying,
    seen_on character varying NOT NULL,
    text text,
    text_hash character varying NOT NULL,
    characters integer NOT NULL,
    superseded boolean NOT NULL,
    kept boolean NOT NULL,
    outcome character varying,
    reason character varying,
    answer_key character varying,
    run_id character varying,
    erased boolean DEFAULT false NOT NULL
);

COMMENT ON COLUMN public.verbatims.verbatim_id IS 'hash of source and external id: the same in every store';

COMMENT ON COLUMN public.verbatims.seen_on IS 'UTC day on which the id was first read; never changes';

COMMENT ON COLUMN public.verbatims.text IS 'masked; null once an edited text has replaced it';

COMMENT ON COLUMN public.verbatims.superseded IS 'an edited text has replaced this one; counts stay';

COMMENT ON COLUMN public.verbatims.kept IS 'cleaning has looked at it and lets it through';

COMMENT ON COLUMN public.verbatims.outcome IS 'null until it stands: skipped, analysed, or how the call finally failed';

COMMENT ON COLUMN public.verbatims.reason IS 'why it was skipped';

COMMENT ON COLUMN public.verbatims.run_id IS 'the run in which the outcome was first committed';

COMMENT ON COLUMN public.verbatims.erased IS 'texts are gone by age or request';

CREATE SEQUENCE public.verbatims_row_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.verbatims_row_seq OWNED BY public.verbatims."row";

CREATE TABLE public.visits (
    visit integer NOT NULL,
    source character varying NOT NULL,
    definition character varying NOT NULL,
    began_at character varying NOT NULL,
    ended_at character varying,
    pages integer,
    found integer,
    fresh integer,
    layout text,
    run_id character varying
);

COMMENT ON COLUMN public.visits.definition IS 'hash of how the source is described and read';

COMMENT ON COLUMN public.visits.ended_at IS 'null unless all that was to be read is in the store';

COMMENT ON COLUMN public.visits.found IS 'verbatims on those pages, known ones included';

COMMENT ON COLUMN public.visits.fresh IS 'of them the ones that were new';

COMMENT ON COLUMN public.visits.layout IS 'JSON: names of fields that no verbatim had, and of those that nobody reads';

COMMENT ON COLUMN public.visits.run_id IS 'the run that it was part of';

CREATE SEQUENCE public.visits_visit_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.visits_visit_seq OWNED BY public.visits.visit;

ALTER TABLE ONLY public.calls ALTER COLUMN call SET DEFAULT nextval('public.calls_call_seq'::regclass);

ALTER TABLE ONLY public.load_errors ALTER COLUMN load_error SET DEFAULT nextval('public.load_errors_load_error_seq'::regclass);

ALTER TABLE ONLY public.topics ALTER COLUMN topic SET DEFAULT nextval('public.topics_topic_seq'::regclass);

ALTER TABLE ONLY public.verbatims ALTER COLUMN "row" SET DEFAULT nextval('public.verbatims_row_seq'::regclass);

ALTER TABLE ONLY public.visits ALTER COLUMN visit SET DEFAULT nextval('public.visits_visit_seq'::regclass);

INSERT INTO public.alembic_version VALUES ('0004');

INSERT INTO public.answers VALUES ('fa905ff22c2d0ee84d014da48a26d8c0ac00dfe413e4520f09dbf4f9ec0ec7a2', '20261118T080001-ab12cd', 1, 'The customer preferred the catalogue.', 'neutral', '["usability"]', '[{"label": "catalogue", "definition": "The printed catalogue.", "quote": "old catalogue"}, {"label": "catalogue", "definition": "The printed catalogue.", "quote": "easier to read"}]', 'sandbox', 'analyse_v1', '000000000000000000000000000000a1', '2026-11-18T08:00:03.000000+00:00');
INSERT INTO public.answers VALUES ('0fbec126c1b76efa5e8ca440f71ca05dd4c925476bc2b53098ff65b3a54d9b18', '20261118T080001-ab12cd', 2, 'The parking is full.', 'negative', '[]', '[{"label": "parking", "definition": "Cars.", "quote": "parking"}]', 'sandbox', 'analyse_v1', '000000000000000000000000000000a2', '2026-11-18T08:00:04.000000+00:00');
INSERT INTO public.answers VALUES ('69c3759e768e04f6c9f04cddf5efe04dc4fe75aaa26dc80827ae4535bbb3f072', '20261118T080001-ab12cd', 6, 'Le client trouve le prix trop haut.', 'negative', '["price"]', '[]', 'sandbox', 'analyse_v1', '000000000000000000000000000000a6', '2026-11-18T08:00:08.000000+00:00');
INSERT INTO public.answers VALUES ('cf303c63be052332921ba124f96225460b3d30272e067d04be3bd0287a83f07b', '20261118T080001-ab12cd', 7, 'Le retrait ferme trop tôt.', 'negative', '[]', '[{"label": "horaires", "definition": "Heures d''ouverture.", "quote": "ferme beaucoup trop tôt"}]', 'sandbox', 'analyse_v1', '000000000000000000000000000000a7', '2026-11-18T08:00:09.000000+00:00');
INSERT INTO public.answers VALUES ('7a2266a6ed9885c1135341489d46e7368f8702eb03d58c5b0c0d3a5a8e2bade2', '20261118T080001-ab12cd', 10, 'La cliente remercie pour l''emballage cadeau.', 'positive', '["packaging"]', '[{"label": "cadeaux", "definition": "Ce qui touche aux cadeaux.", "quote": "emballage cadeau"}, {"label": "famille", "definition": "Un proche est nommé.", "quote": "ma nièce était ravie"}]', 'sandbox', 'analyse_v1', '000000000000000000000000000000aa', '2026-11-18T08:00:10.000000+00:00');
INSERT INTO public.answers VALUES ('1eae828eeae15621149852a340fab4f911b2abb2d4af87c51c4548d3660f257b', '20261118T080001-ab12cd', 11, 'The customer likes the kettle, less so its lid.', 'mixed', '["product_quality"]', '[]', 'sandbox', 'analyse_v1', '000000000000000000000000000000ab', '2026-11-18T08:00:11.000000+00:00');
INSERT INTO public.answers VALUES ('72f409d01ccb9917244f5e911ac84dbbbbba46bba49e895b38a5a2f9b36fb620', '20261118T080001-ab12cd', 14, 'Le client attend son colis et n''arrive à joindre personne.', 'negative', '["delivery", "customer_service"]', '[{"label": "téléphone", "definition": "Joindre quelqu''un par téléphone.", "quote": "personne ne répond au téléphone"}]', 'sandbox', 'analyse_v1', '000000000000000000000000000000ae', '2026-11-18T08:00:14.000000+00:00');
INSERT INTO public.answers VALUES ('erased:13', '20261118T080001-ab12cd', 13, '', 'positive', '["customer_service"]', '[{"label": "conseil", "definition": "Le conseil en magasin.", "quote": null}]', 'sandbox', 'analyse_v1', '000000000000000000000000000000ad', '2026-11-18T08:00:13.000000+00:00');
INSERT INTO public.answers VALUES ('erased:1', '20261118T080001-ab12cd', 1, '', 'neutral', '["usability"]', '[{"label": "catalogue", "definition": "The printed catalogue.", "quote": null}, {"label": "catalogue", "definition": "The printed catalogue.", "quote": null}]', 'sandbox', 'analyse_v1', '000000000000000000000000000000a1', '2026-11-18T08:00:03.000000+00:00');
INSERT INTO public.answers VALUES ('b99f7a85e91492da49a954b46f9e6f6fec6c6e16113a940fee7883682d3717e6', 'day-2026-11-20', 19, 'Le colis est arrivé vite.', 'positive', '["delivery"]', '[]', 'sandbox', 'analyse_v1', '000000000000000000000000000000b3', '2026-11-20T08:00:06.000000+00:00');
INSERT INTO public.answers VALUES ('25e5dafa4978417bf6282cd6b261c7c8de19a9595a614811e2a091181de8c965', 'day-2026-11-20', 20, 'Le client ne peut pas payer.', 'negative', '["payment"]', '[]', 'sandbox', 'analyse_v1', '000000000000000000000000000000b4', '2026-11-20T08:00:07.000000+00:00');
INSERT INTO public.answers VALUES ('ddea5de8ec46a91203183a18e5ce505a72d0e14372b342824c96b18c2080a993', 'day-2026-11-20', 21, 'The kettle''s lid broke.', 'negative', '["product_quality"]', '[{"label": "lids", "definition": "About lids.", "quote": "the lid broke"}]', 'sandbox', 'analyse_v1', '000000000000000000000000000000b5', '2026-11-20T08:00:08.000000+00:00');
INSERT INTO public.answers VALUES ('cc2214b23e7335bab1bb3bbd7bfb0b2507a493ac031debd40eb0af98db6e8171', '20261121T080001-ab12cd', 24, 'Colis rapide, mais boîte ouverte.', 'mixed', '["delivery", "packaging"]', '[]', 'sandbox', 'analyse_v1', '000000000000000000000000000000b8', '2026-11-21T08:00:05.000000+00:00');
INSERT INTO public.answers VALUES ('5ae1bf38698eb46293e669a4ce4c36bdecd73b19a182108acaab75ae8051ac06', '20261121T080001-ab12cd', 27, 'Le panier se vide la nuit.', 'negative', '["stability"]', '[{"label": "panier", "definition": "Le panier d''achats.", "quote": "le panier se vide"}]', 'sandbox', 'analyse_v1', '000000000000000000000000000000bb', '2026-11-21T08:00:06.000000+00:00');
INSERT INTO public.answers VALUES ('0c6058546612431380cc6bbb2c93ff14d7d42eff056953ee3ac990f3604cacdb', '20261121T080001-ab12cd', 28, 'The customer loved the tea.', 'positive', '["product_quality"]', '[]', 'sandbox', 'analyse_v1', '000000000000000000000000000000bc', '2026-11-21T08:00:07.000000+00:00');

INSERT INTO public.calls VALUES (2, '20261118T080001-ab12cd', 2, '0fbec126c1b76efa5e8ca440f71ca05dd4c925476bc2b53098ff65b3a54d9b18', 'analysed', NULL, NULL, 'sandbox', 900, 60, 0.0009765625, '2026-11-18T08:00:04.000000+00:00', 0.5, '{"summary": "The parking is full.", "sentiment": "negative", "topics": [], "new_topics": [{"label": "parking", "definition": "Cars.", "quote": "parking"}]}', '000000000000000000000000000000a2');
INSERT INTO public.calls VALUES (3, '20261118T080001-ab12cd', 3, '6c5654804a1fa9046d66947c08e1bb071d3ab3fa4c5fbb48472e605028e6a4a2', 'failed', NULL, 'http_529', 'sandbox', 0, 0, 0, '2026-11-18T08:00:05.000000+00:00', 0.25, NULL, '000000000000000000000000000000a3');
INSERT INTO public.calls VALUES (4, '20261118T080001-ab12cd', 4, '1994dafbb9aca887b645a061e790053c7986c114f284b024294faed783dbd19b', 'refused', NULL, NULL, 'sandbox', 900, 12, 0.00048828125, '2026-11-18T08:00:06.000000+00:00', 0.25, 'Réponse à : Texte que le modèle refuse de lire, pour l''exemple.', '000000000000000000000000000000a4');
INSERT INTO public.calls VALUES (5, '20261118T080001-ab12cd', 5, '5de434009a29087c9ced85306a418d45d18756d7ded8dcc04577f502d7deb469', 'empty', NULL, NULL, 'sandbox', 900, 12, 0.00048828125, '2026-11-18T08:00:07.000000+00:00', 0.25, NULL, '000000000000000000000000000000a5');
INSERT INTO public.calls VALUES (6, '20261118T080001-ab12cd', 6, '69c3759e768e04f6c9f04cddf5efe04dc4fe75aaa26dc80827ae4535bbb3f072', 'analysed', NULL, NULL, 'sandbox', 900, 60, 0.0009765625, '2026-11-18T08:00:08.000000+00:00', 0.5, '{"summary": "Le client trouve le prix trop haut.", "sentiment": "negative", "topics": ["price"], "new_topics": []}', '000000000000000000000000000000a6');
INSERT INTO public.calls VALUES (7, '20261118T080001-ab12cd', 7, 'cf303c63be052332921ba124f96225460b3d30272e067d04be3bd0287a83f07b', 'analysed', NULL, NULL, 'sandbox', 900, 60, 0.0009765625, '2026-11-18T08:00:09.000000+00:00', 0.5, '{"summary": "Le retrait ferme trop tôt.", "sentiment": "negative", "topics": [], "new_topics": [{"label": "horaires", "definition": "Heures d''ouverture.", "quote": "ferme beaucoup trop tôt"}]}', '000000000000000000000000000000a7');
INSERT INTO public.calls VALUES (8, '20261118T080001-ab12cd', 10, '7a2266a6ed9885c1135341489d46e7368f8702eb03d58c5b0c0d3a5a8e2bade2', 'analysed', NULL, NULL, 'sandbox', 900, 60, 0.0009765625, '2026-11-18T08:00:10.000000+00:00', 0.5, '{"summary": "La cliente remercie pour l''emballage cadeau.", "sentiment": "positive", "topics": ["packaging"], "new_topics": [{"label": "cadeaux", "definition": "Ce qui touche aux cadeaux.", "quote": "emballage cadeau"}, {"label": "famille", "definition": "Un proche est nommé.", "quote": "ma nièce était ravie"}]}', '000000000000000000000000000000aa');
INSERT INTO public.calls VALUES (9, '20261118T080001-ab12cd', 11, '1eae828eeae15621149852a340fab4f911b2abb2d4af87c51c4548d3660f257b', 'analysed', NULL, NULL, 'sandbox', 900, 60, 0.0009765625, '2026-11-18T08:00:11.000000+00:00', 0.5, '{"summary": "The customer likes the kettle, less so its lid.", "sentiment": "mixed", "topics": ["product_quality"], "new_topics": []}', '000000000000000000000000000000ab');
INSERT INTO public.calls VALUES (10, '20261118T080001-ab12cd', 12, 'dafe311ea1ce7b9558cf6f347d878fc5ca37d93fc8033d871e39aba5c5f9f2eb', 'failed', NULL, 'timeout', 'sandbox', 0, 0, 0, '2026-11-18T08:00:12.000000+00:00', 0.25, NULL, '000000000000000000000000000000ac');
INSERT INTO public.calls VALUES (12, '20261118T080001-ab12cd', 14, '72f409d01ccb9917244f5e911ac84dbbbbba46bba49e895b38a5a2f9b36fb620', 'analysed', NULL, NULL, 'sandbox', 900, 60, 0.0009765625, '2026-11-18T08:00:14.000000+00:00', 0.5, '{"summary": "Le client attend son colis et n''arrive à joindre personne.", "sentiment": "negative", "topics": ["delivery", "customer_service"], "new_topics": [{"label": "téléphone", "definition": "Joindre quelqu''un par téléphone.", "quote": "personne ne répond au téléphone"}]}', '000000000000000000000000000000ae');
INSERT INTO public.calls VALUES (13, '20261118T080001-ab12cd', 15, '325496b6715ef13d458e021c5a7041c3536f8b9e39ad73cc55e07f941c4bc791', 'unreadable', 'invalid_json', NULL, 'sandbox', 900, 12, 0.00048828125, '2026-11-18T08:00:15.000000+00:00', 0.25, 'Réponse à : Le site affiche des prix étranges quand on change de pays.', '000000000000000000000000000000af');
INSERT INTO public.calls VALUES (14, '20261118T080001-ab12cd', 15, '325496b6715ef13d458e021c5a7041c3536f8b9e39ad73cc55e07f941c4bc791', 'unreadable', 'quote_not_in_text', NULL, 'sandbox', 900, 12, 0.00048828125, '2026-11-18T08:00:16.000000+00:00', 0.25, 'Réponse à : Le site affiche des prix étranges quand on change de pays.', '000000000000000000000000000000af');
INSERT INTO public.calls VALUES (15, '20261118T080001-ab12cd', 16, 'ee5cb56f797e152e757b488263d8766043d964a9506dd54c5717fa63cc7018db', 'failed', NULL, 'http_400', 'sandbox', 0, 0, 0, '2026-11-18T08:00:17.000000+00:00', 0.25, NULL, '000000000000000000000000000000b0');
INSERT INTO public.calls VALUES (11, '20261118T080001-ab12cd', 13, 'erased:13', 'analysed', NULL, NULL, 'sandbox', 900, 60, 0.0009765625, '2026-11-18T08:00:13.000000+00:00', 0.5, NULL, '000000000000000000000000000000ad');
INSERT INTO public.calls VALUES (1, '20261118T080001-ab12cd', 1, 'fa905ff22c2d0ee84d014da48a26d8c0ac00dfe413e4520f09dbf4f9ec0ec7a2', 'analysed', NULL, NULL, 'sandbox', 900, 60, 0.0009765625, '2026-11-18T08:00:03.000000+00:00', 0.5, NULL, '000000000000000000000000000000a1');
INSERT INTO public.calls VALUES (16, 'day-2026-11-20', 3, '6c5654804a1fa9046d66947c08e1bb071d3ab3fa4c5fbb48472e605028e6a4a2', 'failed', NULL, 'http_529', 'sandbox', 0, 0, 0, '2026-11-20T08:00:04.000000+00:00', 0.25, NULL, '000000000000000000000000000000a3');
INSERT INTO public.calls VALUES (17, 'day-2026-11-20', 12, 'dafe311ea1ce7b9558cf6f347d878fc5ca37d93fc8033d871e39aba5c5f9f2eb', 'failed', NULL, 'timeout', 'sandbox', 0, 0, 0, '2026-11-20T08:00:05.000000+00:00', 0.25, NULL, '000000000000000000000000000000ac');
INSERT INTO public.calls VALUES (18, 'day-2026-11-20', 19, 'b99f7a85e91492da49a954b46f9e6f6fec6c6e16113a940fee7883682d3717e6', 'analysed', NULL, NULL, 'sandbox', 900, 60, 0.0009765625, '2026-11-20T08:00:06.000000+00:00', 0.5, '{"summary": "Le colis est arrivé vite.", "sentiment": "positive", "topics": ["delivery"], "new_topics": []}', '000000000000000000000000000000b3');
INSERT INTO public.calls VALUES (19, 'day-2026-11-20', 20, '25e5dafa4978417bf6282cd6b261c7c8de19a9595a614811e2a091181de8c965', 'analysed', NULL, NULL, 'sandbox', 900, 60, 0.0009765625, '2026-11-20T08:00:07.000000+00:00', 0.5, '{"summary": "Le client ne peut pas payer.", "sentiment": "negative", "topics": ["payment"], "new_topics": []}', '000000000000000000000000000000b4');
INSERT INTO public.calls VALUES (20, 'day-2026-11-20', 21, 'ddea5de8ec46a91203183a18e5ce505a72d0e14372b342824c96b18c2080a993', 'analysed', NULL, NULL, 'sandbox', 900, 60, 0.0009765625, '2026-11-20T08:00:08.000000+00:00', 0.5, '{"summary": "The kettle''s lid broke.", "sentiment": "negative", "topics": ["product_quality"], "new_topics": [{"label": "lids", "definition": "About lids.", "quote": "the lid broke"}]}', '000000000000000000000000000000b5');
INSERT INTO public.calls VALUES (21, '20261121T080001-ab12cd', 3, '6c5654804a1fa9046d66947c08e1bb071d3ab3fa4c5fbb48472e605028e6a4a2', 'failed', NULL, 'http_529', 'sandbox', 0, 0, 0, '2026-11-21T08:00:04.000000+00:00', 0.25, NULL, '000000000000000000000000000000a3');
INSERT INTO public.calls VALUES (22, '20261121T080001-ab12cd', 24, 'cc2214b23e7335bab1bb3bbd7bfb0b2507a493ac031debd40eb0af98db6e8171', 'analysed', NULL, NULL, 'sandbox', 900, 60, 0.0009765625, '2026-11-21T08:00:05.000000+00:00', 0.5, '{"summary": "Colis rapide, mais boîte ouverte.", "sentiment": "mixed", "topics": ["delivery", "packaging"], "new_topics": []}', '000000000000000000000000000000b8');
INSERT INTO public.calls VALUES (23, '20261121T080001-ab12cd', 27, '5ae1bf38698eb46293e669a4ce4c36bdecd73b19a182108acaab75ae8051ac06', 'analysed', NULL, NULL, 'sandbox', 900, 60, 0.0009765625, '2026-11-21T08:00:06.000000+00:00', 0.5, '{"summary": "Le panier se vide la nuit.", "sentiment": "negative", "topics": ["stability"], "new_topics": [{"label": "panier", "definition": "Le panier d''achats.", "quote": "le panier se vide"}]}', '000000000000000000000000000000bb');
INSERT INTO public.calls VALUES (24, '20261121T080001-ab12cd', 28, '0c6058546612431380cc6bbb2c93ff14d7d42eff056953ee3ac990f3604cacdb', 'analysed', NULL, NULL, 'sandbox', 900, 60, 0.0009765625, '2026-11-21T08:00:07.000000+00:00', 0.5, '{"summary": "The customer loved the tea.", "sentiment": "positive", "topics": ["product_quality"], "new_topics": []}', '000000000000000000000000000000bc');

INSERT INTO public.claims VALUES ('f0c707d1e19e08f903f68634cfbbe6bda8171b75ba41d71536ad89e38d4051ac', 'elsewhere:4242:00ab12cd', 'elsewhere', 4242, 1700000000);
INSERT INTO public.claims VALUES ('dd4eeac1420f73b1a3e5cfa0f317e1034d2eb8007e5bc7d5652e59431139bc61', 'elsewhere:4242:00ab12cd', 'elsewhere', 4242, 1700000000);
INSERT INTO public.claims VALUES ('7fd988ceba82b4709630d4c9908b21d0d1bf28ade58f5bc16439b34d635a158b', 'elsewhere:4242:00ab12cd', 'elsewhere', 4242, 1700000000);
INSERT INTO public.claims VALUES ('4dc7c600ffc8462d24b14952a095e70659c2c1b04c1cb5f3872ffd453710bb7d', 'elsewhere:4242:00ab12cd', 'elsewhere', 4242, 1700000000);

INSERT INTO public.forgotten VALUES ('917e354493b8dfb6384a4c6d1b886d63', '2026-11-19');

INSERT INTO public.load_errors VALUES (1, '20261118T080001-ab12cd', NULL, 'job_failed', '2026-11-18T08:00:18+00:00', NULL, '2026-11-18T08:00:21+00:00');
INSERT INTO public.load_errors VALUES (2, '20261118T080001-ab12cd', '423747d9e5233f543df566f924a7c36a', 'row_refused', '2026-11-18T08:00:19+00:00', 'not these', '2026-11-20T08:00:10+00:00');
INSERT INTO public.load_errors VALUES (3, '20261118T080001-ab12cd', '5d7ef8cb382db8d72f2062f6fc68513a', 'row_refused', '2026-11-18T08:00:20+00:00', 'not these', '2026-11-20T08:00:10+00:00');
INSERT INTO public.load_errors VALUES (4, 'day-2026-11-20', '5d7ef8cb382db8d72f2062f6fc68513a', 'row_refused', '2026-11-20T08:00:09+00:00', 'not these', NULL);
INSERT INTO public.load_errors VALUES (5, 'day-2026-11-20', NULL, 'job_failed', '2026-11-20T08:00:12+00:00', NULL, NULL);

INSERT INTO public.pages VALUES ('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', 'https://boutique.example/avis', '"e1"', 'Fri, 20 Nov 2026 07:00:00 GMT', 3, 'https://boutique.example/avis?page=2');
INSERT INTO public.pages VALUES ('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', 'https://boutique.example/avis?page=2', NULL, NULL, 1, NULL);

INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 1, 10, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 2, 17, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 3, 8, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 4, 14, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 5, NULL, 'not JSON');
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 6, NULL, 'duplicate');
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 7, 15, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 8, 4, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 9, 3, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 10, 1, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 11, 16, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 12, 12, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 13, 18, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 14, 11, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 15, 6, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 16, 13, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 17, 9, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 18, 7, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 19, 2, NULL);
INSERT INTO public.readings VALUES ('20261118T080001-ab12cd', 20, 5, NULL);
INSERT INTO public.readings VALUES ('day-2026-11-20', 1, 19, NULL);
INSERT INTO public.readings VALUES ('day-2026-11-20', 2, 20, NULL);
INSERT INTO public.readings VALUES ('day-2026-11-20', 3, 22, NULL);
INSERT INTO public.readings VALUES ('day-2026-11-20', 4, NULL, 'no text');
INSERT INTO public.readings VALUES ('day-2026-11-20', 5, 23, NULL);
INSERT INTO public.readings VALUES ('day-2026-11-20', 6, 21, NULL);
INSERT INTO public.readings VALUES ('day-2026-11-20', 7, 3, NULL);
INSERT INTO public.readings VALUES ('day-2026-11-20', 8, 12, NULL);
INSERT INTO public.readings VALUES ('20261121T080001-ab12cd', 1, 17, NULL);
INSERT INTO public.readings VALUES ('20261121T080001-ab12cd', 2, 3, NULL);
INSERT INTO public.readings VALUES ('20261121T080001-ab12cd', 3, 24, NULL);
INSERT INTO public.readings VALUES ('20261121T080001-ab12cd', 4, 27, NULL);
INSERT INTO public.readings VALUES ('20261121T080001-ab12cd', 5, 28, NULL);
INSERT INTO public.readings VALUES ('20261121T080001-ab12cd', 6, 25, NULL);
INSERT INTO public.readings VALUES ('20261121T080001-ab12cd', 7, 26, NULL);
INSERT INTO public.readings VALUES ('20261121T080001-ab12cd', 8, NULL, 'forgotten');
INSERT INTO public.readings VALUES ('20261121T080001-ab12cd', 9, 32, NULL);
INSERT INTO public.readings VALUES ('20261121T080001-ab12cd', 10, 31, NULL);
INSERT INTO public.readings VALUES ('20261121T080001-ab12cd', 11, 29, NULL);
INSERT INTO public.readings VALUES ('20261121T080001-ab12cd', 12, 30, NULL);

INSERT INTO public.runs VALUES ('20261118T080001-ab12cd', 'sandbox', 'avis.jsonl', '2026-11-18T08:00:01+00:00', '2026-11-18T08:00:22+00:00', NULL, '00-00000000000000000000000000000001-0000000000000001-01');
INSERT INTO public.runs VALUES ('day-2026-11-20', 'sandbox', 'boutique.example', '2026-11-20T08:00:01+00:00', '2026-11-20T08:00:11+00:00', '2026-11-20', NULL);
INSERT INTO public.runs VALUES ('20261121T080001-ab12cd', 'sandbox', 'avis.jsonl', '2026-11-21T08:00:01+00:00', NULL, NULL, NULL);

INSERT INTO public.topics VALUES (3, 2, 'parking', 'Cars.', 'parking');
INSERT INTO public.topics VALUES (4, 7, 'horaires', 'Heures d''ouverture.', 'ferme beaucoup trop tôt');
INSERT INTO public.topics VALUES (5, 10, 'cadeaux', 'Ce qui touche aux cadeaux.', 'emballage cadeau');
INSERT INTO public.topics VALUES (6, 10, 'famille', 'Un proche est nommé.', 'ma nièce était ravie');
INSERT INTO public.topics VALUES (8, 14, 'téléphone', 'Joindre quelqu''un par téléphone.', 'personne ne répond au téléphone');
INSERT INTO public.topics VALUES (9, 9, 'catalogue', 'The printed catalogue.', 'old catalogue');
INSERT INTO public.topics VALUES (10, 9, 'catalogue', 'The printed catalogue.', 'easier to read');
INSERT INTO public.topics VALUES (11, 18, 'cadeaux', 'Ce qui touche aux cadeaux.', 'emballage cadeau');
INSERT INTO public.topics VALUES (12, 18, 'famille', 'Un proche est nommé.', 'ma nièce était ravie');
INSERT INTO public.topics VALUES (7, 13, 'conseil', 'Le conseil en magasin.', 'erased 7');
INSERT INTO public.topics VALUES (1, 1, 'catalogue', 'The printed catalogue.', 'erased 1');
INSERT INTO public.topics VALUES (2, 1, 'catalogue', 'The printed catalogue.', 'erased 2');
INSERT INTO public.topics VALUES (13, 23, 'téléphone', 'Joindre quelqu''un par téléphone.', 'personne ne répond au téléphone');
INSERT INTO public.topics VALUES (14, 21, 'lids', 'About lids.', 'the lid broke');
INSERT INTO public.topics VALUES (15, 27, 'panier', 'Le panier d''achats.', 'le panier se vide');

INSERT INTO public.verbatims VALUES (8, '60101e0e77eadd4caba07d123f98ff48', 'boutique.example', 'b3', 'https://boutique.example/avis/b3', 4, NULL, '2026-11-03T10:00:00+00:00', '2026-11-18', 'Super', '8185c8ac4656219f4aa5541915079f7b3743e1b5f48bacfcc3386af016b55320', 5, false, false, 'skipped', 'too_short', NULL, '20261118T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (2, '423747d9e5233f543df566f924a7c36a', 'forum.example', 'f7', 'https://forum.example/avis/f7', NULL, 'en', '2026-11-19T10:00:00+00:00', '2026-11-18', 'The parking in front of the shop is always full.', '72fdafdad87c773de24eb4e2a546efbaf84df78ae65d9242abaaf83b88956cc7', 48, false, true, 'analysed', NULL, '0fbec126c1b76efa5e8ca440f71ca05dd4c925476bc2b53098ff65b3a54d9b18', '20261118T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (4, '4ba395d8810e20ae33f9008db23d5ab1', 'boutique.example', 'b6', 'https://boutique.example/avis/b6', 4, 'fr', '2026-11-08T10:00:00+00:00', '2026-11-18', 'Texte que le modèle refuse de lire, pour l''exemple.', '0737e6a9eb936bb7c0d62240252359ccf71eb806df5aaf9e7c3a7cf307129964', 51, false, true, 'refused', NULL, NULL, '20261118T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (5, '539a39b96193c3b463cf84b0f82461f1', 'forum.example', 'f8', 'https://forum.example/avis/f8', NULL, 'fr', '2026-11-20T10:00:00+00:00', '2026-11-18', 'Texte auquel le modèle ne répond rien, pour l''exemple.', '62427f8857b5da1aecb7bed877108ccb6223b0dfac82c69962dda186bf87b74b', 54, false, true, 'empty', NULL, NULL, '20261118T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (7, '5d7ef8cb382db8d72f2062f6fc68513a', 'forum.example', 'f6', 'https://forum.example/avis/f6', NULL, 'fr', '2026-11-18T10:00:00+00:00', '2026-11-18', 'Le comptoir de retrait ferme beaucoup trop tôt le soir.', 'ce41a005f53402128263e60e332fe7c1879dbb627acc543c2ff237adb075fb3a', 55, false, true, 'analysed', NULL, 'cf303c63be052332921ba124f96225460b3d30272e067d04be3bd0287a83f07b', '20261118T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (9, '60371c9f057f3ecfbf2ef8ce28cad4aa', 'forum.example', 'f5', 'https://forum.example/avis/f5', NULL, 'en', '2026-11-17T10:00:00+00:00', '2026-11-18', 'The old catalogue was easier to read than the new site.', '987f035105051c8cf8632df9cd40a270dd84630d0ba38b2b0b934eff8ba6833b', 55, false, true, 'analysed', NULL, 'fa905ff22c2d0ee84d014da48a26d8c0ac00dfe413e4520f09dbf4f9ec0ec7a2', '20261118T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (1, '1e6d5c215529c85d60b4e481ef3033ad', 'boutique.example', 'b8', 'https://boutique.example/avis/b8', 1, 'en', '2026-11-10T10:00:00+00:00', '2023-05-05', NULL, '987f035105051c8cf8632df9cd40a270dd84630d0ba38b2b0b934eff8ba6833b', 55, false, true, 'analysed', NULL, 'erased:1', '20261118T080001-ab12cd', true);
INSERT INTO public.verbatims VALUES (3, '465d082876fb3c60cab951267187c207', 'boutique.example', 'b7', 'https://boutique.example/avis/b7', 3, 'fr', '2026-11-02T10:00:00+00:00', '2026-11-18', 'Le suivi du colis ne marche plus depuis mardi matin.', 'd4c0f7d5fc38bf45ad89fd9e11c296a71de9575184d3c950ba2ae9a314093cd1', 52, false, true, NULL, NULL, NULL, NULL, false);
INSERT INTO public.verbatims VALUES (6, '5506b270f2b107b5ed731f69d9ad9000', 'forum.example', 'f3', 'https://forum.example/avis/f3', NULL, 'fr', '2026-11-15T10:00:00+00:00', '2026-11-18', NULL, '42071d793a8dfb9c9aea01e43ec28e610bf8479787beee4f5b8455f1d31a7821', 50, true, true, 'analysed', NULL, '69c3759e768e04f6c9f04cddf5efe04dc4fe75aaa26dc80827ae4535bbb3f072', '20261118T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (10, '608dc1736d3a1300e5402cfba285de73', 'boutique.example', 'b1', 'https://boutique.example/avis/b1', 2, 'fr', '2026-11-01T10:00:00+00:00', '2026-11-18', 'Très bel emballage cadeau, ma nièce était ravie. Merci beaucoup !', 'e1d763f30dccd60a7a45c2f6d51b2d7b1c334686f908fdeae82bda867b978304', 65, false, true, 'analysed', NULL, '7a2266a6ed9885c1135341489d46e7368f8702eb03d58c5b0c0d3a5a8e2bade2', '20261118T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (14, 'c96dee67ac77cc383d49436c74b90e7b', 'boutique.example', 'b4', 'https://boutique.example/avis/b4', 5, 'fr', '2026-11-04T10:00:00+00:00', '2026-11-18', 'Livraison en retard de trois jours, personne ne répond au téléphone.', 'f7208ae79e403666eab9732a22930d9eab24175523022d3923a638b89b67cc48', 68, false, true, 'analysed', NULL, '72f409d01ccb9917244f5e911ac84dbbbbba46bba49e895b38a5a2f9b36fb620', '20261118T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (15, 'd23d0bf762fbd46baa40071e6ba902cf', 'boutique.example', 'b5', 'https://boutique.example/avis/b5', 3, 'fr', '2026-11-07T10:00:00+00:00', '2026-11-18', 'Le site affiche des prix étranges quand on change de pays.', '62282797526c985aea376773e518a688785708f5eae00e4a39743ba09203fdc6', 58, false, true, 'unreadable', NULL, NULL, '20261118T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (16, 'ed7bc45bcf82250d997aa008ef4f219d', 'boutique.example', 'b9', 'https://boutique.example/avis/b9', 2, 'fr', '2026-11-11T10:00:00+00:00', '2026-11-18', 'Ce texte-ci rend la requête invalide, pour l''exemple.', 'c06cc1c29ed2044e21001aba3db2d02a30fe488cf60b42a318c2f1e5cabd61c3', 53, false, true, 'failed', NULL, NULL, '20261118T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (18, 'fef25ad35a11272a0eea4fc4b5a5d7ad', 'forum.example', 'f1', 'https://forum.example/avis/f1', NULL, 'fr', '2026-11-13T10:00:00+00:00', '2026-11-18', 'Très bel emballage cadeau, ma nièce était ravie. Merci beaucoup !', 'e1d763f30dccd60a7a45c2f6d51b2d7b1c334686f908fdeae82bda867b978304', 65, false, true, 'analysed', NULL, '7a2266a6ed9885c1135341489d46e7368f8702eb03d58c5b0c0d3a5a8e2bade2', '20261118T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (13, '917e354493b8dfb6384a4c6d1b886d63', 'forum.example', '917e354493b8dfb6384a4c6d1b886d63', NULL, NULL, 'fr', '2026-11-16', '2026-11-18', NULL, '', 56, true, true, 'analysed', NULL, 'erased:13', '20261118T080001-ab12cd', true);
INSERT INTO public.verbatims VALUES (11, '887ac74a7c2d7417a84718013a39b743', 'forum.example', 'f2', 'https://forum.example/avis/f2', NULL, 'en', '2026-11-14T10:00:00+00:00', '2026-11-18', NULL, '184c116909bce35629a5e4cac5260d7c7f52f384a311a686c57e2a97b82b0aff', 42, true, true, 'analysed', NULL, '1eae828eeae15621149852a340fab4f911b2abb2d4af87c51c4548d3660f257b', '20261118T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (25, '4cd06df5629f3266b0c0be72d16680b6', 'boutique.example', 'n3', 'https://boutique.example/avis/n3', 2, 'fr', '2026-11-06T10:00:00+00:00', '2026-11-21', 'Les filtres de recherche ne gardent pas ma taille.', 'a375c2c46ce16a4e234a9fa76b0c5e55ee87ec2dec99bbc6740c62ad00e4e2c5', 50, false, true, NULL, NULL, NULL, NULL, false);
INSERT INTO public.verbatims VALUES (26, '5506b270f2b107b5ed731f69d9ad9000', 'forum.example', 'f3', 'https://forum.example/avis/f3', NULL, 'fr', '2026-11-07T10:00:00+00:00', '2026-11-18', 'Trop cher, mais le service a remboursé la différence.', '1f45108a6e1fad12fbe3dddb4296fbb7932ee13b7b2361e0483e76a2eb35c054', 53, false, true, NULL, NULL, NULL, NULL, false);
INSERT INTO public.verbatims VALUES (22, 'a6b0adca07ff8c8d652b7ac21feef478', 'boutique.example', 'd3', 'https://boutique.example/avis/d3', 4, NULL, '2026-11-03T10:00:00+00:00', '2026-11-20', 'Très bien', 'e88fcff9104392f9cf0d531a8bb1328430c54bd59f2d96a0cdd842de3c4c4a24', 9, false, false, 'skipped', 'too_short', NULL, 'day-2026-11-20', false);
INSERT INTO public.verbatims VALUES (21, '887ac74a7c2d7417a84718013a39b743', 'forum.example', 'f2', 'https://forum.example/avis/f2', NULL, 'en', '2026-11-06T10:00:00+00:00', '2026-11-18', 'Good kettle, but the lid broke after one week.', '1c9cad04de4005ff9a5a92da59595c6883acf32b989fade5fb622b5c3899ddf1', 46, false, true, 'analysed', NULL, 'ddea5de8ec46a91203183a18e5ce505a72d0e14372b342824c96b18c2080a993', 'day-2026-11-20', false);
INSERT INTO public.verbatims VALUES (23, 'd7dbf8696536afc749f790f311220d25', 'forum.example', 'd4', 'https://forum.example/avis/d4', NULL, 'fr', '2026-11-05T10:00:00+00:00', '2026-11-20', 'Livraison en retard de trois jours, personne ne répond au téléphone.', 'f7208ae79e403666eab9732a22930d9eab24175523022d3923a638b89b67cc48', 68, false, true, 'analysed', NULL, '72f409d01ccb9917244f5e911ac84dbbbbba46bba49e895b38a5a2f9b36fb620', 'day-2026-11-20', false);
INSERT INTO public.verbatims VALUES (20, '8480d4d2983a987f32c0be30a947940f', 'boutique.example', 'd2', 'https://boutique.example/avis/d2', 3, 'fr', '2026-11-02T10:00:00+00:00', '2026-11-20', 'Vous pouvez m''écrire à [email], le bouton payer est gris.', '2accb04be8185aa34d253527a4ffecef33f553487380ab9afcef19822fdb90cb', 57, false, true, 'analysed', NULL, '25e5dafa4978417bf6282cd6b261c7c8de19a9595a614811e2a091181de8c965', 'day-2026-11-20', false);
INSERT INTO public.verbatims VALUES (12, '901e166e591bd06dcff5632dbc15d3b9', 'boutique.example', 'b10', 'https://boutique.example/avis/b10', 3, 'fr', '2026-11-12T10:00:00+00:00', '2026-11-18', NULL, '00b99f9567df77592c6bd976107a3bf331d4f8ef7cb4ab11cbaf16072fb5f45d', 46, true, true, NULL, NULL, NULL, NULL, false);
INSERT INTO public.verbatims VALUES (17, 'f359beca9741edbc4784e1db935c1e19', 'boutique.example', 'b2', 'https://boutique.example/avis/b2', 2, 'fr', '2026-11-01T10:00:00+00:00', '2026-11-18', 'Livraison en retard de trois jours, personne ne répond au téléphone.', 'f7208ae79e403666eab9732a22930d9eab24175523022d3923a638b89b67cc48', 68, false, false, 'skipped', 'duplicate', NULL, '20261118T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (19, '3d0069cef704905c7565bd39ffa52a48', 'boutique.example', 'd1', 'https://boutique.example/avis/d1', 2, 'fr', '2026-11-01T10:00:00+00:00', '2026-11-20', NULL, 'f4f3274db468063f1697f135b450e7a2bfcb6bd059bf8ce3773c446c9d0472ae', 42, true, true, 'analysed', NULL, 'b99f7a85e91492da49a954b46f9e6f6fec6c6e16113a940fee7883682d3717e6', 'day-2026-11-20', false);
INSERT INTO public.verbatims VALUES (24, '3d0069cef704905c7565bd39ffa52a48', 'boutique.example', 'd1', 'https://boutique.example/avis/d1', 4, 'fr', '2026-11-03T10:00:00+00:00', '2026-11-20', 'Colis arrivé en deux jours, mais la boîte était ouverte.', 'dfd3be66e50df19b63c114b32615b4aedc724587e34392f8642c5f65808223e8', 56, false, true, 'analysed', NULL, 'cc2214b23e7335bab1bb3bbd7bfb0b2507a493ac031debd40eb0af98db6e8171', '20261121T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (30, '901e166e591bd06dcff5632dbc15d3b9', 'boutique.example', 'b10', 'https://boutique.example/avis/b10', 3, 'fr', '2026-11-12T10:00:00+00:00', '2026-11-18', 'Le chat du site se ferme au bout de deux minutes.', 'b229fe6cca00d12f038293b4b37088d2031123f1131addde50d63d098088f60e', 49, false, true, NULL, NULL, NULL, NULL, false);
INSERT INTO public.verbatims VALUES (31, '971ef96cdf861e84ee0d9ec035dc336d', 'boutique.example', 'n5', 'https://boutique.example/avis/n5', 1, 'fr', '2026-11-10T10:00:00+00:00', '2026-11-21', 'Pouvez-vous vendre les pièces détachées séparément ?', '4ca0d1bea3b5002dddc297347c6dd6982dd04dbad0295b7206a7471a0dfd2413', 52, false, true, NULL, NULL, NULL, NULL, false);
INSERT INTO public.verbatims VALUES (32, 'e449247226d6be9eda9555657ebd4448', 'forum.example', 'n4', 'https://forum.example/avis/n4', NULL, 'fr', '2026-11-09T10:00:00+00:00', '2026-11-21', 'Pouvez-vous vendre les pièces détachées séparément ?', '4ca0d1bea3b5002dddc297347c6dd6982dd04dbad0295b7206a7471a0dfd2413', 52, false, true, NULL, NULL, NULL, NULL, false);
INSERT INTO public.verbatims VALUES (29, '7314483e27f3815b6b46f9015979055e', 'forum.example', 'n6', 'https://forum.example/avis/n6', NULL, 'fr', '2026-11-11T10:00:00+00:00', '2026-11-21', 'Colis arrivé en deux jours, rien à redire.', 'f4f3274db468063f1697f135b450e7a2bfcb6bd059bf8ce3773c446c9d0472ae', 42, false, true, 'analysed', NULL, 'b99f7a85e91492da49a954b46f9e6f6fec6c6e16113a940fee7883682d3717e6', '20261121T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (27, '598ea1bb7189093476a97bc8017b00ba', 'boutique.example', 'n1', 'https://boutique.example/avis/n1', 5, 'fr', '2026-11-04T10:00:00+00:00', '2026-11-21', 'Impossible de commander la nuit, le panier se vide tout seul.', '21d9128b80589b274165d3d046cc2bc15b053e967c42d6a6b1a472fc13f5abc1', 61, false, true, 'analysed', NULL, '5ae1bf38698eb46293e669a4ce4c36bdecd73b19a182108acaab75ae8051ac06', '20261121T080001-ab12cd', false);
INSERT INTO public.verbatims VALUES (28, '5b99c582f24ca3fb4728e32577d03f40', 'boutique.example', 'n2', 'https://boutique.example/avis/n2', 1, 'en', '2026-11-05T10:00:00+00:00', '2026-11-21', 'The tea was lovely and came with a handwritten note.', '3407f9dc142b52e7ae67c2310051d5fd3dd5c59864146a1ca3689d43157abfc1', 52, false, true, 'analysed', NULL, '0c6058546612431380cc6bbb2c93ff14d7d42eff056953ee3ac990f3604cacdb', '20261121T080001-ab12cd', false);

INSERT INTO public.visits VALUES (1, 'boutique.example', 'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', '2026-11-20T08:00:02+00:00', '2026-11-20T08:00:03+00:00', 2, 4, 3, '{"missing": ["rating"], "left_over": ["author"]}', 'day-2026-11-20');
INSERT INTO public.visits VALUES (2, 'boutique.example', 'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', '2026-11-21T08:00:03+00:00', NULL, NULL, NULL, NULL, NULL, '20261121T080001-ab12cd');

SELECT pg_catalog.setval('public.calls_call_seq', 24, true);

SELECT pg_catalog.setval('public.load_errors_load_error_seq', 5, true);

SELECT pg_catalog.setval('public.topics_topic_seq', 15, true);

SELECT pg_catalog.setval('public.verbatims_row_seq', 32, true);

SELECT pg_catalog.setval('public.visits_visit_seq', 2, true);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.answers
    ADD CONSTRAINT answers_pkey PRIMARY KEY (request_key);

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (call);

ALTER TABLE ONLY public.claims
    ADD CONSTRAINT claims_pkey PRIMARY KEY (request_key);

ALTER TABLE ONLY public.forgotten
    ADD CONSTRAINT forgotten_pkey PRIMARY KEY (verbatim_id);

ALTER TABLE ONLY public.load_errors
    ADD CONSTRAINT load_errors_pkey PRIMARY KEY (load_error);

ALTER TABLE ONLY public.pages
    ADD CONSTRAINT pages_pkey PRIMARY KEY (definition, url);

ALTER TABLE ONLY public.readings
    ADD CONSTRAINT readings_pkey PRIMARY KEY (run_id, "position");

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY public.topics
    ADD CONSTRAINT topics_once UNIQUE ("row", label, quote);

ALTER TABLE ONLY public.topics
    ADD CONSTRAINT topics_pkey PRIMARY KEY (topic);

ALTER TABLE ONLY public.verbatims
    ADD CONSTRAINT verbatims_pkey PRIMARY KEY ("row");

ALTER TABLE ONLY public.visits
    ADD CONSTRAINT visits_pkey PRIMARY KEY (visit);

CREATE INDEX calls_by_key ON public.calls USING btree (request_key);

CREATE INDEX calls_by_row ON public.calls USING btree ("row");

CREATE INDEX calls_by_run ON public.calls USING btree (run_id, outcome);

CREATE INDEX calls_by_time ON public.calls USING btree (sent_at);

CREATE INDEX readings_by_row ON public.readings USING btree (run_id, "row");

CREATE INDEX verbatims_by_answer ON public.verbatims USING btree (answer_key);

CREATE INDEX verbatims_by_day ON public.verbatims USING btree (seen_on);

CREATE INDEX verbatims_by_id ON public.verbatims USING btree (verbatim_id);

CREATE INDEX verbatims_by_outcome ON public.verbatims USING btree (outcome, source, reason);

CREATE INDEX verbatims_by_text ON public.verbatims USING btree (source, text_hash);

CREATE UNIQUE INDEX verbatims_current ON public.verbatims USING btree (verbatim_id) WHERE (NOT superseded);

CREATE INDEX visits_by_source ON public.visits USING btree (source, visit);

ALTER TABLE ONLY public.answers
    ADD CONSTRAINT answers_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(run_id);

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_row_fkey FOREIGN KEY ("row") REFERENCES public.verbatims("row");

ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(run_id);

ALTER TABLE ONLY public.load_errors
    ADD CONSTRAINT load_errors_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(run_id);

ALTER TABLE ONLY public.readings
    ADD CONSTRAINT readings_row_fkey FOREIGN KEY ("row") REFERENCES public.verbatims("row");

ALTER TABLE ONLY public.readings
    ADD CONSTRAINT readings_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(run_id);

ALTER TABLE ONLY public.topics
    ADD CONSTRAINT topics_row_fkey FOREIGN KEY ("row") REFERENCES public.verbatims("row");

ALTER TABLE ONLY public.verbatims
    ADD CONSTRAINT verbatims_answer_key_fkey FOREIGN KEY (answer_key) REFERENCES public.answers(request_key);

ALTER TABLE ONLY public.verbatims
    ADD CONSTRAINT verbatims_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.runs(run_id);
