# the same tools that `python3 start.py test` runs, from an environment that is already there
PYTHON ?= .venv/bin/python
LOCK = uv pip compile pyproject.toml --universal --group build --python-version 3.11 \
	--custom-compile-command "make lock" --quiet
NBVAL = --nbval-lax --nbval-current-env --nbval-cell-timeout=300

.PHONY: all lint test notebooks lock
all: lint test notebooks

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m basedpyright

test:
	$(PYTHON) -m pytest

notebooks:
	$(PYTHON) -m pytest $(NBVAL) notebooks

lock:
	$(LOCK) --all-extras --upgrade --output-file requirements-test.lock
	cp requirements-test.lock requirements.lock # what is there is kept, so that both hold the same versions
	$(LOCK) --extra lab --output-file requirements.lock
