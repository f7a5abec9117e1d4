BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE answers (
	request_key VARCHAR NOT NULL, 
	run_id VARCHAR NOT NULL, 
	"row" INTEGER NOT NULL, 
	summary TEXT NOT NULL, 
	sentiment VARCHAR NOT NULL, 
	topics TEXT NOT NULL, 
	new_topics TEXT NOT NULL, 
	model VARCHAR NOT NULL, 
	prompt_version VARCHAR NOT NULL, 
	trace_id VARCHAR, 
	analysed_at VARCHAR NOT NULL, 
	PRIMARY KEY (request_key), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id)
);
INSERT INTO "answers" VALUES('fa905ff22c2d0ee84d014da48a26d8c0ac00dfe413e4520f09dbf4f9ec0ec7a2','20261118T080001-ab12cd',1,'The customer preferred the catalogue.','neutral','["usability"]','[{"label": "catalogue", "definition": "The printed catalogue.", "quote": "old catalogue"}, {"label": "catalogue", "definition": "The printed catalogue.", "quote": "easier to read"}]','sandbox','analyse_v1','000000000000000000000000000000a1','2026-11-18T08:00:03.000000+00:00');
INSERT INTO "answers" VALUES('0fbec126c1b76efa5e8ca440f71ca05dd4c925476bc2b53098ff65b3a54d9b18','20261118T080001-ab12cd',2,'The parking is full.','negative','[]','[{"label": "parking", "definition": "Cars.", "quote": "parking"}]','sandbox','analyse_v1','000000000000000000000000000000a2','2026-11-18T08:00:04.000000+00:00');
INSERT INTO "answers" VALUES('69c3759e768e04f6c9f04cddf5efe04dc4fe75aaa26dc80827ae4535bbb3f072','20261118T080001-ab12cd',6,'Le client trouve le prix trop haut.','negative','["price"]','[]','sandbox','analyse_v1','000000000000000000000000000000a6','2026-11-18T08:00:08.000000+00:00');
INSERT INTO "answers" VALUES('cf303c63be052332921ba124f96225460b3d30272e067d04be3bd0287a83f07b','20261118T080001-ab12cd',7,'Le retrait ferme trop tôt.','negative','[]','[{"label": "horaires", "definition": "Heures d''ouverture.", "quote": "ferme beaucoup trop tôt"}]','sandbox','analyse_v1','000000000000000000000000000000a7','2026-11-18T08:00:09.000000+00:00');
INSERT INTO "answers" VALUES('7a2266a6ed9885c1135341489d46e7368f8702eb03d58c5b0c0d3a5a8e2bade2','20261118T080001-ab12cd',10,'La cliente remercie pour l''emballage cadeau.','positive','["packaging"]','[{"label": "cadeaux", "definition": "Ce qui touche aux cadeaux.", "quote": "emballage cadeau"}, {"label": "famille", "definition": "Un proche est nommé.", "quote": "ma nièce était ravie"}]','sandbox','analyse_v1','000000000000000000000000000000aa','2026-11-18T08:00:10.000000+00:00');
INSERT INTO "answers" VALUES('1eae828eeae15621149852a340fab4f911b2abb2d4af87c51c4548d3660f257b','20261118T080001-ab12cd',11,'The customer likes the kettle, less so its lid.','mixed','["product_quality"]','[]','sandbox','analyse_v1','000000000000000000000000000000ab','2026-11-18T08:00:11.000000+00:00');
INSERT INTO "answers" VALUES('72f409d01ccb9917244f5e911ac84dbbbbba46bba49e895b38a5a2f9b36fb620','20261118T080001-ab12cd',14,'Le client attend son colis et n''arrive à joindre personne.','negative','["delivery", "customer_service"]','[{"label": "téléphone", "definition": "Joindre quelqu''un par téléphone.", "quote": "personne ne répond au téléphone"}]','sandbox','analyse_v1','000000000000000000000000000000ae','2026-11-18T08:00:14.000000+00:00');
INSERT INTO "answers" VALUES('erased:13','20261118T080001-ab12cd',13,'','positive','["customer_service"]','[{"label": "conseil", "definition": "Le conseil en magasin.", "quote": null}]','sandbox','analyse_v1','000000000000000000000000000000ad','2026-11-18T08:00:13.000000+00:00');
INSERT INTO "answers" VALUES('erased:1','20261118T080001-ab12cd',1,'','neutral','["usability"]','[{"label": "catalogue", "definition": "The printed catalogue.", "quote": null}, {"label": "catalogue", "definition": "The printed catalogue.", "quote": null}]','sandbox','analyse_v1','000000000000000000000000000000a1','2026-11-18T08:00:03.000000+00:00');
INSERT INTO "answers" VALUES('b99f7a85e91492da49a954b46f9e6f6fec6c6e16113a940fee7883682d3717e6','day-2026-11-20',19,'Le colis est arrivé vite.','positive','["delivery"]','[]','sandbox','analyse_v1','000000000000000000000000000000b3','2026-11-20T08:00:06.000000+00:00');
INSERT INTO "answers" VALUES('25e5dafa4978417bf6282cd6b261c7c8de19a9595a614811e2a091181de8c965','day-2026-11-20',20,'Le client ne peut pas payer.','negative','["payment"]','[]','sandbox','analyse_v1','000000000000000000000000000000b4','2026-11-20T08:00:07.000000+00:00');
INSERT INTO "answers" VALUES('ddea5de8ec46a91203183a18e5ce505a72d0e14372b342824c96b18c2080a993','day-2026-11-20',21,'The kettle''s lid broke.','negative','["product_quality"]','[{"label": "lids", "definition": "About lids.", "quote": "the lid broke"}]','sandbox','analyse_v1','000000000000000000000000000000b5','2026-11-20T08:00:08.000000+00:00');
INSERT INTO "answers" VALUES('cc2214b23e7335bab1bb3bbd7bfb0b2507a493ac031debd40eb0af98db6e8171','20261121T080001-ab12cd',24,'Colis rapide, mais boîte ouverte.','mixed','["delivery", "packaging"]','[]','sandbox','analyse_v1','000000000000000000000000000000b8','2026-11-21T08:00:05.000000+00:00');
INSERT INTO "answers" VALUES('5ae1bf38698eb46293e669a4ce4c36bdecd73b19a182108acaab75ae8051ac06','20261121T080001-ab12cd',27,'Le panier se vide la nuit.','negative','["stability"]','[{"label": "panier", "definition": "Le panier d''achats.", "quote": "le panier se vide"}]','sandbox','analyse_v1','000000000000000000000000000000bb','2026-11-21T08:00:06.000000+00:00');
INSERT INTO "answers" VALUES('0c6058546612431380cc6bbb2c93ff14d7d42eff056953ee3ac990f3604cacdb','20261121T080001-ab12cd',28,'The customer loved the tea.','positive','["product_quality"]','[]','sandbox','analyse_v1','000000000000000000000000000000bc','2026-11-21T08:00:07.000000+00:00');
CREATE TABLE calls (
	call INTEGER NOT NULL, 
	run_id VARCHAR NOT NULL, 
	"row" INTEGER NOT NULL, 
	request_key VARCHAR NOT NULL, 
	outcome VARCHAR NOT NULL, 
	json_error VARCHAR, 
	error VARCHAR, 
	model VARCHAR NOT NULL, 
	input_tokens INTEGER NOT NULL, 
	output_tokens INTEGER NOT NULL, 
	cost_usd FLOAT NOT NULL, 
	sent_at VARCHAR NOT NULL, 
	duration_s FLOAT NOT NULL, 
	raw TEXT, 
	trace_id VARCHAR, 
	PRIMARY KEY (call), 
	FOREIGN KEY("row") REFERENCES verbatims ("row"), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id)
);
INSERT INTO "calls" VALUES(1,'20261118T080001-ab12cd',1,'fa905ff22c2d0ee84d014da48a26d8c0ac00dfe413e4520f09dbf4f9ec0ec7a2','analysed',NULL,NULL,'sandbox',900,60,0.0009765625,'2026-11-18T08:00:03.000000+00:00',0.5,NULL,'000000000000000000000000000000a1');
INSERT INTO "calls" VALUES(2,'20261118T080001-ab12cd',2,'0fbec126c1b76efa5e8ca440f71ca05dd4c925476bc2b53098ff65b3a54d9b18','analysed',NULL,NULL,'sandbox',900,60,0.0009765625,'2026-11-18T08:00:04.000000+00:00',0.5,'{"summary": "The parking is full.", "sentiment": "negative", "topics": [], "new_topics": [{"label": "parking", "definition": "Cars.", "quote": "parking"}]}','000000000000000000000000000000a2');
INSERT INTO "calls" VALUES(3,'20261118T080001-ab12cd',3,'6c5654804a1fa9046d66947c08e1bb071d3ab3fa4c5fbb48472e605028e6a4a2','failed',NULL,'http_529','sandbox',0,0,0.0,'2026-11-18T08:00:05.000000+00:00',0.25,NULL,'000000000000000000000000000000a3');
INSERT INTO "calls" VALUES(4,'20261118T080001-ab12cd',4,'1994dafbb9aca887b645a061e790053c7986c114f284b024294faed783dbd19b','refused',NULL,NULL,'sandbox',900,12,0.00048828125,'2026-11-18T08:00:06.000000+00:00',0.25,'Réponse à : Texte que le modèle refuse de lire, pour l''exemple.','000000000000000000000000000000a4');
INSERT INTO "calls" VALUES(5,'20261118T080001-ab12cd',5,'5de434009a29087c9ced85306a418d45d18756d7ded8dcc04577f502d7deb469','empty',NULL,NULL,'sandbox',900,12,0.00048828125,'2026-11-18T08:00:07.000000+00:00',0.25,NULL,'000000000000000000000000000000a5');
INSERT INTO "calls" VALUES(6,'20261118T080001-ab12cd',6,'69c3759e768e04f6c9f04cddf5efe04dc4fe75aaa26dc80827ae4535bbb3f072','analysed',NULL,NULL,'sandbox',900,60,0.0009765625,'2026-11-18T08:00:08.000000+00:00',0.5,'{"summary": "Le client trouve le prix trop haut.", "sentiment": "negative", "topics": ["price"], "new_topics": []}','000000000000000000000000000000a6');
INSERT INTO "calls" VALUES(7,'20261118T080001-ab12cd',7,'cf303c63be052332921ba124f96225460b3d30272e067d04be3bd0287a83f07b','analysed',NULL,NULL,'sandbox',900,60,0.0009765625,'2026-11-18T08:00:09.000000+00:00',0.5,'{"summary": "Le retrait ferme trop tôt.", "sentiment": "negative", "topics": [], "new_topics": [{"label": "horaires", "definition": "Heures d''ouverture.", "quote": "ferme beaucoup trop tôt"}]}','000000000000000000000000000000a7');
INSERT INTO "calls" VALUES(8,'20261118T080001-ab12cd',10,'7a2266a6ed9885c1135341489d46e7368f8702eb03d58c5b0c0d3a5a8e2bade2','analysed',NULL,NULL,'sandbox',900,60,0.0009765625,'2026-11-18T08:00:10.000000+00:00',0.5,'{"summary": "La cliente remercie pour l''emballage cadeau.", "sentiment": "positive", "topics": ["packaging"], "new_topics": [{"label": "cadeaux", "definition": "Ce qui touche aux cadeaux.", "quote": "emballage cadeau"}, {"label": "famille", "definition": "Un proche est nommé.", "quote": "ma nièce était ravie"}]}','000000000000000000000000000000aa');
INSERT INTO "calls" VALUES(9,'20261118T080001-ab12cd',11,'1eae828eeae15621149852a340fab4f911b2abb2d4af87c51c4548d3660f257b','analysed',NULL,NULL,'sandbox',900,60,0.0009765625,'2026-11-18T08:00:11.000000+00:00',0.5,'{"summary": "The customer likes the kettle, less so its lid.", "sentiment": "mixed", "topics": ["product_quality"], "new_topics": []}','000000000000000000000000000000ab');
INSERT INTO "calls" VALUES(10,'20261118T080001-ab12cd',12,'dafe311ea1ce7b9558cf6f347d878fc5ca37d93fc8033d871e39aba5c5f9f2eb','failed',NULL,'timeout','sandbox',0,0,0.0,'2026-11-18T08:00:12.000000+00:00',0.25,NULL,'000000000000000000000000000000ac');
INSERT INTO "calls" VALUES(11,'20261118T080001-ab12cd',13,'erased:13','analysed',NULL,NULL,'sandbox',900,60,0.0009765625,'2026-11-18T08:00:13.000000+00:00',0.5,NULL,'000000000000000000000000000000ad');
INSERT INTO "calls" VALUES(12,'20261118T080001-ab12cd',14,'72f409d01ccb9917244f5e911ac84dbbbbba46bba49e895b38a5a2f9b36fb620','analysed',NULL,NULL,'sandbox',900,60,0.0009765625,'2026-11-18T08:00:14.000000+00:00',0.5,'{"summary": "Le client attend son colis et n''arrive à joindre personne.", "sentiment": "negative", "topics": ["delivery", "customer_service"], "new_topics": [{"label": "téléphone", "definition": "Joindre quelqu''un par téléphone.", "quote": "personne ne répond au téléphone"}]}','000000000000000000000000000000ae');
INSERT INTO "calls" VALUES(13,'20261118T080001-ab12cd',15,'325496b6715ef13d458e021c5a7041c3536f8b9e39ad73cc55e07f941c4bc791','unreadable','invalid_json',NULL,'sandbox',900,12,0.00048828125,'2026-11-18T08:00:15.000000+00:00',0.25,'Réponse à : Le site affiche des prix étranges quand on change de pays.','000000000000000000000000000000af');
INSERT INTO "calls" VALUES(14,'20261118T080001-ab12cd',15,'325496b6715ef13d458e021c5a7041c3536f8b9e39ad73cc55e07f941c4bc791','unreadable','quote_not_in_text',NULL,'sandbox',900,12,0.00048828125,'2026-11-18T08:00:16.000000+00:00',0.25,'Réponse à : Le site affiche des prix étranges quand on change de pays.','000000000000000000000000000000af');
INSERT INTO "calls" VALUES(15,'20261118T080001-ab12cd',16,'ee5cb56f797e152e757b488263d8766043d964a9506dd54c5717fa63cc7018db','failed',NULL,'http_400','sandbox',0,0,0.0,'2026-11-18T08:00:17.000000+00:00',0.25,NULL,'000000000000000000000000000000b0');
INSERT INTO "calls" VALUES(16,'day-2026-11-20',3,'6c5654804a1fa9046d66947c08e1bb071d3ab3fa4c5fbb48472e605028e6a4a2','failed',NULL,'http_529','sandbox',0,0,0.0,'2026-11-20T08:00:04.000000+00:00',0.25,NULL,'000000000000000000000000000000a3');
INSERT INTO "calls" VALUES(17,'day-2026-11-20',12,'dafe311ea1ce7b9558cf6f347d878fc5ca37d93fc8033d871e39aba5c5f9f2eb','failed',NULL,'timeout','sandbox',0,0,0.0,'2026-11-20T08:00:05.000000+00:00',0.25,NULL,'000000000000000000000000000000ac');
INSERT INTO "calls" VALUES(18,'day-2026-11-20',19,'b99f7a85e91492da49a954b46f9e6f6fec6c6e16113a940fee7883682d3717e6','analysed',NULL,NULL,'sandbox',900,60,0.0009765625,'2026-11-20T08:00:06.000000+00:00',0.5,'{"summary": "Le colis est arrivé vite.", "sentiment": "positive", "topics": ["delivery"], "new_topics": []}','000000000000000000000000000000b3');
INSERT INTO "calls" VALUES(19,'day-2026-11-20',20,'25e5dafa4978417bf6282cd6b261c7c8de19a9595a614811e2a091181de8c965','analysed',NULL,NULL,'sandbox',900,60,0.0009765625,'2026-11-20T08:00:07.000000+00:00',0.5,'{"summary": "Le client ne peut pas payer.", "sentiment": "negative", "topics": ["payment"], "new_topics": []}','000000000000000000000000000000b4');
INSERT INTO "calls" VALUES(20,'day-2026-11-20',21,'ddea5de8ec46a91203183a18e5ce505a72d0e14372b342824c96b18c2080a993','analysed',NULL,NULL,'sandbox',900,60,0.0009765625,'2026-11-20T08:00:08.000000+00:00',0.5,'{"summary": "The kettle''s lid broke.", "sentiment": "negative", "topics": ["product_quality"], "new_topics": [{"label": "lids", "definition": "About lids.", "quote": "the lid broke"}]}','000000000000000000000000000000b5');
INSERT INTO "calls" VALUES(21,'20261121T080001-ab12cd',3,'6c5654804a1fa9046d66947c08e1bb071d3ab3fa4c5fbb48472e605028e6a4a2','failed',NULL,'http_529','sandbox',0,0,0.0,'2026-11-21T08:00:04.000000+00:00',0.25,NULL,'000000000000000000000000000000a3');
INSERT INTO "calls" VALUES(22,'20261121T080001-ab12cd',24,'cc2214b23e7335bab1bb3bbd7bfb0b2507a493ac031debd40eb0af98db6e8171','analysed',NULL,NULL,'sandbox',900,60,0.0009765625,'2026-11-21T08:00:05.000000+00:00',0.5,'{"summary": "Colis rapide, mais boîte ouverte.", "sentiment": "mixed", "topics": ["delivery", "packaging"], "new_topics": []}','000000000000000000000000000000b8');
INSERT INTO "calls" VALUES(23,'20261121T080001-ab12cd',27,'5ae1bf38698eb46293e669a4ce4c36bdecd73b19a182108acaab75ae8051ac06','analysed',NULL,NULL,'sandbox',900,60,0.0009765625,'2026-11-21T08:00:06.000000+00:00',0.5,'{"summary": "Le panier se vide la nuit.", "sentiment": "negative", "topics": ["stability"], "new_topics": [{"label": "panier", "definition": "Le panier d''achats.", "quote": "le panier se vide"}]}','000000000000000000000000000000bb');
INSERT INTO "calls" VALUES(24,'20261121T080001-ab12cd',28,'0c6058546612431380cc6bbb2c93ff14d7d42eff056953ee3ac990f3604cacdb','analysed',NULL,NULL,'sandbox',900,60,0.0009765625,'2026-11-21T08:00:07.000000+00:00',0.5,'{"summary": "The customer loved the tea.", "sentiment": "positive", "topics": ["product_quality"], "new_topics": []}','000000000000000000000000000000bc');
CREATE TABLE claims (
	request_key VARCHAR NOT NULL, 
	owner VARCHAR NOT NULL, 
	host VARCHAR NOT NULL, 
	pid INTEGER NOT NULL, 
	expires_at FLOAT NOT NULL, 
	PRIMARY KEY (request_key)
);
INSERT INTO "claims" VALUES('f0c707d1e19e08f903f68634cfbbe6bda8171b75ba41d71536ad89e38d4051ac','elsewhere:4242:00ab12cd','elsewhere',4242,1700000000.0);
INSERT INTO "claims" VALUES('dd4eeac1420f73b1a3e5cfa0f317e1034d2eb8007e5bc7d5652e59431139bc61','elsewhere:4242:00ab12cd','elsewhere',4242,1700000000.0);
INSERT INTO "claims" VALUES('7fd988ceba82b4709630d4c9908b21d0d1bf28ade58f5bc16439b34d635a158b','elsewhere:4242:00ab12cd','elsewhere',4242,1700000000.0);
INSERT INTO "claims" VALUES('4dc7c600ffc8462d24b14952a095e70659c2c1b04c1cb5f3872ffd453710bb7d','elsewhere:4242:00ab12cd','elsewhere',4242,1700000000.0);
CREATE TABLE forgotten (
	verbatim_id VARCHAR NOT NULL, 
	forgotten_on VARCHAR NOT NULL, 
	PRIMARY KEY (verbatim_id)
);
INSERT INTO "forgotten" VALUES('917e354493b8dfb6384a4c6d1b886d63','2026-11-19');
CREATE TABLE load_errors (
	load_error INTEGER NOT NULL, 
	run_id VARCHAR NOT NULL, 
	verbatim_id VARCHAR, 
	reason VARCHAR NOT NULL, 
	happened_at VARCHAR NOT NULL, problem VARCHAR, mended_at VARCHAR, 
	PRIMARY KEY (load_error), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id)
);
INSERT INTO "load_errors" VALUES(1,'20261118T080001-ab12cd',NULL,'job_failed','2026-11-18T08:00:18+00:00',NULL,'2026-11-18T08:00:21+00:00');
INSERT INTO "load_errors" VALUES(2,'20261118T080001-ab12cd','423747d9e5233f543df566f924a7c36a','row_refused','2026-11-18T08:00:19+00:00','not these','2026-11-20T08:00:10+00:00');
INSERT INTO "load_errors" VALUES(3,'20261118T080001-ab12cd','5d7ef8cb382db8d72f2062f6fc68513a','row_refused','2026-11-18T08:00:20+00:00','not these','2026-11-20T08:00:10+00:00');
INSERT INTO "load_errors" VALUES(4,'day-2026-11-20','5d7ef8cb382db8d72f2062f6fc68513a','row_refused','2026-11-20T08:00:09+00:00','not these',NULL);
INSERT INTO "load_errors" VALUES(5,'day-2026-11-20',NULL,'job_failed','2026-11-20T08:00:12+00:00',NULL,NULL);
CREATE TABLE pages (
	definition VARCHAR NOT NULL, 
	url VARCHAR NOT NULL, 
	etag VARCHAR, 
	last_modified VARCHAR, 
	found INTEGER NOT NULL, 
	next_url VARCHAR, 
	PRIMARY KEY (definition, url)
);
INSERT INTO "pages" VALUES('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','https://boutique.example/avis','"e1"','Fri, 20 Nov 2026 07:00:00 GMT',3,'https://boutique.example/avis?page=2');
INSERT INTO "pages" VALUES('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','https://boutique.example/avis?page=2',NULL,NULL,1,NULL);
CREATE TABLE readings (
	run_id VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	"row" INTEGER, 
	problem VARCHAR, 
	PRIMARY KEY (run_id, position), 
	FOREIGN KEY("row") REFERENCES verbatims ("row"), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id)
);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',1,10,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',2,17,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',3,8,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',4,14,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',5,NULL,'not JSON');
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',6,NULL,'duplicate');
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',7,15,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',8,4,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',9,3,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',10,1,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',11,16,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',12,12,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',13,18,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',14,11,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',15,6,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',16,13,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',17,9,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',18,7,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',19,2,NULL);
INSERT INTO "readings" VALUES('20261118T080001-ab12cd',20,5,NULL);
INSERT INTO "readings" VALUES('day-2026-11-20',1,19,NULL);
INSERT INTO "readings" VALUES('day-2026-11-20',2,20,NULL);
INSERT INTO "readings" VALUES('day-2026-11-20',3,22,NULL);
INSERT INTO "readings" VALUES('day-2026-11-20',4,NULL,'no text');
INSERT INTO "readings" VALUES('day-2026-11-20',5,23,NULL);
INSERT INTO "readings" VALUES('day-2026-11-20',6,21,NULL);
INSERT INTO "readings" VALUES('day-2026-11-20',7,3,NULL);
INSERT INTO "readings" VALUES('day-2026-11-20',8,12,NULL);
INSERT INTO "readings" VALUES('20261121T080001-ab12cd',1,17,NULL);
INSERT INTO "readings" VALUES('20261121T080001-ab12cd',2,3,NULL);
INSERT INTO "readings" VALUES('20261121T080001-ab12cd',3,24,NULL);
INSERT INTO "readings" VALUES('20261121T080001-ab12cd',4,27,NULL);
INSERT INTO "readings" VALUES('20261121T080001-ab12cd',5,28,NULL);
INSERT INTO "readings" VALUES('20261121T080001-ab12cd',6,25,NULL);
INSERT INTO "readings" VALUES('20261121T080001-ab12cd',7,26,NULL);
INSERT INTO "readings" VALUES('20261121T080001-ab12cd',8,NULL,'forgotten');
INSERT INTO "readings" VALUES('20261121T080001-ab12cd',9,32,NULL);
INSERT INTO "readings" VALUES('20261121T080001-ab12cd',10,31,NULL);
INSERT INTO "readings" VALUES('20261121T080001-ab12cd',11,29,NULL);
INSERT INTO "readings" VALUES('20261121T080001-ab12cd',12,30,NULL);
CREATE TABLE runs (
	run_id VARCHAR NOT NULL, 
	mode VARCHAR NOT NULL, 
	input VARCHAR NOT NULL, 
	started_at VARCHAR NOT NULL, 
	ended_at VARCHAR, day VARCHAR, trace_parent VARCHAR, 
	PRIMARY KEY (run_id)
);
INSERT INTO "runs" VALUES('20261118T080001-ab12cd','sandbox','avis.jsonl','2026-11-18T08:00:01+00:00','2026-11-18T08:00:22+00:00',NULL,'00-00000000000000000000000000000001-0000000000000001-01');
INSERT INTO "runs" VALUES('day-2026-11-20','sandbox','boutique.example','2026-11-20T08:00:01+00:00','2026-11-20T08:00:11+00:00','2026-11-20',NULL);
INSERT INTO "runs" VALUES('20261121T080001-ab12cd','sandbox','avis.jsonl','2026-11-21T08:00:01+00:00',NULL,NULL,NULL);
CREATE TABLE topics (
	topic INTEGER NOT NULL, 
	"row" INTEGER NOT NULL, 
	label VARCHAR NOT NULL, 
	definition TEXT NOT NULL, 
	quote TEXT NOT NULL, 
	PRIMARY KEY (topic), 
	FOREIGN KEY("row") REFERENCES verbatims ("row"), 
	CONSTRAINT topics_once UNIQUE ("row", label, quote)
);
INSERT INTO "topics" VALUES(1,1,'catalogue','The printed catalogue.','erased 1');
INSERT INTO "topics" VALUES(2,1,'catalogue','The printed catalogue.','erased 2');
INSERT INTO "topics" VALUES(3,2,'parking','Cars.','parking');
INSERT INTO "topics" VALUES(4,7,'horaires','Heures d''ouverture.','ferme beaucoup trop tôt');
INSERT INTO "topics" VALUES(5,10,'cadeaux','Ce qui touche aux cadeaux.','emballage cadeau');
INSERT INTO "topics" VALUES(6,10,'famille','Un proche est nommé.','ma nièce était ravie');
INSERT INTO "topics" VALUES(7,13,'conseil','Le conseil en magasin.','erased 7');
INSERT INTO "topics" VALUES(8,14,'téléphone','Joindre quelqu''un par téléphone.','personne ne répond au téléphone');
INSERT INTO "topics" VALUES(9,9,'catalogue','The printed catalogue.','old catalogue');
INSERT INTO "topics" VALUES(10,9,'catalogue','The printed catalogue.','easier to read');
INSERT INTO "topics" VALUES(11,18,'cadeaux','Ce qui touche aux cadeaux.','emballage cadeau');
INSERT INTO "topics" VALUES(12,18,'famille','Un proche est nommé.','ma nièce était ravie');
INSERT INTO "topics" VALUES(13,23,'téléphone','Joindre quelqu''un par téléphone.','personne ne répond au téléphone');
INSERT INTO "topics" VALUES(14,21,'lids','About lids.','the lid broke');
INSERT INTO "topics" VALUES(15,27,'panier','Le panier d''achats.','le panier se vide');
CREATE TABLE verbatims (
	"row" INTEGER NOT NULL, 
	verbatim_id VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	external_id VARCHAR NOT NULL, 
	url VARCHAR, 
	rating FLOAT, 
	language VARCHAR, 
	written_at VARCHAR, 
	seen_on VARCHAR NOT NULL, 
	text TEXT, 
	text_hash VARCHAR NOT NULL, 
	characters INTEGER NOT NULL, 
	superseded BOOLEAN NOT NULL, 
	kept BOOLEAN NOT NULL, 
	outcome VARCHAR, 
	reason VARCHAR, 
	answer_key VARCHAR, 
	run_id VARCHAR, erased BOOLEAN DEFAULT 0 NOT NULL, 
	PRIMARY KEY ("row"), 
	FOREIGN KEY(answer_key) REFERENCES answers (request_key), 
	FOREIGN KEY(run_id) REFERENCES runs (run_id)
);
INSERT INTO "verbatims" VALUES(1,'1e6d5c215529c85d60b4e481ef3033ad','boutique.example','b8','https://boutique.example/avis/b8',1.0,'en','2026-11-10T10:00:00+00:00','2023-05-05',NULL,'987f035105051c8cf8632df9cd40a270dd84630d0ba38b2b0b934eff8ba6833b',55,0,1,'analysed',NULL,'erased:1','20261118T080001-ab12cd',1);
INSERT INTO "verbatims" VALUES(2,'423747d9e5233f543df566f924a7c36a','forum.example','f7','https://forum.example/avis/f7',NULL,'en','2026-11-19T10:00:00+00:00','2026-11-18','The parking in front of the shop is always full.','72fdafdad87c773de24eb4e2a546efbaf84df78ae65d9242abaaf83b88956cc7',48,0,1,'analysed',NULL,'0fbec126c1b76efa5e8ca440f71ca05dd4c925476bc2b53098ff65b3a54d9b18','20261118T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(3,'465d082876fb3c60cab951267187c207','boutique.example','b7','https://boutique.example/avis/b7',3.0,'fr','2026-11-02T10:00:00+00:00','2026-11-18','Le suivi du colis ne marche plus depuis mardi matin.','d4c0f7d5fc38bf45ad89fd9e11c296a71de9575184d3c950ba2ae9a314093cd1',52,0,1,NULL,NULL,NULL,NULL,0);
INSERT INTO "verbatims" VALUES(4,'4ba395d8810e20ae33f9008db23d5ab1','boutique.example','b6','https://boutique.example/avis/b6',4.0,'fr','2026-11-08T10:00:00+00:00','2026-11-18','Texte que le modèle refuse de lire, pour l''exemple.','0737e6a9eb936bb7c0d62240252359ccf71eb806df5aaf9e7c3a7cf307129964',51,0,1,'refused',NULL,NULL,'20261118T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(5,'539a39b96193c3b463cf84b0f82461f1','forum.example','f8','https://forum.example/avis/f8',NULL,'fr','2026-11-20T10:00:00+00:00','2026-11-18','Texte auquel le modèle ne répond rien, pour l''exemple.','62427f8857b5da1aecb7bed877108ccb6223b0dfac82c69962dda186bf87b74b',54,0,1,'empty',NULL,NULL,'20261118T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(6,'5506b270f2b107b5ed731f69d9ad9000','forum.example','f3','https://forum.example/avis/f3',NULL,'fr','2026-11-15T10:00:00+00:00','2026-11-18',NULL,'42071d793a8dfb9c9aea01e43ec28e610bf8479787beee4f5b8455f1d31a7821',50,1,1,'analysed',NULL,'69c3759e768e04f6c9f04cddf5efe04dc4fe75aaa26dc80827ae4535bbb3f072','20261118T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(7,'5d7ef8cb382db8d72f2062f6fc68513a','forum.example','f6','https://forum.example/avis/f6',NULL,'fr','2026-11-18T10:00:00+00:00','2026-11-18','Le comptoir de retrait ferme beaucoup trop tôt le soir.','ce41a005f53402128263e60e332fe7c1879dbb627acc543c2ff237adb075fb3a',55,0,1,'analysed',NULL,'cf303c63be052332921ba124f96225460b3d30272e067d04be3bd0287a83f07b','20261118T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(8,'60101e0e77eadd4caba07d123f98ff48','boutique.example','b3','https://boutique.example/avis/b3',4.0,NULL,'2026-11-03T10:00:00+00:00','2026-11-18','Super','8185c8ac4656219f4aa5541915079f7b3743e1b5f48bacfcc3386af016b55320',5,0,0,'skipped','too_short',NULL,'20261118T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(9,'60371c9f057f3ecfbf2ef8ce28cad4aa','forum.example','f5','https://forum.example/avis/f5',NULL,'en','2026-11-17T10:00:00+00:00','2026-11-18','The old catalogue was easier to read than the new site.','987f035105051c8cf8632df9cd40a270dd84630d0ba38b2b0b934eff8ba6833b',55,0,1,'analysed',NULL,'fa905ff22c2d0ee84d014da48a26d8c0ac00dfe413e4520f09dbf4f9ec0ec7a2','20261118T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(10,'608dc1736d3a1300e5402cfba285de73','boutique.example','b1','https://boutique.example/avis/b1',2.0,'fr','2026-11-01T10:00:00+00:00','2026-11-18','Très bel emballage cadeau, ma nièce était ravie. Merci beaucoup !','e1d763f30dccd60a7a45c2f6d51b2d7b1c334686f908fdeae82bda867b978304',65,0,1,'analysed',NULL,'7a2266a6ed9885c1135341489d46e7368f8702eb03d58c5b0c0d3a5a8e2bade2','20261118T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(11,'887ac74a7c2d7417a84718013a39b743','forum.example','f2','https://forum.example/avis/f2',NULL,'en','2026-11-14T10:00:00+00:00','2026-11-18',NULL,'184c116909bce35629a5e4cac5260d7c7f52f384a311a686c57e2a97b82b0aff',42,1,1,'analysed',NULL,'1eae828eeae15621149852a340fab4f911b2abb2d4af87c51c4548d3660f257b','20261118T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(12,'901e166e591bd06dcff5632dbc15d3b9','boutique.example','b10','https://boutique.example/avis/b10',3.0,'fr','2026-11-12T10:00:00+00:00','2026-11-18',NULL,'00b99f9567df77592c6bd976107a3bf331d4f8ef7cb4ab11cbaf16072fb5f45d',46,1,1,NULL,NULL,NULL,NULL,0);
INSERT INTO "verbatims" VALUES(13,'917e354493b8dfb6384a4c6d1b886d63','forum.example','917e354493b8dfb6384a4c6d1b886d63',NULL,NULL,'fr','2026-11-16','2026-11-18',NULL,'',56,1,1,'analysed',NULL,'erased:13','20261118T080001-ab12cd',1);
INSERT INTO "verbatims" VALUES(14,'c96dee67ac77cc383d49436c74b90e7b','boutique.example','b4','https://boutique.example/avis/b4',5.0,'fr','2026-11-04T10:00:00+00:00','2026-11-18','Livraison en retard de trois jours, personne ne répond au téléphone.','f7208ae79e403666eab9732a22930d9eab24175523022d3923a638b89b67cc48',68,0,1,'analysed',NULL,'72f409d01ccb9917244f5e911ac84dbbbbba46bba49e895b38a5a2f9b36fb620','20261118T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(15,'d23d0bf762fbd46baa40071e6ba902cf','boutique.example','b5','https://boutique.example/avis/b5',3.0,'fr','2026-11-07T10:00:00+00:00','2026-11-18','Le site affiche des prix étranges quand on change de pays.','62282797526c985aea376773e518a688785708f5eae00e4a39743ba09203fdc6',58,0,1,'unreadable',NULL,NULL,'20261118T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(16,'ed7bc45bcf82250d997aa008ef4f219d','boutique.example','b9','https://boutique.example/avis/b9',2.0,'fr','2026-11-11T10:00:00+00:00','2026-11-18','Ce texte-ci rend la requête invalide, pour l''exemple.','c06cc1c29ed2044e21001aba3db2d02a30fe488cf60b42a318c2f1e5cabd61c3',53,0,1,'failed',NULL,NULL,'20261118T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(17,'f359beca9741edbc4784e1db935c1e19','boutique.example','b2','https://boutique.example/avis/b2',2.0,'fr','2026-11-01T10:00:00+00:00','2026-11-18','Livraison en retard de trois jours, personne ne répond au téléphone.','f7208ae79e403666eab9732a22930d9eab24175523022d3923a638b89b67cc48',68,0,0,'skipped','duplicate',NULL,'20261118T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(18,'fef25ad35a11272a0eea4fc4b5a5d7ad','forum.example','f1','https://forum.example/avis/f1',NULL,'fr','2026-11-13T10:00:00+00:00','2026-11-18','Très bel emballage cadeau, ma nièce était ravie. Merci beaucoup !','e1d763f30dccd60a7a45c2f6d51b2d7b1c334686f908fdeae82bda867b978304',65,0,1,'analysed',NULL,'7a2266a6ed9885c1135341489d46e7368f8702eb03d58c5b0c0d3a5a8e2bade2','20261118T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(19,'3d0069cef704905c7565bd39ffa52a48','boutique.example','d1','https://boutique.example/avis/d1',2.0,'fr','2026-11-01T10:00:00+00:00','2026-11-20',NULL,'f4f3274db468063f1697f135b450e7a2bfcb6bd059bf8ce3773c446c9d0472ae',42,1,1,'analysed',NULL,'b99f7a85e91492da49a954b46f9e6f6fec6c6e16113a940fee7883682d3717e6','day-2026-11-20',0);
INSERT INTO "verbatims" VALUES(20,'8480d4d2983a987f32c0be30a947940f','boutique.example','d2','https://boutique.example/avis/d2',3.0,'fr','2026-11-02T10:00:00+00:00','2026-11-20','Vous pouvez m''écrire à [email], le bouton payer est gris.','2accb04be8185aa34d253527a4ffecef33f553487380ab9afcef19822fdb90cb',57,0,1,'analysed',NULL,'25e5dafa4978417bf6282cd6b261c7c8de19a9595a614811e2a091181de8c965','day-2026-11-20',0);
INSERT INTO "verbatims" VALUES(21,'887ac74a7c2d7417a84718013a39b743','forum.example','f2','https://forum.example/avis/f2',NULL,'en','2026-11-06T10:00:00+00:00','2026-11-18','Good kettle, but the lid broke after one week.','1c9cad04de4005ff9a5a92da59595c6883acf32b989fade5fb622b5c3899ddf1',46,0,1,'analysed',NULL,'ddea5de8ec46a91203183a18e5ce505a72d0e14372b342824c96b18c2080a993','day-2026-11-20',0);
INSERT INTO "verbatims" VALUES(22,'a6b0adca07ff8c8d652b7ac21feef478','boutique.example','d3','https://boutique.example/avis/d3',4.0,NULL,'2026-11-03T10:00:00+00:00','2026-11-20','Très bien','e88fcff9104392f9cf0d531a8bb1328430c54bd59f2d96a0cdd842de3c4c4a24',9,0,0,'skipped','too_short',NULL,'day-2026-11-20',0);
INSERT INTO "verbatims" VALUES(23,'d7dbf8696536afc749f790f311220d25','forum.example','d4','https://forum.example/avis/d4',NULL,'fr','2026-11-05T10:00:00+00:00','2026-11-20','Livraison en retard de trois jours, personne ne répond au téléphone.','f7208ae79e403666eab9732a22930d9eab24175523022d3923a638b89b67cc48',68,0,1,'analysed',NULL,'72f409d01ccb9917244f5e911ac84dbbbbba46bba49e895b38a5a2f9b36fb620','day-2026-11-20',0);
INSERT INTO "verbatims" VALUES(24,'3d0069cef704905c7565bd39ffa52a48','boutique.example','d1','https://boutique.example/avis/d1',4.0,'fr','2026-11-03T10:00:00+00:00','2026-11-20','Colis arrivé en deux jours, mais la boîte était ouverte.','dfd3be66e50df19b63c114b32615b4aedc724587e34392f8642c5f65808223e8',56,0,1,'analysed',NULL,'cc2214b23e7335bab1bb3bbd7bfb0b2507a493ac031debd40eb0af98db6e8171','20261121T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(25,'4cd06df5629f3266b0c0be72d16680b6','boutique.example','n3','https://boutique.example/avis/n3',2.0,'fr','2026-11-06T10:00:00+00:00','2026-11-21','Les filtres de recherche ne gardent pas ma taille.','a375c2c46ce16a4e234a9fa76b0c5e55ee87ec2dec99bbc6740c62ad00e4e2c5',50,0,1,NULL,NULL,NULL,NULL,0);
INSERT INTO "verbatims" VALUES(26,'5506b270f2b107b5ed731f69d9ad9000','forum.example','f3','https://forum.example/avis/f3',NULL,'fr','2026-11-07T10:00:00+00:00','2026-11-18','Trop cher, mais le service a remboursé la différence.','1f45108a6e1fad12fbe3dddb4296fbb7932ee13b7b2361e0483e76a2eb35c054',53,0,1,NULL,NULL,NULL,NULL,0);
INSERT INTO "verbatims" VALUES(27,'598ea1bb7189093476a97bc8017b00ba','boutique.example','n1','https://boutique.example/avis/n1',5.0,'fr','2026-11-04T10:00:00+00:00','2026-11-21','Impossible de commander la nuit, le panier se vide tout seul.','21d9128b80589b274165d3d046cc2bc15b053e967c42d6a6b1a472fc13f5abc1',61,0,1,'analysed',NULL,'5ae1bf38698eb46293e669a4ce4c36bdecd73b19a182108acaab75ae8051ac06','20261121T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(28,'5b99c582f24ca3fb4728e32577d03f40','boutique.example','n2','https://boutique.example/avis/n2',1.0,'en','2026-11-05T10:00:00+00:00','2026-11-21','The tea was lovely and came with a handwritten note.','3407f9dc142b52e7ae67c2310051d5fd3dd5c59864146a1ca3689d43157abfc1',52,0,1,'analysed',NULL,'0c6058546612431380cc6bbb2c93ff14d7d42eff056953ee3ac990f3604cacdb','20261121T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(29,'7314483e27f3815b6b46f9015979055e','forum.example','n6','https://forum.example/avis/n6',NULL,'fr','2026-11-11T10:00:00+00:00','2026-11-21','Colis arrivé en deux jours, rien à redire.','f4f3274db468063f1697f135b450e7a2bfcb6bd059bf8ce3773c446c9d0472ae',42,0,1,'analysed',NULL,'b99f7a85e91492da49a954b46f9e6f6fec6c6e16113a940fee7883682d3717e6','20261121T080001-ab12cd',0);
INSERT INTO "verbatims" VALUES(30,'901e166e591bd06dcff5632dbc15d3b9','boutique.example','b10','https://boutique.example/avis/b10',3.0,'fr','2026-11-12T10:00:00+00:00','2026-11-18','Le chat du site se ferme au bout de deux minutes.','b229fe6cca00d12f038293b4b37088d2031123f1131addde50d63d098088f60e',49,0,1,NULL,NULL,NULL,NULL,0);
INSERT INTO "verbatims" VALUES(31,'971ef96cdf861e84ee0d9ec035dc336d','boutique.example','n5','https://boutique.example/avis/n5',1.0,'fr','2026-11-10T10:00:00+00:00','2026-11-21','Pouvez-vous vendre les pièces détachées séparément ?','4ca0d1bea3b5002dddc297347c6dd6982dd04dbad0295b7206a7471a0dfd2413',52,0,1,NULL,NULL,NULL,NULL,0);
INSERT INTO "verbatims" VALUES(32,'e449247226d6be9eda9555657ebd4448','forum.example','n4','https://forum.example/avis/n4',NULL,'fr','2026-11-09T10:00:00+00:00','2026-11-21','Pouvez-vous vendre les pièces détachées séparément ?','4ca0d1bea3b5002dddc297347c6dd6982dd04dbad0295b7206a7471a0dfd2413',52,0,1,NULL,NULL,NULL,NULL,0);
CREATE TABLE verbatims_analysed_v1 ( -- One row per customer verbatim that was analysed; an edited text replaces its row.
  verbatim_id TEXT NOT NULL PRIMARY KEY, -- Who the verbatim is: a hash of source and external_id, the same in every store and warehouse.
  run_id TEXT NOT NULL, -- The run in which the analysis was first committed: `day-` and its UTC day for a nightly one, else its UTC start and a random end.
  source TEXT NOT NULL, -- Where it comes from: a site, or a file's stem or its column `source`.
  external_id TEXT NOT NULL, -- What the source calls it, or a hash of its content where the source has no ids; verbatim_id once it is forgotten on request.
  url TEXT, -- The page it was read from.
  rating REAL, -- Stars given by the customer, 1 to 5 for the sites read so far; files keep their own scale.
  language TEXT, -- ISO 639-1 code, as the source says or guessed from 15 characters on.
  written_at TEXT, -- ISO 8601 day or instant at which it was written; null where the source's date is ambiguous.
  seen_on TEXT NOT NULL, -- UTC day on which the id was first read; never changes.
  text TEXT, -- The verbatim, repaired, with e-mail, phone, IBAN and card numbers masked; null once erased, by age or on request.
  summary TEXT, -- One sentence by the model, in the verbatim's language; null once the text is erased.
  sentiment TEXT NOT NULL, -- positive, neutral, negative or mixed.
  topics TEXT NOT NULL, -- List of topic ids out of the reference base.
  new_topics TEXT NOT NULL, -- List of themes outside the reference base: label, definition, and a quote that is in the text, null once that is erased.
  model TEXT NOT NULL, -- The model that answered; `sandbox` means that no real Claude did.
  prompt_version TEXT NOT NULL, -- The prompt file used.
  cost_usd REAL NOT NULL, -- What the calls for this verbatim cost by the price list; 0 where an identical text had been paid. Not billed where model is `sandbox`.
  trace_id TEXT, -- The trace of the call in Tempo, if one was kept.
  analysed_at TEXT NOT NULL -- UTC instant at which the answered call was sent.
);
INSERT INTO "verbatims_analysed_v1" VALUES('1e6d5c215529c85d60b4e481ef3033ad','20261118T080001-ab12cd','boutique.example','b8','https://boutique.example/avis/b8',1.0,'en','2026-11-10T10:00:00+00:00','2023-05-05',NULL,NULL,'neutral','["usability"]','[{"label": "catalogue", "definition": "The printed catalogue.", "quote": null}, {"label": "catalogue", "definition": "The printed catalogue.", "quote": null}]','sandbox','analyse_v1',0.0009765625,'000000000000000000000000000000a1','2026-11-18T08:00:03.000000+00:00');
INSERT INTO "verbatims_analysed_v1" VALUES('5506b270f2b107b5ed731f69d9ad9000','20261118T080001-ab12cd','forum.example','f3','https://forum.example/avis/f3',NULL,'fr','2026-11-15T10:00:00+00:00','2026-11-18','Trop cher pour ce que c''est, je ne reviendrai pas.','Le client trouve le prix trop haut.','negative','["price"]','[]','sandbox','analyse_v1',0.0009765625,'000000000000000000000000000000a6','2026-11-18T08:00:08.000000+00:00');
INSERT INTO "verbatims_analysed_v1" VALUES('60371c9f057f3ecfbf2ef8ce28cad4aa','20261118T080001-ab12cd','forum.example','f5','https://forum.example/avis/f5',NULL,'en','2026-11-17T10:00:00+00:00','2026-11-18','The old catalogue was easier to read than the new site.','The customer preferred the catalogue.','neutral','["usability"]','[{"label": "catalogue", "definition": "The printed catalogue.", "quote": "old catalogue"}, {"label": "catalogue", "definition": "The printed catalogue.", "quote": "easier to read"}]','sandbox','analyse_v1',0.0,'000000000000000000000000000000a1','2026-11-18T08:00:03.000000+00:00');
INSERT INTO "verbatims_analysed_v1" VALUES('608dc1736d3a1300e5402cfba285de73','20261118T080001-ab12cd','boutique.example','b1','https://boutique.example/avis/b1',2.0,'fr','2026-11-01T10:00:00+00:00','2026-11-18','Très bel emballage cadeau, ma nièce était ravie. Merci beaucoup !','La cliente remercie pour l''emballage cadeau.','positive','["packaging"]','[{"label": "cadeaux", "definition": "Ce qui touche aux cadeaux.", "quote": "emballage cadeau"}, {"label": "famille", "definition": "Un proche est nommé.", "quote": "ma nièce était ravie"}]','sandbox','analyse_v1',0.0009765625,'000000000000000000000000000000aa','2026-11-18T08:00:10.000000+00:00');
INSERT INTO "verbatims_analysed_v1" VALUES('887ac74a7c2d7417a84718013a39b743','day-2026-11-20','forum.example','f2','https://forum.example/avis/f2',NULL,'en','2026-11-06T10:00:00+00:00','2026-11-18','Good kettle, but the lid broke after one week.','The kettle''s lid broke.','negative','["product_quality"]','[{"label": "lids", "definition": "About lids.", "quote": "the lid broke"}]','sandbox','analyse_v1',0.0009765625,'000000000000000000000000000000b5','2026-11-20T08:00:08.000000+00:00');
INSERT INTO "verbatims_analysed_v1" VALUES('917e354493b8dfb6384a4c6d1b886d63','20261118T080001-ab12cd','forum.example','917e354493b8dfb6384a4c6d1b886d63',NULL,NULL,'fr','2026-11-16','2026-11-18',NULL,NULL,'positive','["customer_service"]','[{"label": "conseil", "definition": "Le conseil en magasin.", "quote": null}]','sandbox','analyse_v1',0.0009765625,'000000000000000000000000000000ad','2026-11-18T08:00:13.000000+00:00');
INSERT INTO "verbatims_analysed_v1" VALUES('c96dee67ac77cc383d49436c74b90e7b','20261118T080001-ab12cd','boutique.example','b4','https://boutique.example/avis/b4',5.0,'fr','2026-11-04T10:00:00+00:00','2026-11-18','Livraison en retard de trois jours, personne ne répond au téléphone.','Le client attend son colis et n''arrive à joindre personne.','negative','["delivery", "customer_service"]','[{"label": "téléphone", "definition": "Joindre quelqu''un par téléphone.", "quote": "personne ne répond au téléphone"}]','sandbox','analyse_v1',0.0009765625,'000000000000000000000000000000ae','2026-11-18T08:00:14.000000+00:00');
INSERT INTO "verbatims_analysed_v1" VALUES('fef25ad35a11272a0eea4fc4b5a5d7ad','20261118T080001-ab12cd','forum.example','f1','https://forum.example/avis/f1',NULL,'fr','2026-11-13T10:00:00+00:00','2026-11-18','Très bel emballage cadeau, ma nièce était ravie. Merci beaucoup !','La cliente remercie pour l''emballage cadeau.','positive','["packaging"]','[{"label": "cadeaux", "definition": "Ce qui touche aux cadeaux.", "quote": "emballage cadeau"}, {"label": "famille", "definition": "Un proche est nommé.", "quote": "ma nièce était ravie"}]','sandbox','analyse_v1',0.0,'000000000000000000000000000000aa','2026-11-18T08:00:10.000000+00:00');
INSERT INTO "verbatims_analysed_v1" VALUES('423747d9e5233f543df566f924a7c36a','20261118T080001-ab12cd','forum.example','f7','https://forum.example/avis/f7',NULL,'en','2026-11-19T10:00:00+00:00','2026-11-18','The parking in front of the shop is always full.','The parking is full.','negative','[]','[{"label": "parking", "definition": "Cars.", "quote": "parking"}]','sandbox','analyse_v1',0.0009765625,'000000000000000000000000000000a2','2026-11-18T08:00:04.000000+00:00');
INSERT INTO "verbatims_analysed_v1" VALUES('3d0069cef704905c7565bd39ffa52a48','day-2026-11-20','boutique.example','d1','https://boutique.example/avis/d1',2.0,'fr','2026-11-01T10:00:00+00:00','2026-11-20','Colis arrivé en deux jours, rien à redire.','Le colis est arrivé vite.','positive','["delivery"]','[]','sandbox','analyse_v1',0.0009765625,'000000000000000000000000000000b3','2026-11-20T08:00:06.000000+00:00');
INSERT INTO "verbatims_analysed_v1" VALUES('8480d4d2983a987f32c0be30a947940f','day-2026-11-20','boutique.example','d2','https://boutique.example/avis/d2',3.0,'fr','2026-11-02T10:00:00+00:00','2026-11-20','Vous pouvez m''écrire à [email], le bouton payer est gris.','Le client ne peut pas payer.','negative','["payment"]','[]','sandbox','analyse_v1',0.0009765625,'000000000000000000000000000000b4','2026-11-20T08:00:07.000000+00:00');
INSERT INTO "verbatims_analysed_v1" VALUES('d7dbf8696536afc749f790f311220d25','day-2026-11-20','forum.example','d4','https://forum.example/avis/d4',NULL,'fr','2026-11-05T10:00:00+00:00','2026-11-20','Livraison en retard de trois jours, personne ne répond au téléphone.','Le client attend son colis et n''arrive à joindre personne.','negative','["delivery", "customer_service"]','[{"label": "téléphone", "definition": "Joindre quelqu''un par téléphone.", "quote": "personne ne répond au téléphone"}]','sandbox','analyse_v1',0.0,'000000000000000000000000000000ae','2026-11-18T08:00:14.000000+00:00');
CREATE TABLE visits (
	visit INTEGER NOT NULL, 
	source VARCHAR NOT NULL, 
	definition VARCHAR NOT NULL, 
	began_at VARCHAR NOT NULL, 
	ended_at VARCHAR, 
	pages INTEGER, 
	found INTEGER, 
	fresh INTEGER, 
	layout TEXT, run_id VARCHAR, 
	PRIMARY KEY (visit)
);
INSERT INTO "visits" VALUES(1,'boutique.example','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','2026-11-20T08:00:02+00:00','2026-11-20T08:00:03+00:00',2,4,3,'{"missing": ["rating"], "left_over": ["author"]}','day-2026-11-20');
INSERT INTO "visits" VALUES(2,'boutique.example','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','2026-11-21T08:00:03+00:00',NULL,NULL,NULL,NULL,NULL,'20261121T080001-ab12cd');
CREATE INDEX verbatims_by_outcome ON verbatims (outcome, source, reason);
CREATE INDEX verbatims_by_id ON verbatims (verbatim_id);
CREATE INDEX verbatims_by_text ON verbatims (source, text_hash);
CREATE UNIQUE INDEX verbatims_current ON verbatims (verbatim_id) WHERE NOT superseded;
CREATE INDEX calls_by_key ON calls (request_key);
CREATE INDEX calls_by_row ON calls ("row");
CREATE INDEX calls_by_run ON calls (run_id, outcome);
CREATE INDEX calls_by_time ON calls (sent_at);
CREATE INDEX readings_by_row ON readings (run_id, "row");
CREATE INDEX verbatims_by_day ON verbatims (seen_on);
CREATE INDEX verbatims_by_answer ON verbatims (answer_key);
CREATE INDEX visits_by_source ON visits (source, visit);
CREATE VIEW cost_by_day_v1 AS
-- What the rows cost per UTC day on which they were analysed; failed verbatims, which have no row, are not in it.
SELECT
  date(analysed_at) AS day,
  model,
  count(*) AS verbatims,
  sum(cost_usd > 0) AS paid,
  round(sum(cost_usd), 6) AS cost_usd
FROM verbatims_analysed_v1
GROUP BY day, model;
CREATE VIEW sentiment_by_week_v1 AS
-- How many verbatims of each sentiment a source had per week in which they were first seen, and their share.
SELECT
  source,
  strftime('%Y-%m-%d', seen_on, '-6 days', 'weekday 1') AS week_from,
  sentiment,
  count(*) AS verbatims,
  round(1.0 * count(*) / sum(count(*)) OVER (
    PARTITION BY source, strftime('%Y-%m-%d', seen_on, '-6 days', 'weekday 1')
  ), 4) AS share
FROM verbatims_analysed_v1
GROUP BY source, week_from, sentiment;
CREATE VIEW topics_v1 AS
-- How often each topic is named, with how many of those verbatims are negative.
SELECT
  source,
  topic.value AS topic,
  count(*) AS verbatims,
  sum(sentiment = 'negative') AS negative,
  round(avg(rating), 2) AS mean_rating
FROM verbatims_analysed_v1, json_each(verbatims_analysed_v1.topics) AS topic
GROUP BY source, topic.value;
CREATE VIEW analyst_negative AS
SELECT verbatim_id, summary FROM verbatims_analysed_v1 WHERE sentiment='negative';
COMMIT;
