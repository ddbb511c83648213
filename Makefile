# Everything on a fresh machine with nothing but Python >= 3.11 and make; PYTHON chooses another interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup web demo test lint docs bench clean

# The pages are built by the installation too; without npm everything but `overread edge` works.
setup: $(STAMP)
	@$(BIN)/python web/build.py || echo "the web pages are not built; 'make web' builds them once npm works"

web: $(STAMP)
	$(BIN)/python web/build.py

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Overread needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,dev]'
	@touch $(STAMP)

demo: setup
	$(BIN)/overread demo -o out/demo

test: setup
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

exhaustive: setup
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --exhaustive -m exhaustive

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: setup
	$(BIN)/mkdocs build --strict

bench: setup
	$(BIN)/python benchmarks/featurize.py
	$(BIN)/python benchmarks/train.py
	$(BIN)/python benchmarks/ingest.py
	$(BIN)/python benchmarks/bootstrap.py
	$(BIN)/python benchmarks/distributed.py
	$(BIN)/python benchmarks/spark_featurize.py
	$(BIN)/python benchmarks/edge.py
	$(BIN)/python benchmarks/spark_scaling.py --simulate
	$(BIN)/python benchmarks/spark_nih.py --rows 10000

clean:
	rm -rf $(VENV) out site build dist overread/edge/app web/node_modules
