# Needs Python 3.11 or newer, pip and make; everything else goes into .venv.
#
#   make demo    set up and run a search on the embedded example
#   make serve   set up and serve searches to a browser on this machine
#   make test    set up and run the whole gate, every tier of tests that this machine can run
#   make soak    set up and run the long versions of the tests for faults; more than an hour
#   make check   the quick part of the gate: format, lint, types, import contracts, unit tests
#   make clean   remove caches and builds; the environment and runs/ stay
#
# PYTHON=... chooses the interpreter for a new .venv. pip's own settings choose where packages come from: on a machine
# without a GPU, PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu saves the download of CUDA libraries.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
WORKERS := 2
SOAK_WORKERS := 0
PIP := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
# The version in __init__.py is part of what is installed.
SETUP := pyproject.toml constraints.txt autolora/__init__.py

.PHONY: demo serve test soak check lint clean
.DELETE_ON_ERROR:

# A new folder for every demo: runs/demo, runs/demo-2, ...
demo: $(VENV)/.ready-demo
	@run=runs/demo; n=2; \
	while [ -e "$$run" ]; do run=runs/demo-$$n; n=$$((n + 1)); done; \
	$(BIN)/autolora demo --out "$$run"

serve: $(VENV)/.ready-serve
	@$(BIN)/autolora serve

# Tiers without what they need (a browser, a GPU) skip themselves and say so. Most of the time goes to processes that
# start and end, so two files are tested at a time; tests/conftest.py has the longest begin.
test: lint
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

# The figures at the end say how many kills, reads and searches there were, and what was lost. SOAK_WORKERS shares it among
# processes where there are cores to spare (two have none); how long a start or a resume takes then says nothing.
soak: $(VENV)/.ready-test
	AUTOLORA_KILLS=200 AUTOLORA_FAULTS=all AUTOLORA_READERS=8 AUTOLORA_SEARCHES=50 \
		AUTOLORA_SERVICE_KILLS=20 AUTOLORA_UPLOAD_MEBIBYTES=200 $(BIN)/python -m pytest \
		--numprocesses $(SOAK_WORKERS) --dist worksteal \
		tests/search/test_kills.py tests/test_faults.py tests/test_interrupts.py tests/test_durable.py \
		tests/test_bad_input.py tests/search/test_bad_input.py tests/soak \
		tests/service/test_searches.py tests/service/test_uploads.py

check: lint
	$(BIN)/python -m pytest -m unit

lint: $(VENV)/.ready-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find autolora tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# torch comes first: what the pin means on this machine (with CUDA or without) is settled before anything asks for it.
$(VENV)/.ready-demo: $(SETUP) | $(BIN)/python
	$(PIP) torch
	$(PIP) -e '.[demo]'
	@touch $@

$(VENV)/.ready-serve: $(SETUP) | $(BIN)/python
	$(PIP) torch
	$(PIP) -e '.[demo,service]'
	@touch $(VENV)/.ready-demo $@

$(VENV)/.ready-test: $(SETUP) | $(BIN)/python
	$(PIP) torch
	$(PIP) -e '.[demo,test]'
	@touch $(VENV)/.ready-demo $(VENV)/.ready-serve $@

$(BIN)/python:
	@python="$(PYTHON)"; \
	for try in python3 python3.14 python3.13 python3.12 python3.11; do \
		[ -n "$$python" ] && break; \
		$$try -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && python=$$try; \
	done; \
	if [ -z "$$python" ]; then \
		echo "autolora needs Python 3.11 or newer: install it, or name it with make PYTHON=/path/to/python" >&2; exit 1; \
	fi; \
	"$$python" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
