# Everything runs from here with what a bare machine has: python3 (3.11 or newer) with venv, and make.

PYTHON ?= python3
RUN := .venv/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check --quiet
SETS := journeys browser record alerts rest
IN_journeys := tests/journeys tests/deploy
IN_browser := tests/browser
IN_record := tests/patients tests/access tests/audit tests/ingest
IN_alerts := tests/alerts
IN_rest := tests $(patsubst %,--ignore=%,$(IN_journeys) $(IN_browser) $(IN_record) $(IN_alerts))
SHELL := bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test $(SETS:%=test-%) fuzz fuzz-openapi fuzz-doors race check bench measures programmes docs pictures migrate format lock sbom clean

help: ## This list
	@grep -hE '^[a-z]+:.*## ' Makefile | sort | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

setup: .venv/.runtime services/alerts/static/vendor/.stamp ## Build .venv and fetch the page's files (demo and test do it first)

demo: setup ## Run everything on this box, with simulated patients, until Ctrl-C
	@.venv/bin/hjemvakt demo

test: setup .venv/.tests ## Run the tests (TESTS=path to run only some)
ifdef TESTS
	$(RUN) -m pytest $(TESTS)
else
	@$(MAKE) --no-print-directory --keep-going -j3 $(SETS:%=test-%)
endif

# Three runs beside each other, and the next when one is done: journeys and browsers mostly wait,
# the others mostly compute. sed keeps their lines whole.
$(SETS:%=test-%): test-%:
	@set -o pipefail; $(RUN) -m pytest $(IN_$*) | sed -u ''

# Each service in turns of some minutes. A turn that has passed leaves a file, so that a run that was
# stopped goes on where it was, and `make -j2` does two at once; rm -r build/fuzz begins anew.
TURNS ?= 10
SERVICES ?= ingest patients alerts
FUZZED := $(foreach one,$(SERVICES),$(foreach turn,$(shell seq 1 $(TURNS)),build/fuzz/$(one)-$(turn)))
fuzz: setup .venv/.tests ## Change good payloads 100 000 times for every decoder (N=number), then attack the doors
	nice -n 19 env HJEMVAKT_MUTATIONS=$(or $(N),100000) $(RUN) -m pytest tests/devices/test_mutations.py
	@$(MAKE) --no-print-directory fuzz-doors

fuzz-openapi: setup .venv/.tests $(FUZZED) # 20 000 cases a service (TURNS=10, SERVICES="ingest alerts")

build/fuzz/%:
	@mkdir -p build/fuzz
	HJEMVAKT_TEST_CASES=2000 HJEMVAKT_TEST_SEED=$(lastword $(subst -, ,$*)) nice -n 19 \
	  $(RUN) -m pytest -s tests/journeys/test_openapi.py -k $(firstword $(subst -, ,$*))
	@touch $@

fuzz-doors: fuzz-openapi # and every bad token at every door, 10 000 requests and mends
	HJEMVAKT_TEST_HOSTILE=100 nice -n 19 $(RUN) -m pytest -s tests/journeys/test_hostile_requests.py
	HJEMVAKT_TEST_TOKENS=1000 nice -n 19 $(RUN) -m pytest -s tests/access/test_every_door.py
	HJEMVAKT_TEST_REQUESTS=10000 nice -n 19 \
	  $(RUN) -m pytest tests/journeys/test_audit.py -k every_answered
	HJEMVAKT_MENDED=10000 nice -n 19 $(RUN) -m pytest -s tests/journeys/test_mend_and_replay.py

race: setup .venv/.tests ## Two nurses at once, 10 000 times; 100 histories in 400 orders
	HJEMVAKT_RACES=10000 $(RUN) -m pytest tests/alerts/test_races.py
	HJEMVAKT_ORDERED=100 $(RUN) -m pytest tests/alerts/test_any_order_of_all.py

check: setup .venv/.tests ## Lint, formatting, types, layers, programmes
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	.venv/bin/lint-imports
	.venv/bin/hjemvakt programmes check

bench: setup .venv/.tests ## Measure throughput and latency against floors of the same run (BENCH=quick)
	$(RUN) -m tests.bench

measures: setup .venv/.tests ## Measure what large and foreign messages cost (HL7 v2, FHIR batch, MLLP)
	$(RUN) -m tests.bench.measures

programmes: setup ## Check the clinical programmes and print them in words
	.venv/bin/hjemvakt programmes check
	.venv/bin/hjemvakt programmes describe

docs: setup ## Make the pages of docs/ that come from the code
	$(RUN) -m deploy.local.documents

pictures: setup .venv/.tests ## Take the pictures of docs/ anew (needs Chromium)
	$(RUN) -m tests.browser.pictures

migrate: setup ## Bring the database of DATABASE_URL to the present schema
	.venv/bin/hjemvakt migrate

format: setup .venv/.tests ## Format the code
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

lock: .venv/.tests ## Pin the newest versions that fit requirements*.in, with hashes
	for part in requirements requirements-test requirements-npm requirements-sbom; do \
	  CUSTOM_COMPILE_COMMAND="make lock" .venv/bin/pip-compile --quiet --upgrade --generate-hashes \
	    --allow-unsafe --strip-extras --no-header --no-emit-index-url --no-emit-trusted-host \
	    --no-emit-find-links --output-file $$part.txt $$part.in || exit 1; \
	done

sbom: setup .venv-sbom/.made ## Write build/sbom.cdx.json: what is installed, with versions and licences
	@mkdir -p build
	.venv-sbom/bin/cyclonedx-py environment $(RUN) --pyproject pyproject.toml \
	  --mc-type application --output-reproducible --of JSON --output-file build/sbom.cdx.json
	@echo "The parts of what is installed are in build/sbom.cdx.json."

.venv-sbom/.made: requirements-sbom.txt
	@$(PYTHON) -m venv .venv-sbom
	@.venv-sbom/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes \
	  -r requirements-sbom.txt
	@touch $@

clean: ## Remove .venv, fetched files and caches; data in .hjemvakt stays
	rm -rf .venv .venv-sbom services/alerts/node_modules services/alerts/static/vendor build *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; choose one with make PYTHON=…"; exit 1; }
	@echo "Building .venv …"
	@$(PYTHON) -m venv .venv \
	  || { rm -rf .venv; echo "Python's venv is needed (Debian: apt-get install python3-venv)."; exit 1; }
	@touch $@

.venv/.runtime: .venv/.made requirements.txt pyproject.toml
	@echo "Installing what Hjemvakt needs …"
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

.venv/.tests: .venv/.runtime requirements-test.txt services/alerts/package.json | services/alerts/static/vendor/.stamp
	@echo "Installing what tests and checks need …"
	@$(PIP) install --require-hashes -r requirements-test.txt
	@command -v npm >/dev/null || $(PIP) install --require-hashes -r requirements-npm.txt
	@$(RUN) -m deploy.local.vendor --tests
	@touch $@

services/alerts/static/vendor/.stamp: .venv/.runtime services/alerts/package.json services/alerts/vendor.sha256
	@echo "Fetching the page's files …"
	@command -v npm >/dev/null || $(PIP) install --require-hashes -r requirements-npm.txt
	@$(RUN) -m deploy.local.vendor
	@touch $@
