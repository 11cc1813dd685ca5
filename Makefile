# Everything a person types. `make help` is written from the comments behind the targets.
.DEFAULT_GOAL := help
.PHONY: help run test lint schema cassandra up down bench soak clean

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

help: ## Show this page
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Install and serve on http://127.0.0.1:8000 (HOST, PORT change it)
	@exec $(BIN)/gunicorn -c config/gunicorn.conf.py wsgi:app

test: $(INSTALLED_DEV) ## Run every test; REQUIRE=cassandra,nginx turns skips into failures
	$(BIN)/pytest --cov --cov-report=term $(PYTEST_ARGS)

lint: $(INSTALLED_DEV) ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

schema: $(INSTALLED) ## Apply migrations_cql to the Cassandra of the settings
	@$(BIN)/carriers schema

cassandra: $(INSTALLED_DEV) ## Run a real Cassandra node for development in the foreground
	@exec $(BIN)/python -m tests.support.cassandra_node

up: ## Start Cassandra, schema, service and nginx with docker compose
	docker compose up --build --detach --wait

down: ## Stop what `make up` started; the data stays
	docker compose down

bench: $(INSTALLED_DEV) ## Measure what it costs, beside its peers
	@exec $(BIN)/python -m bench

soak: $(INSTALLED_DEV) ## Run the fault tests in full; the figures go to docs/measurements.md
	SOAK=full $(BIN)/pytest -m soak --no-cov -s

clean: ## Remove the virtual environment and caches; var/ and logs/ stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .coverage build *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(INSTALLED_DEV): setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test,lint,bench]'
	@touch $@ $(INSTALLED)
