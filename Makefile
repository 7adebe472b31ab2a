# Everything runs in a private environment that is built from nothing; only Python 3.11 or newer has to be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test lint corpus bench mutation promote clean

# Install, check every bundled test under every model that it has an expectation for, print the table.
run: $(STAMP)
	$(BIN)/membar-check run litmus --all-models --format table -j 0

test: lint
	$(BIN)/python -m pytest -n 2

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy

# Compare with the recorded answers of herd7, where that corpus is at hand.  ENGINE=both: the engines with each other too.
corpus: $(STAMP)
	$(BIN)/python tests/corpus/compare.py $(if $(ENGINE),--engine $(ENGINE)) $(ARGS)

bench: $(STAMP)
	$(BIN)/python tests/benchmarks/bench.py $(ARGS)

# How many single changes of the bundled models the bundled tests notice.
mutation: $(STAMP)
	$(BIN)/python tests/benchmarks/mutation.py $(ARGS)

# Rewrite the golden outputs of the tests from what the code prints now; read the change before committing it.
promote: $(STAMP)
	$(BIN)/python -m pytest -n 2 --promote $(ARGS)

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m compileall -q membar_check
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
