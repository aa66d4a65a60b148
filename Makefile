# `make demo` shows the project at work, `make test` checks everything.
# Both set up what they need; the second time they are quick.

VENV ?= .venv
PY := $(VENV)/bin/python
# the grid itself needs no virtual environment
GRID := $(or $(wildcard $(PY)),python3) -m testbed
export VENV

.PHONY: help demo demo-deploy test lint unit grid-up grid-down grid-test sandbox-test docs bench \
    bench-short clean

help:
	@echo 'make demo       run a first experiment on a sandbox: a small Grid'"'"'5000 in one process'
	@echo 'make demo-deploy  deploy an image on nodes of two sites, where one fails at first'
	@echo 'make test       lint, unit and system tests, tests on the real OAR grid'
	@echo 'make lint       ruff, mypy, layers'
	@echo 'make unit       unit and system tests only'
	@echo 'make grid-up    start the test grid (root); grid-test runs its tests; grid-down stops it'
	@echo 'make sandbox-test  run the tests of the OAR functions on the sandbox, without root'
	@echo 'make docs       build the manual'
	@echo 'make bench      measure all, beside its peers (an hour and more); writes docs/speed.md'
	@echo 'make bench-short  measure what matters every day, in two minutes'
	@echo 'make clean      remove what was made here (stops the grid)'

demo:
	@scripts/demo.sh

demo-deploy:
	@scripts/demo.sh deploy

test:
	@scripts/test.sh

lint:
	@scripts/venv.sh test
	@scripts/lint.sh

unit:
	@scripts/venv.sh test
	@$(PY) -m pytest

grid-up:
	@$(GRID) up

grid-test: grid-up
	@scripts/venv.sh test
	@$(GRID) run $(CURDIR)/$(PY) -m pytest tests/grid

sandbox-test:
	@scripts/venv.sh test
	@GRID_TESTS_ON=sandbox $(PY) -m pytest tests/grid \
	    --ignore tests/grid/test_grid_itself.py --ignore tests/grid/test_conformance.py

grid-down:
	@$(GRID) down

docs:
	@scripts/venv.sh test
	@$(PY) -m sphinx -b html -W --keep-going -q docs docs/_build
	@echo 'the manual is in docs/_build/index.html'

bench:
	@scripts/venv.sh test
	@$(PY) -m bench --write

bench-short:
	@scripts/venv.sh test
	@$(PY) -m bench --short

clean:
	@if [ -d testbed/work ]; then $(MAKE) --no-print-directory grid-down; fi
	@! mountpoint -q testbed/work/run
	@rm -rf --one-file-system testbed/work bench/work docs/_build $(VENV) build dist .mypy_cache .ruff_cache \
	    .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +
