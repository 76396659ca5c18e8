# The front door. Needs Python >= 3.11, make and git; everything else goes into $(VENV), from requirements/*.txt.
# `make` lists the targets. Installers write to build/install.log; the terminal shows one line per step.

PYTHON  ?= python3
VENV    ?= .venv
BACKEND ?= sqlite
WORKERS ?=
N       ?= auto
ARGS    ?=
V       ?=

BIN   := $(VENV)/bin
LOG   := build/install.log
SOURCES := $(wildcard src tests tools examples bench)
SETS  := core test dev demo
STAMP := $(VENV)/.stamp

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export NO_MKDOCS_2_WARNING := 1
export VIRTUAL_ENV := $(abspath $(VENV))
# uv trusts the certificates of the system, as pip does: a proxy that inspects TLS has one of its own.
export UV_SYSTEM_CERTS ?= 1

# $(call step,what is said,command): one line here, the command's output in the log, its end shown if it fails.
define step
@mkdir -p build; printf '%s\n' "$(1)"; \
{ printf '\n== %s\n' "$(1)"; $(2); } >> $(LOG) 2>&1 \
|| { tail -n 25 $(LOG); printf '%s\n' "This failed: $(1). The whole output is in $(LOG)."; exit 1; }
endef

.PHONY: help demo clean-demo test test-faults soak test-ray peer field unit check conformance docs bench coverage services format pins clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo [BACKEND=sqlite|postgresql|mysql] [WORKERS=n]   run the example pipeline, write build/demo/report.html'
	@echo 'make clean-demo                                           remove what the demo made'
	@echo 'make test [ARGS=...] [N=auto]                             all tests (pytest arguments, number of processes)'
	@echo 'make test-faults                                          workers killed, blocked and confused, often enough'
	@echo 'make soak [ARGS="-n 1000 --only sqlite"]                  operations interrupted at random moments; takes hours'
	@echo 'make test-ray                                             the executor for Ray, which is installed for it'
	@echo 'make unit                                                 the tests that need no database'
	@echo 'make check                                                format, lint, types, layers, limits, docs'
	@echo 'make format                                               format and fix what can be fixed'
	@echo 'make conformance [V=1]                                    which statements of the language are tested and pass'
	@echo 'make peer                                                 the existing clients, for the interoperability tests'
	@echo 'make field [ARGS="--only spyglass"]                       published pipelines, unchanged, on every database'
	@echo 'make docs · make bench · make coverage · make services · make pins · make clean'

# ----------------------------------------------------------------------------------------------- environment

$(STAMP)-venv: requirements/uv.txt
	@mkdir -p build
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  printf '%s\n' "Python 3.11 or newer is needed; \`$(PYTHON)\` is $$($(PYTHON) --version 2>/dev/null || echo absent)." \
	    "Name another one: make PYTHON=/path/to/python3.11"; exit 1; }
	$(call step,environment: $(VENV),$(PYTHON) -m venv $(VENV))
	$(call step,installer: uv,$(BIN)/python -m pip install -r requirements/uv.txt)
	@touch $@

$(STAMP)-project: pyproject.toml | $(STAMP)-venv
	$(call step,package: datajoint from this folder,$(BIN)/uv pip install --no-deps --editable .)
	@touch $@

$(SETS:%=$(STAMP)-%): $(STAMP)-%: requirements/%.txt | $(STAMP)-venv
	$(call step,packages: $<,$(BIN)/uv pip install $(if $(filter test,$*),--compile-bytecode) -r $<)
	@touch $@

# ------------------------------------------------------------------------------------------------------ demo

demo: $(STAMP)-project $(STAMP)-demo
	@BACKEND=$(BACKEND) WORKERS=$(WORKERS) $(BIN)/python examples/blob_detection/run.py

clean-demo:
	rm -rf build/demo

# ----------------------------------------------------------------------------------------------------- tests

# A test that hangs prints the stacks of all threads after ten minutes, and fails; the others go on.
NO_HANG := -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true

# Tests start hundreds of processes: where PYTHONDONTWRITEBYTECODE is set, each would compile all it imports.
test: $(STAMP)-project $(STAMP)-test
	@$(BIN)/python -m compileall -q src/datajoint
	@$(BIN)/python -m pytest -n $(N) $(NO_HANG) $(ARGS)

