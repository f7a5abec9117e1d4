# `make` lists the targets; each is a sentence.
.DEFAULT_GOAL := help
.PHONY: help demo test test-long test-data bench chaos test-stack test-airflow test-celery test-pages test-compose airflow up down backup restore dashboards docs c11 lint requirements clean
SHELL := /bin/bash

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/report .venv/model ## Run the whole journey on the sandbox: no key, no cost, no network
	@SCRAPER_MODE=sandbox STORE=sqlite:///var/demo.db WAREHOUSE= ANTHROPIC_BASE_URL= $(BIN)/verbatims run --report

test: .venv/dev ## Run the tests (under three minutes)
	@$(BIN)/python -m pytest -n auto -m 'not stack and not airflow and not celery and not compose and not docs and not c11 and not chaos and not long and not data and not pages'

test-long: .venv/dev ## Run the tests with many processes, kills and outages (five minutes)
	@$(BIN)/python -m pytest -n auto tests -m long

test-data: .venv/dev ## Run the tests on real reviews, where their folder is there (two minutes)
	@$(BIN)/python -m pytest -n auto tests -m data

bench: .venv/dev ## Measure speed and memory beside a bare loop, and name what got worse (five minutes)
	@$(BIN)/python -m tests.bench.bench

chaos: .venv/dev ## Strike running workers with faults for ten minutes, or SECONDS=60 make chaos; SEED=7 repeats
	@CHAOS_SECONDS=$(SECONDS) CHAOS_SEED=$(SEED) CHAOS_ROUND=$(ROUND) $(BIN)/python -m pytest tests/chaos -m chaos -s

test-stack: .venv/dev ## Run the tests on the real servers, which Go builds the first time (ten minutes)
	@$(BIN)/python tests/stack/servers/build.py && $(BIN)/python -m pytest tests/stack -m stack

test-airflow: .venv/airflow ## Run the DAGs under a real Airflow, beside the real servers
	@$(BIN)/python tests/stack/servers/build.py && $(BIN)/python -m pytest tests/dags -m airflow

test-celery: .venv/celery ## Run a night on two hosts with Celery, one of which dies (root, Debian's redis-server)
	@$(BIN)/python tests/stack/servers/build.py && $(BIN)/python -m pytest tests/hosts -m celery

test-pages: .venv/docs ## Look at reports and documentation in a browser: accessibility, phone, keyboard, print
	@$(BIN)/python -m pytest tests/pages -m pages

test-compose: .venv/dev ## Start the whole installation in a Docker engine and look at it
	@cd tests && ../$(BIN)/python -m compose.cli
	@$(BIN)/python -m pytest tests/compose -m compose -s

airflow: .venv/airflow ## Start Airflow on this machine, with the sandbox: http://127.0.0.1:8080, or PORT=8081 make airflow
	@$(BIN)/python dags/local.py

up: ## Start everything in containers: Grafana on http://127.0.0.1:3000, no key needed
	@docker compose up --build --wait
	@docker compose logs --no-log-prefix --tail 1 volumes

down: ## Stop the containers; what they stored stays
	@docker compose down

backup: ## Save what cannot be made again into backup/TIME, or TO=/mnt/disk/today make backup
	@$(PYTHON) docker/backup.py save $(TO)

restore: ## Put a backup in the place of what is there: make restore FROM=backup/TIME
	@$(PYTHON) docker/backup.py restore $(FROM)

dashboards: .venv/dev ## Build the Grafana dashboards and the runbook anew
	@$(BIN)/python grafana/build.py && $(BIN)/python otel/build_runbook.py

docs: .venv/docs ## Build the documentation as HTML, Word and PDF into build/docs (PDF needs Debian's libpangoft2-1.0-0)
	@$(BIN)/python docs/generate.py && $(BIN)/python docs/build.py && $(BIN)/python -m pytest tests/docs -m docs

c11: .venv/docs ## Run every command that docs/c11 shows, on the real servers, and compare
	@$(BIN)/python docs/generate.py
	@$(BIN)/python tests/stack/servers/build.py && $(BIN)/python -m pytest tests/c11 -m c11

lint: .venv/dev ## Check style and types
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy

requirements: .venv/dev ## Compile the pinned requirements anew from pyproject.toml
	@$(COMPILE) pyproject.toml --group build -o requirements/main.txt
	@$(COMPILE) pyproject.toml --extra report -c requirements/main.txt -o requirements/report.txt
	@$(COMPILE) pyproject.toml --extra model -c requirements/main.txt -o requirements/model.txt
	@$(COMPILE) --group dev -c requirements/main.txt -o requirements/dev.txt
	@$(COMPILE) --group airflow -c requirements/main.txt -o requirements/airflow.txt
	@$(COMPILE) --group celery -c requirements/airflow.txt -o requirements/celery.txt
	@$(COMPILE) --group docs -c requirements/main.txt -o requirements/docs.txt
	@$(COMPILE) --group installer -o requirements/installer.txt

clean: ## Remove the environment and the demo's data
	@rm -rf .venv var/demo*.db*

COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet

# Wheels only, each with its hash; the project itself is installed without fetching anything more.
.venv/main: requirements/installer.txt requirements/main.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else "make: Python 3.11 or newer is needed, $(PYTHON) is %d.%d; try make PYTHON=python3.12" % v[:2])'
	@echo "make: installing into .venv (about a minute the first time)"
	@$(PYTHON) -m venv .venv
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/installer.txt
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/main.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# What makes a report is an extra: the base install stays small.
.venv/report: .venv/main requirements/report.txt
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/report.txt
	@touch $@

# What scores an analyser is an extra too.
.venv/model: .venv/main requirements/model.txt
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/model.txt
	@touch $@

.venv/dev: .venv/main requirements/dev.txt
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/dev.txt
	@touch $@

.venv/airflow: .venv/dev requirements/airflow.txt
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/airflow.txt
	@touch $@

# Airflow on several machines.
.venv/celery: .venv/airflow requirements/celery.txt
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/celery.txt
	@touch $@

.venv/docs: .venv/dev requirements/docs.txt
	@$(PIP) install --require-hashes --only-binary :all: -r requirements/docs.txt
	@touch $@
