PYTHON ?= python3
# The pinned build; elsewhere e.g. `make demo TORCH="torch --index-url https://download.pytorch.org/whl/cpu"`
TORCH ?= torch==2.13.0
BIN := .venv/bin
READY := .venv/.ready
SERVICES := .venv/.services
FAULTS ?= 300
SEED ?= 1

.PHONY: demo test test-services chaos lint format bench clean

.venv: $(READY)

$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --editable '.[dev,cluster]'
	mkdir -p .venv/sources && ln -sfn ../.. .venv/sources/monsoon  # where mypy finds the tree as a package
	touch $@

demo: $(READY)
	$(BIN)/monsoon demo

test: $(READY)
	$(BIN)/pytest --ignore tests/services --numprocesses 2 --dist loadfile

# on top of what is there: resolved together, pip tries minutes of combinations
$(SERVICES): $(READY)
	$(BIN)/pip install --quiet --editable '.[services]'
	touch $@

test-services: $(SERVICES)
	$(BIN)/pytest tests/services

# 300 faults at random over one campaign: an hour, as root for the faults of file systems; `make chaos FAULTS=1000`
chaos: $(READY)
	$(BIN)/python -m tests.chaos.run --faults $(FAULTS) --seed $(SEED) --table tests/chaos/TABLE.md

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY)
	$(BIN)/monsoon bench

clean:
	rm -rf .venv out build dist *.egg-info
