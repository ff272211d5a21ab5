# `make demo` and `make test` do everything on a fresh machine with Python 3.11 and make.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
# Much of the tests is waiting for cameras: three files at a time suit two cores.
PARALLEL ?= --numprocesses 3 --dist loadfile --no-loadscope-reorder
SOURCES := streams models pipeline dispatch api bench sample_videos skygrid

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-lean system demo serve test check format lint types imports unit \
        test-slow system-bench bench bench-speed lock clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Stamps make every step a no-op when nothing changed.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "need $(PYTHON) on the PATH (or: make PYTHON=/path/to/python3.11)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.default: requirements/default.lock pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -r requirements/default.lock
	$(PIP) install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(BIN)/python
	$(PIP) install --quiet -r requirements/dev.lock
	$(PIP) install --quiet --no-deps --editable .
	@touch $(VENV)/.default $@

setup: $(VENV)/.default ## the environment for users: .venv with the command .venv/bin/skygrid
setup-dev: $(VENV)/.dev ## setup, plus what tests and benchmarks need

setup-lean: requirements/lean.lock | $(BIN)/python ## without ultralytics and torch: edge boxes, web nodes
	$(PIP) install --quiet -r requirements/lean.lock
	$(PIP) install --quiet --no-deps --editable .

system: ## browser, database and fonts for the tests, through apt when root
	@bash .ci/system

demo: setup ## sample cameras over RTSP, incidents as they are confirmed, the review page
	$(BIN)/skygrid demo

check: format lint types imports ## what the tests start with
format: setup-dev
	$(BIN)/ruff format --check $(SOURCES) tests
lint: setup-dev
	$(BIN)/ruff check $(SOURCES) tests
types: setup-dev
	$(BIN)/mypy
imports: setup-dev
	$(BIN)/lint-imports

unit: setup-dev
	$(PYTEST) -m "not slow" $(PARALLEL)

test: setup-dev system check unit ## all that CI runs

test-slow: setup-dev system ## the long ones: kills, soaks, hundreds of reconnects
	$(PYTEST) -m slow --timeout 1800

system-bench: ## what the speed benchmark's peers and its cameras need, through apt when root
	@bash .ci/system bench

bench: setup-dev system-bench ## every benchmark; reports under out/
	$(BIN)/skygrid bench all

bench-speed: setup-dev system-bench ## what a camera costs, next to peers; out/speed
	$(BIN)/skygrid bench speed

lock: setup-dev ## renew requirements/*.lock
	$(PIP) install --quiet pip-tools
	PATH="$(CURDIR)/$(BIN):$$PATH" bash requirements/lock

clean: ## what was made here, except the data
	rm -rf $(VENV) build out .mypy_cache .pytest_cache .ruff_cache *.egg-info
