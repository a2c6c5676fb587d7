# make run    train on the embedded data for a few minutes, test, draw the fits
# make test   the whole default test suite
# make pages  write anew what the pages under docs/ show of the code: help texts, cards, names
# make docs   build the documentation into build/site; it opens from files, offline
# make lint   style, types, and which room may import which
# make clean  remove the environment and caches (runs/ stays)
#
# Each makes the environment first if it is missing or out of date. PYTHON=python3.12 picks another
# interpreter; TRAIN_TIME=DD:HH:MM:SS gives `make run` another cap on training.

PYTHON ?= python3
TRAIN_TIME ?= 00:00:04:00
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: run test pages docs lint clean
.DELETE_ON_ERROR:

run: $(STAMP)
	$(BIN)/lsr1 fit --config hmr_quick.yaml --trainer.max_time $(TRAIN_TIME)
	$(BIN)/lsr1 test --name hmr_quick --ckpt best

test: $(STAMP)
	$(BIN)/pytest --numprocesses auto --dist loadfile

pages: $(STAMP)
	$(BIN)/python tools/pages.py

docs: $(STAMP).docs
	$(BIN)/mkdocs build --strict

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist

# torch first and alone, by its exact version: a range could bring in a build of several GB.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
		echo "lsr1 needs Python 3.10 or newer, and '$(PYTHON)' is" \
			"$$($(PYTHON) --version 2>&1 || true); name one: make PYTHON=python3.12" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@

$(STAMP).docs: $(STAMP)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	@touch $@
