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
BROWSER := $(VENV)/.browser-$(firstword $(shell cksum < requirements-browser.lock))

.DEFAULT_GOAL := help
.PHONY: all status verify accept check register new-town plan report lab test system lint bench clean help env lock

# The count of stages comes last, and the report is made of a finished run only.
all: $(STAMP)  ## run every stage of TOWN that is out of date, then write its web report and its Word chapter
	@count=$$($(PY) -m lbc run --town $(TOWN) --jobs $(JOBS)); code=$$?; \
	 [ $$code -ne 0 ] || $(PY) -m lbc report --town $(TOWN) || code=$$?; \
	 [ -z "$$count" ] || echo "$$count"; exit $$code

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

report: $(STAMP)  ## write the web report and the Word chapter of TOWN's last run again
	@$(PY) -m lbc report --town $(TOWN)

lab: $(STAMP)  ## open JupyterLab with the project's kernel (only on this machine, with its token)
	@$(PY) -m jupyterlab --ip=127.0.0.1 --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks $$([ "$$(id -u)" != 0 ] || echo --allow-root)

test: $(STAMP)  ## run every check: lint, unit, reference, messages, notebooks, pipeline, browser
	@$(PY) -m ruff check --quiet lbc tests benchmarks notebooks
	@$(PY) -m pytest -n $(JOBS) --dist loadfile --cov --cov-report=term:skip-covered

system: $(BROWSER)  ## install what the browser tests need: Chromium, LibreOffice, fonts (as root; skip it, and they are skipped)
	@sh tests/browser/install.sh

lint: $(STAMP)  ## check the style of the code
	@$(PY) -m ruff check lbc tests benchmarks notebooks

bench: $(STAMP)  ## measure what the claims of speed rest on
	@$(PY) -m benchmarks

clean:  ## delete everything that `make all` can make again (not the environment, not your data)
	@find outputs -mindepth 2 ! -name accepted.json -delete 2>/dev/null || true
	@rm -rf outputs/index.html .pytest_cache .ruff_cache .coverage

help:  ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  TOWN=s_town chooses the town, JOBS=2 how many stages run at once."

env: $(STAMP)

lock: $(STAMP)
	$(LOCK) requirements.in -o requirements.lock
	$(LOCK) requirements-browser.in -o requirements-browser.lock

LOCK = $(VENV)/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

# Install what a lock names, and nothing whose hash is another.
define install
if [ "$(INSTALLER)" = pip ]; then \
   $(PY) -m pip install -q --require-hashes -r $(1); \
 else \
   index=$$($(PY) -m pip config get global.index-url 2>/dev/null); \
   [ -z "$$index" ] || export UV_DEFAULT_INDEX="$$index"; \
   UV_NO_CONFIG=1 $(VENV)/bin/uv pip install -q --compile-bytecode --python $(PY) --require-hashes --only-binary :all: -r $(1); \
 fi
endef

# The stamp's name holds the locks' checksum, so it depends on their content and not on their time.
$(STAMP):
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "lbc needs Python 3.11 or newer with venv. On Debian and Ubuntu: apt-get install python3-venv"; exit 2; }
	@echo "Setting up $(VENV) from requirements.lock (once, a minute or two) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@[ "$(INSTALLER)" = pip ] || $(PY) -m pip install -q --require-hashes -r bootstrap.lock
	@$(call install,requirements.lock)
	@$(PY) -c 'import os, pathlib, sysconfig; lib = sysconfig.get_path("purelib"); pathlib.Path(lib, "lbc.pth").write_text(os.path.relpath(".", lib) + "\n")'
	@printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -m lbc "$$@"\n' > $(VENV)/bin/lbc && chmod +x $(VENV)/bin/lbc
	@touch $@

$(BROWSER): $(STAMP)
	@$(call install,requirements-browser.lock)
	@touch $@
