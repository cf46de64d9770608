.DEFAULT_GOAL := help
VENV ?= .venv
BIN := $(VENV)/bin
LOCK := requirements/all.lock
WORKERS ?= 2

help:  ## show this help
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/.filled: $(LOCK)
	python=$$(sh scripts/python.sh) && "$$python" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r $(LOCK)
	touch $@

$(VENV)/.ready: $(VENV)/.filled pyproject.toml scripts/build_kernels.py $(wildcard src/panneuro/codecs/*.[ch])
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

demo: $(VENV)/.ready  ## make a lake, fill it, search it, read it, draw it
	$(BIN)/python scripts/demo.py

check: $(VENV)/.ready  ## style, types, floors, spelling, documentation blocks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell src tests docs bench scripts README.md CHANGELOG.md CONTRIBUTING.md
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile docs README.md src --doctest-modules

test: check  ## everything that must hold before a change lands
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal tests

docs: $(VENV)/.ready  ## build the documentation into site/
	$(BIN)/mkdocs build --strict

lock: $(VENV)/.ready  ## resolve the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-header \
	    --no-annotate --all-extras --group test --group check --group docs --group build pyproject.toml -o $(LOCK)

.PHONY: help demo check test docs lock