test-faults: $(STAMP)-project $(STAMP)-test
	@FAULTS=full $(BIN)/python -m pytest -n $(N) $(ARGS) tests/faults

# On every database, by hand: what it has found is written to docs/soak.md.
soak: $(STAMP)-project $(STAMP)-test
	@mkdir -p build
	@$(BIN)/python tools/soak.py --page docs/soak.md $(ARGS)

# Ray is large and starts servers of its own: its tests are skipped, and named so, where it is not installed.
test-ray: $(STAMP)-project $(STAMP)-test
	$(call step,package: ray,$(BIN)/uv pip install "ray>=2.40")
	@$(BIN)/python -m pytest -n 0 $(ARGS) tests/executors/test_ray.py

# The existing clients, each in an environment of its own; the interoperability tests find them there, or are skipped.
PEERS := peer peer014
peer: $(PEERS:%=build/%/.stamp)
$(PEERS:%=build/%/.stamp): build/%/.stamp: requirements/%.txt | $(STAMP)-venv
	$(call step,environment: build/$*,$(PYTHON) -m venv build/$*)
	$(call step,packages: $<,VIRTUAL_ENV=$(abspath build/$*) $(BIN)/uv pip install -r $<)
	@touch $@

# Published pipelines, unchanged, in an environment of their own: our package, none of their heavy ones.
FIELD := build/field/venv
field: $(FIELD)/.stamp
	@$(FIELD)/bin/python tools/field/main.py --page docs/field.md $(ARGS)
$(FIELD)/.stamp: requirements/field.txt pyproject.toml | $(STAMP)-venv
	$(call step,environment: $(FIELD),$(PYTHON) -m venv $(FIELD))
	$(call step,packages: $<,VIRTUAL_ENV=$(abspath $(FIELD)) $(BIN)/uv pip install --no-deps -r $< --editable .)
	@touch $@

unit: $(STAMP)-project $(STAMP)-test
	@$(BIN)/python -m pytest -n $(N) $(ARGS) tests/unit src

conformance: $(STAMP)-project $(STAMP)-test
	@$(BIN)/python tools/conformance.py $(if $(V),--verbose) -- -n $(N) $(ARGS)

coverage: $(STAMP)-project $(STAMP)-test
	@mkdir -p build/coverage
	@$(BIN)/python -m pytest -n $(N) --cov --cov-report=term:skip-covered --cov-report=html $(ARGS)

check: $(STAMP)-project $(STAMP)-dev
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/pyright
	@$(BIN)/python tools/table_stub.py --check
	@$(BIN)/pyright -p tests/typing
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest -q -n $(N) tests/arch
	@$(BIN)/python -m mkdocs --quiet build --strict --site-dir build/site

format: $(STAMP)-dev
	@$(BIN)/ruff check --fix-only $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

docs: $(STAMP)-project $(STAMP)-dev
	@$(BIN)/python -m mkdocs build --strict --site-dir build/site
	@echo 'docs: build/site/index.html'

bench: $(STAMP)-project $(STAMP)-test
	@$(BIN)/python -m pytest -p no:randomly $(ARGS) bench

# --------------------------------------------------------------------------------------------- housekeeping

services:
	@cat docs/services.md

# One resolution for all sets: dev holds them all, the others take its versions. What is pinned stays as it is where
# it serves; `make pins UPGRADE=--upgrade` takes the newest of all.
UPGRADE ?=
PIN := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-emit-index-url --no-annotate
pins: $(STAMP)-venv
	@$(PIN) $(UPGRADE) pyproject.toml requirements/dev.in -o requirements/dev.txt
	@$(PIN) $(UPGRADE) requirements/peer.in -o requirements/peer.txt
	@$(PIN) $(UPGRADE) requirements/peer014.in -o requirements/peer014.txt
	@for set in core test demo; do \
	  $(PIN) -c requirements/dev.txt pyproject.toml $$(ls requirements/$$set.in 2>/dev/null) -o requirements/$$set.txt; done

clean:
	rm -rf build dist $(VENV) .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
