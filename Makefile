# Everything a person types. `make help` is written from the comments behind the targets.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test coverage quick lint format lock sbom shots digests schema cassandra up down bench soak clean

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
INSTALLED := $(VENV)/.installed
QUICK := tests/domain tests/application tests/config
# What measures time runs after everything else, and nothing beside it.
ALONE := alone
# Twice the processors that the gate has: tests wait about half of their time.
PROCESSES := 4
TOGETHER = --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder
# pytest's exit code where PYTEST_ARGS chooses no test of a run.
NONE := [ $$? -eq 5 ]
INSTALLED_DEV := $(VENV)/.installed-dev
# Where an environment forbids to keep what was compiled, each process that a test starts compiles all
# of the program for itself: a quarter of what its start costs.
unexport PYTHONDONTWRITEBYTECODE
CLIENTS := tests/clients
INSTALLED_NPM := $(CLIENTS)/node_modules/.package-lock.json

help: ## Show this page
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Install and serve on http://127.0.0.1:8000, the desk on /desk (HOST, PORT change it)
	@exec $(BIN)/gunicorn -c config/gunicorn.conf.py wsgi:app

test: $(INSTALLED_DEV) $(INSTALLED_NPM) ## Run every test; REQUIRE=cassandra,nginx turns skips into failures
	$(BIN)/pytest $(TOGETHER) -m 'not $(ALONE)' $(PYTEST_ARGS) || $(NONE)
	$(BIN)/pytest -m '$(ALONE)' $(PYTEST_ARGS) || $(NONE)

coverage: $(INSTALLED_DEV) $(INSTALLED_NPM) ## Run them with every branch of the code watched, half as fast again; fails below 95 %
	$(BIN)/pytest $(TOGETHER) -m 'not $(ALONE)' --cov --cov-report term $(PYTEST_ARGS)

quick: $(INSTALLED_DEV) ## Run the tests that need no other service, in about a minute
	$(BIN)/pytest -q $(QUICK) $(PYTEST_ARGS)

format: $(INSTALLED_DEV) ## Mend what the linter can mend, and lay the code out
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

lint: $(INSTALLED_DEV) ## Check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: $(BIN)/python ## Choose the versions of all dependencies anew, and write requirements.lock
	$(BIN)/python -m pip install --quiet --editable '.[lock]'
	$(BIN)/uv pip compile setup.cfg --extra build --extra traces --universal --python-version 3.11 --upgrade \
	  --generate-hashes --custom-compile-command 'make lock' --quiet --output-file requirements.lock

sbom: $(INSTALLED_DEV) ## Write sbom.cdx.json: what the image is made of, from requirements.lock, as CycloneDX
	$(BIN)/python -m cyclonedx_py requirements requirements.lock --output-reproducible --validate --output-file sbom.cdx.json

shots: $(INSTALLED_DEV) ## Write pictures of every screen of the desk into docs/images, of made-up carriers; needs chromium
	@$(BIN)/python -m tests.support.shots

digests: ## Pin the images of Dockerfile and docker-compose.yml to what their tags name today
	@set -e; for image in $$(sed -nE 's/^FROM ([^ @]+).*/\1/p; s/^ *image: ([^ @]+:[^ @]+).*/\1/p' \
	    Dockerfile docker-compose.yml | sort -u); do \
	  digest=$$(docker buildx imagetools inspect $$image | sed -nE 's/^Digest: +(sha256:[0-9a-f]{64})$$/\1/p'); \
	  test -n "$$digest" || { echo "no digest of $$image was found" >&2; exit 1; }; \
	  sed -i -E "s#$$image(@sha256:[0-9a-f]{64})?( |$$)#$$image@$$digest\2#" Dockerfile docker-compose.yml; \
	  echo "$$image@$$digest"; \
	done

schema: $(INSTALLED) ## Apply migrations_cql to the Cassandra of the settings
	@$(BIN)/carriers schema

cassandra: $(INSTALLED_DEV) ## Run a real Cassandra node for development in the foreground (CASSANDRA_PORT=9042)
	@exec $(BIN)/python -m tests.support.cassandra_node

# Readable for the containers' users, in a folder that nobody else on this machine can enter.
secrets/%:
	@mkdir -p -m 700 secrets
	@$(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(32))' >$@ && chmod 644 $@

up: secrets/cassandra_admin_password secrets/cassandra_password ## Start it all with docker compose; PROFILE=watch adds Prometheus and Grafana
	docker compose $(if $(PROFILE),--profile $(PROFILE) )up --build --detach --wait

down: ## Stop what `make up` started; the data stays
	docker compose --profile watch down

bench: $(INSTALLED_DEV) ## Measure what it costs, beside its peers; BENCH_ARGS=--help shows how
	@exec $(BIN)/python -m bench $(BENCH_ARGS)

soak: $(INSTALLED_DEV) ## Run the fault tests, and what takes longest, in full; the figures go to docs/measurements.md
	SOAK=full $(BIN)/pytest -m "soak or full" -s

clean: ## Remove the virtual environment and caches; var/ and logs/ stay
	rm -rf $(VENV) $(CLIENTS)/node_modules .mypy_cache .ruff_cache .pytest_cache .coverage build *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# The dependencies first, as the lock file has them: what is installed after it finds them there.
$(INSTALLED): setup.cfg pyproject.toml requirements.lock | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable .
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable '.[test,lint,bench,sbom]'
	@touch $@

# Without npm, or without its registry, the tests that need it say so: REQUIRE=node makes that a failure.
$(INSTALLED_NPM): $(CLIENTS)/package.json $(CLIENTS)/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix $(CLIENTS) --loglevel=error || true; fi
