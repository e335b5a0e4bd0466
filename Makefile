PYTHON ?= python3
# The pinned build; elsewhere e.g. `make demo TORCH="torch --index-url https://download.pytorch.org/whl/cpu"`
TORCH ?= torch==2.13.0
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-services lint format bench clean

.venv: $(READY)

$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,services]'
	touch $@

demo: $(READY)
	$(BIN)/monsoon demo

test: $(READY)
	$(BIN)/pytest --ignore tests/services

test-services: $(READY)
	$(BIN)/pytest tests/services

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
