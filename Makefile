# The verbs of this repository. Everything is installed into .venv, from hash-locked requirements.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: help run install test lint types bench lock gallery clean

help:
	@grep -E '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12

run: .venv/installed ## serve on http://localhost:3000, with everything under backend/storage
	@cd backend && CONFIG_PATH=../settings.yaml ../$(BIN)/avatar-gen migrate
	@cd backend && CONFIG_PATH=../settings.yaml exec ../$(BIN)/avatar-gen serve

install: .venv/installed ## make .venv with the service in it

test: .venv/installed-dev ## run all tests, with coverage
	$(BIN)/coverage erase --rcfile backend/pyproject.toml
	$(BIN)/coverage run --rcfile backend/pyproject.toml -m pytest -c backend/pyproject.toml --rootdir . tests
	$(BIN)/coverage combine --quiet --rcfile backend/pyproject.toml
	$(BIN)/coverage report --rcfile backend/pyproject.toml

lint: .venv/installed-dev ## check style and layout
	$(BIN)/ruff check --config backend/pyproject.toml .
	$(BIN)/ruff format --check --config backend/pyproject.toml .

types: .venv/installed-dev ## check types
	$(BIN)/mypy --config-file backend/pyproject.toml backend/avatar_gen tests benchmarks docs/gallery.py

bench: .venv/installed ## measure what a request costs, beside a bare server
	$(BIN)/python benchmarks/run.py

gallery: .venv/installed ## redraw the pictures in docs
	$(BIN)/python docs/gallery.py

lock: .venv/installed-dev ## choose dependencies anew, none younger than a week
	cd backend && ../$(BIN)/uv pip compile $(LOCK) --group build -o requirements.lock pyproject.toml
	cd backend && ../$(BIN)/uv pip compile $(LOCK) --group build --group dev -c requirements.lock \
		-o requirements-dev.lock pyproject.toml

LOCK := --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
	--exclude-newer '1 week' --upgrade

clean: ## remove what was installed; stored avatars stay
	rm -rf .venv

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try make PYTHON=python3.12")'
	@$(PYTHON) -m venv .venv

# The package itself is linked, not copied: a change of its code needs no new install.
.venv/installed: backend/requirements.lock backend/pyproject.toml | .venv/bin/python
	@echo "Installing into .venv; this takes some 15 seconds, once."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r backend/requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e backend
	@touch $@

.venv/installed-dev: backend/requirements-dev.lock .venv/installed
	@echo "Installing what the tests need."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r backend/requirements-dev.lock
	@touch $@
