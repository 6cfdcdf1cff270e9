# Needs make and Python 3.11 or newer with venv; nothing else. `make` alone lists what can be asked for.
#
# Paths here are relative, and tools are started as `python -m …`: make cannot handle spaces in the names of
# targets, and the folder that this lies in may have them.

.DEFAULT_GOAL := help
.PHONY: azurite bench bench-growth bench-pages bench-streams bench-year readers help install dev run test proof verify-flips simulate mutants lint style types layers lock clean

# Modules of the caller's own Python must not shadow the locked ones.
unexport PYTHONPATH PYTHONHOME

PY := .venv/bin/python
ARGS ?=
WORKERS ?= auto

help: ## list what can be asked for
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  Words for the program:  make run ARGS="--ticks 3"    make test ARGS="tests/unit -x"'
	@echo '  Another Python:         make install PYTHON=python3.12'

install: ## make .venv with coleta in it
	@sh tools/venv.sh run

dev: ## make .venv with the tools of the tests, too
	@sh tools/venv.sh dev

# `exec`, so that Ctrl-C and a SIGTERM to make reach the program itself, with no shell between that could die first.
run: install ## collect purchases from an API on this machine into ./demo/lake; Ctrl-C stops it
	@exec $(PY) -m coleta demo $(ARGS)

test: dev ## run the tests
	@$(PY) -m pytest -n $(WORKERS) --maxprocesses 8 $(ARGS)

# From a lock with digests, and without running what packages bring; `make test` skips its tests where it is missing.
azurite: ## fetch Azurite with npm: the Azure Blob Storage that some tests land in
	@npm ci --prefix tools/azurite --ignore-scripts --omit=dev --omit=optional --no-audit --no-fund --loglevel=error

proof: dev ## kill, cut off and crowd the real program, and count what came of it; ARGS="kills --runs 300"
	@exec $(PY) -m proof $(ARGS)

simulate: install ## run the program in worlds where everything goes wrong; ARGS="--seeds 20000"
	@$(PY) -m coleta.testing.simulator $(ARGS)

mutants: dev ## break the landing rules on purpose, one by one: the simulator must find each
	@$(PY) tests/simulation/mutants.py $(ARGS)

verify-flips: dev ## damage files of every kind at random: an audit must find each; ARGS="--count 1000 --seed 2"
	@$(PY) tests/formats/flips.py $(ARGS)

lint: style types layers ## check style, types, and who may import whom

style: dev
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check

types: dev
	@$(PY) -m mypy

layers: dev
	@$(PY) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

# The other contenders live in a place of their own: none of them is a dependency.
bench: install ## time Coleta beside dlt and the tutorial's way; ARGS="--sizes 50 --rounds 3"
	@test -x .venv-bench/bin/python || $(PY) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install -q -r benchmarks/requirements.txt
	@$(PY) benchmarks/bench.py $(ARGS)

bench-streams: install ## collect a thousand streams a minute for some minutes; ARGS="--streams 200"
	@$(PY) benchmarks/streams.py $(ARGS)

bench-pages: install ## collect 200 pages of an API that takes 50 ms for each, 8 at once; ARGS="--concurrency 1"
	@$(PY) benchmarks/pages.py $(ARGS)

bench-year: install ## make up a year of minutes and verify it; ARGS="--days 30"
	@$(PY) benchmarks/year.py $(ARGS)

bench-growth: dev ## make up three years of minutes, and measure what landing and opening take on top; ARGS="--years 1"
	@$(PY) benchmarks/growth.py $(ARGS)

readers: dev ## make .venv-delta, with a DuckDB that reads Delta and Iceberg tables, for the tests
	@test -x .venv-delta/bin/python || $(PY) -m venv .venv-delta
	@.venv-delta/bin/python -m pip install -q -r tests/delta/requirements.txt

lock: ## choose the versions of all packages anew where pyproject.toml asks for it; ARGS=--upgrade: all
	@sh tools/lock.sh $(ARGS)

clean: ## remove all that these commands made, but not what the demo landed
	rm -rf tools/azurite/node_modules
	rm -rf .venv .venv.lock .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
