# Everything starts from here; `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench docs golden lock

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/installed ## make .venv with the command .venv/bin/feldwerk

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q connectors engine tools
	@touch $@

demo: setup ## run the main job against two simulated partners
	$(BIN)/feldwerk demo

test: setup lint ## check and test everything, as CI does
	$(BIN)/python -m pytest -n 2
	$(BIN)/feldwerk check
	$(BIN)/python -m tools.docs --check

lint: setup
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache > .venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }

bench: setup ## measure speed and memory, as ratios within one run
	$(BIN)/python -m tools.bench

docs: setup ## write the generated files: REFERENCE.md, schemas/feldwerk, .vscode
	$(BIN)/python -m tools.docs

golden: setup ## write the golden folders, tests/golden: read the diff
	$(BIN)/python -m tools.golden

lock: ## renew requirements.lock
	$(BIN)/pip-compile --quiet --all-extras --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --output-file requirements.lock pyproject.toml
