# Verbs only: which stage is out of date is decided by content (lbc/pipeline), never by time stamps.
TOWN ?= s_town
JOBS ?= 2
DATA ?=
INSTRUMENT ?=
WHY ?=
PYTHON ?= python3
INSTALLER ?= uv

unexport PYTHONDONTWRITEBYTECODE
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export PYTHONHASHSEED := 0

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed-$(firstword $(shell cat requirements.lock bootstrap.lock | cksum))

.DEFAULT_GOAL := help
.PHONY: all status verify accept check register new-town plan report lab test lint bench clean help env lock

all: $(STAMP)  ## run every stage of TOWN that is out of date and write its figures, tables, findings and claims
	@$(PY) -m lbc run --town $(TOWN) --jobs $(JOBS)

status: $(STAMP)  ## say for each stage of TOWN whether it is current, and if not, why
	@$(PY) -m lbc status --town $(TOWN)

verify: $(STAMP)  ## run TOWN again in a scratch folder and compare every number with the committed ones
	@$(PY) -m lbc verify --town $(TOWN) --jobs $(JOBS)

accept: $(STAMP)  ## show which numbers of TOWN moved, then make the last run the committed reference
	@$(PY) -m lbc accept --town $(TOWN)

check: $(STAMP)  ## check params, codebook and data of TOWN without running anything
	@$(PY) -m lbc check --town $(TOWN)

register: $(STAMP)  ## keep the protocol's hash before the start, so that a later change shows (WHY="reason")
	@$(PY) -m lbc register --town $(TOWN) --why "$(WHY)"

new-town: $(STAMP)  ## start a town from a survey file: make new-town TOWN=riverton DATA=file.xlsx
	@$(PY) -m lbc new-town --town $(TOWN) --data "$(DATA)" $(foreach file,$(INSTRUMENT),--instrument "$(file)")

plan: $(STAMP)  ## say what TOWN's planned survey and group can detect, before any data are collected
	@$(PY) -m lbc plan --town $(TOWN)

report: $(STAMP)  ## write TOWN's notebooks and claims as web pages into outputs/TOWN/report
	@$(PY) -m lbc report --town $(TOWN)

lab: $(STAMP)  ## open JupyterLab with the project's kernel (only on this machine, with its token)
	@$(PY) -m jupyterlab --ip=127.0.0.1 --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks $$([ "$$(id -u)" != 0 ] || echo --allow-root)

test: $(STAMP)  ## run every check: lint, unit, reference, messages, notebooks, pipeline
	@$(PY) -m ruff check --quiet lbc tests benchmarks notebooks
	@$(PY) -m pytest -n $(JOBS) --dist loadfile --cov --cov-report=term:skip-covered

lint: $(STAMP)  ## check the style of the code
	@$(PY) -m ruff check lbc tests benchmarks notebooks

bench: $(STAMP)  ## measure what the claims of speed rest on
	@$(PY) -m benchmarks

clean:  ## delete everything that `make all` can make again (not the environment, not your data)
	@find outputs -mindepth 2 ! -name accepted.json -delete 2>/dev/null || true
	@rm -rf .pytest_cache .ruff_cache .coverage

help:  ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  TOWN=s_town chooses the town, JOBS=2 how many stages run at once."

env: $(STAMP)

lock: $(STAMP)
	$(VENV)/bin/uv pip compile requirements.in --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements.lock

# The stamp's name holds the locks' checksum, so it depends on their content and not on their time.
$(STAMP):
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "lbc needs Python 3.11 or newer with venv. On Debian and Ubuntu: apt-get install python3-venv"; exit 2; }
	@echo "Setting up $(VENV) from requirements.lock (once, a minute or two) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@if [ "$(INSTALLER)" = pip ]; then \
	   $(PY) -m pip install -q --require-hashes -r requirements.lock; \
	 else \
	   $(PY) -m pip install -q --require-hashes -r bootstrap.lock && \
	   index=$$($(PY) -m pip config get global.index-url 2>/dev/null); \
	   [ -z "$$index" ] || export UV_DEFAULT_INDEX="$$index"; \
	   UV_NO_CONFIG=1 $(VENV)/bin/uv pip install -q --compile-bytecode --python $(PY) --require-hashes --only-binary :all: -r requirements.lock; \
	 fi
	@$(PY) -c 'import os, pathlib, sysconfig; lib = sysconfig.get_path("purelib"); pathlib.Path(lib, "lbc.pth").write_text(os.path.relpath(".", lib) + "\n")'
	@printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -m lbc "$$@"\n' > $(VENV)/bin/lbc && chmod +x $(VENV)/bin/lbc
	@touch $@
