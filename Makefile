# Everything is made inside this folder: .venv (packages by lock file), .node (solc, anvil), build (logs, results).
# Needed from outside: git, make and Python 3.11 or later.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
SET_UP = python=$$(sh tools/python.sh) && "$$python" tools/set_up.py
PYTHON := .venv/bin/python

.PHONY: help demo test soak year fuzz chaos lint lock defences mutants bench clean set-up-demo set-up-test

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

demo: set-up-demo ## the one-minute tour: in-process chain, simulated bank, books that add up
	@$(PYTHON) -m bridge demo

test: set-up-test ## every test, on two processes
	@$(PYTHON) -m pytest -n 2 --dist loadscope --no-loadscope-reorder $(PYTEST_ARGS)

soak: set-up-test ## a year of business with several seeds (minutes), then the properties with two thousand examples each (hours)
	@$(MAKE) year
	@HYPOTHESIS_PROFILE=soak $(PYTHON) -m pytest -n 2 --dist loadscope --no-loadscope-reorder tests/rules tests/formats tests/bank_news tests/chaos/test_machine.py $(PYTEST_ARGS)

year: set-up-test ## only that: a seeded year each, on PostgreSQL (YEAR_SEEDS="7 8" YEAR_DAYS=365)
	@YEAR_KIND=year YEAR_SEEDS="$${YEAR_SEEDS:-1 2}" YEAR_DAYS="$${YEAR_DAYS:-365}" $(PYTHON) -m pytest -n 2 --dist loadscope --no-loadscope-reorder tests/year -k seed $(PYTEST_ARGS)

fuzz: set-up-test ## 100,000 damaged bank files: refused, or read whole (FUZZ_MUTANTS=100000 FUZZ_SEED=1); a minute
	@FUZZ_MUTANTS="$${FUZZ_MUTANTS:-100000}" $(PYTHON) -m pytest -n 2 tests/formats/test_fuzz.py $(PYTEST_ARGS)

chaos: set-up-test ## kill -9 at each point of the way, with each fault of bank and chain (CHAOS_SEED=1 CHAOS_COUNT=312); build/chaos.log
	@CHAOS_COUNT="$${CHAOS_COUNT:-10000}" $(PYTHON) -m pytest tests/chaos/test_matrix.py --log-file=build/chaos.log --log-file-level=INFO $(PYTEST_ARGS)

lint: set-up-test ## ruff, mypy --strict, who may import whom
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-logo --cache-dir .import_linter_cache

defences: set-up-test ## switch off each defence of tests/defences.toml: its test must turn red
	@$(PYTHON) tools/defences.py $(ARGS)

mutants: set-up-test ## change rules, books and formats in one place at a time: a test must notice (ARGS=bridge/rules/calendar.py)
	@$(PYTHON) tools/mutants.py $(ARGS)

bench: set-up-test ## 10,000 invoices through the whole path, seconds and memory per stage (ARGS="--invoices 1000 --times 3")
	@$(PYTHON) tools/bench.py $(ARGS)

lock: set-up-test ## write the lock files anew from pyproject.toml (ARGS=--upgrade for newer versions)
	@$(PYTHON) tools/lock.py $(ARGS)

clean: ## remove what make made
	@rm -rf .venv .node build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

set-up-demo:
	@$(SET_UP) demo

set-up-test:
	@$(SET_UP) test
