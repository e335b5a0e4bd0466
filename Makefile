PYTHON ?= python3
# The pinned build; elsewhere e.g. `make demo TORCH="torch --index-url https://download.pytorch.org/whl/cpu"`
TORCH ?= torch==2.13.0
UV := 0.9.30
BIN := .venv/bin
READY := .venv/.ready
SERVICES := .venv/.services
DOCS := .venv/.docs
FAULTS ?= 300
MINUTES ?= 30
SEED ?= 1
# uv installs the same files in a fifth of pip's time; pip where uv cannot be had, or does not find the index
INSTALL = install() { $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python "$$@" \
	|| $(BIN)/pip install --quiet --disable-pip-version-check "$$@"; }; install --require-hashes --no-deps
BESIDE = --numprocesses 3 --dist loadfile
# without bytecode each process, and each worker of Ray, compiles what it imports: 16 s of a core, not 6
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-slow test-services test-long docs ahead chaos fuzz lock audit lint format bench clean

.venv: $(READY)

# all but torch, whose build depends on the machine, is what the lock says, and has its hash
$(READY): pyproject.toml requirements.lock requirements-gpu.lock
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check $(TORCH)
	-$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV)
	$(INSTALL) --requirement requirements.lock
	# builds of torch for CUDA bring a triton of their own
	$(BIN)/python -c "import triton" 2>/dev/null || { $(INSTALL) --requirement requirements-gpu.lock; }
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	mkdir -p .venv/sources && ln -sfn ../.. .venv/sources/monsoon  # where mypy finds the tree as a package
	touch $@

demo: $(READY)
	$(BIN)/monsoon demo

test: $(READY)
	$(BIN)/pytest --ignore tests/services -m "not services and not slow" $(BESIDE)

# trainings, statistics of many showers, commands one after the other: they only compute
test-slow: $(READY)
	$(BIN)/pytest --ignore tests/services -m "slow and not services" --numprocesses 2

$(SERVICES): $(READY) requirements-services.lock
	$(INSTALL) --requirement requirements-services.lock
	touch $@

test-services: $(SERVICES)
	$(BIN)/pytest -m "services and not long" $(BESIDE)

test-long: $(SERVICES)
	$(BIN)/pytest -m long $(BESIDE)

# every Triton kernel for sm_80 and sm_90, without a GPU: a minute; after a change of one
ahead: $(READY)
	TRITON_INTERPRET=0 $(BIN)/python -m tests.ahead.run

$(DOCS): $(READY) requirements-docs.lock
	$(INSTALL) --requirement requirements-docs.lock
	touch $@

# README, ARCHITECTURE, tutorials, cluster pages and docstrings as HTML in out/docs/html; a warning is an error
docs: $(DOCS)
	$(BIN)/python -m monsoon.jobs.documentation.build

# 300 faults at random over one campaign: an hour, as root for the faults of file systems; `make chaos FAULTS=1000`
chaos: $(READY)
	$(BIN)/python -m tests.chaos.run --faults $(FAULTS) --seed $(SEED) --table tests/chaos/TABLE.md

# after a change of pyproject.toml; add LOCK=--upgrade for the newest versions of all
LOCKED = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --excludes .venv/.apart \
	--custom-compile-command 'make lock' $(LOCK) --extra cluster pyproject.toml
lock: $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV)
	echo torch > .venv/.apart
	# of images: torch's own requirements too, so that its index is asked for torch alone; Ray's launcher needs boto3
	printf '%s\n' boto3 networkx sympy > .venv/.beside
	$(LOCKED) --extra dev --extra services --extra docs --output-file requirements-services.lock
	$(LOCKED) --extra dev --constraint requirements-services.lock --output-file requirements.lock
	$(LOCKED) --extra dev --extra docs --constraint requirements-services.lock --output-file requirements-docs.lock
	$(LOCKED) --extra train --extra tune --extra s3 --extra xrootd .venv/.beside \
		--constraint requirements-services.lock --output-file requirements-image.lock
	echo "triton<3.8" | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-deps \
		--custom-compile-command 'make lock' - --output-file requirements-gpu.lock

# known vulnerabilities of what is locked; no part of CI: it asks pypi.org, which CI may not reach
audit: $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check pip-audit
	$(BIN)/pip-audit --disable-pip --require-hashes --strict --requirement requirements-services.lock

# every reader, for MINUTES with mutated inputs of a SEED; those of findings are kept in out/fuzz
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
