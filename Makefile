# `make run` and `make test` are all a newcomer needs; `make` lists the rest.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help run test crash soak check bench routes screenshots lock setup setup-dev clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /	/' | expand -t 16

run: setup ## install what is missing, start the demo and print where to click
	@$(BIN)/latchkey demo --port $(PORT)

test: setup-dev ## run the whole suite (SQLite, PostgreSQL, browser)
	@$(BIN)/python -m tests.support.run_suite

crash: setup-dev ## kill real processes at every failpoint, on both databases
	@$(BIN)/python -m tests.crash

soak: setup-dev ## for hours: a thousand crash runs, three minutes of events, ten thousand histories
	@$(BIN)/python -m tests.crash --runs 1000
	@$(BIN)/python -m tests.bench --only steady --seconds 180
	@nice $(BIN)/python -m tests.fulfillment.soak --histories 10000

check: setup-dev ## linters and type checks
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: setup-dev ## print the measured ratios, side by side in one run
	@$(BIN)/python -m tests.bench

routes: setup-dev ## write docs/routes.md again from the app
	@$(BIN)/python -m tests.support.routes

screenshots: setup-dev ## take the pictures of the README and of docs/ again
	@$(BIN)/python -m tests.support.screenshots

lock: setup ## resolve requirements/*.in again, with hashes
	@$(BIN)/python -m pip install --quiet uv
	@for kind in runtime dev; do $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements/$$kind.in -o requirements/$$kind.txt; done

setup: $(VENV)/.runtime ## make .venv with what Latchkey needs to run
setup-dev: $(VENV)/.dev ## the same, with what the tests need

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Latchkey needs Python 3.11 or newer.")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what Latchkey needs (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@echo "Installing what the tests need (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

clean: ## remove the virtual environment, caches and the demo's data
	@rm -rf $(VENV) instance build .pytest_cache .ruff_cache .hypothesis *.egg-info
