PYTHON ?= python3
# The pinned build; elsewhere e.g. `make demo TORCH="torch --index-url https://download.pytorch.org/whl/cpu"`
TORCH ?= torch==2.13.0
BIN := .venv/bin
READY := .venv/.ready
SERVICES := .venv/.services

.PHONY: demo test test-services chaos fuzz lint format bench clean

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

# 300 faults at random over one campaign: an hour, as root for the faults of file systems
chaos: $(READY)
	$(BIN)/python -m tests.chaos.run --faults 300 --seed 1 --table tests/chaos/TABLE.md

# every reader, for MINUTES with mutated inputs of a SEED; those of findings are kept in out/fuzz
MINUTES ?= 30
SEED ?= 1
fuzz: $(READY)
	$(BIN)/python -m tests.fuzz.run --minutes $(MINUTES) --seed $(SEED) --processes 2

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
