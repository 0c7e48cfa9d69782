.DEFAULT_GOAL := help
PYTHON ?= python3
PROJECT := <<cookiecutter.project_slug>>
# The tools of .venv come first, also for the hooks and for the generated project's own make.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# Show this list
help:
	@awk '/^# /{text=substr($$0,3)} /^[a-z]+:/{sub(":.*",""); printf "  make %-13s %s\n",$$0,text}' Makefile

# Generate the sample project as build/demo and run its whole life: data, gate, served prediction
demo: .venv/ready
	python tools/bake.py --name demo
	$(MAKE) -C build/demo demo

# Test the template: all option sets are generated and examined, the loop is run
test: .venv/ready
	python -m pytest

# Check the template's own Python and workflows
lint: .venv/ready
	ruff check . && ruff format --check .
	zizmor --offline --no-progress --pedantic --quiet .github

# Generate a project into build/, by ANSWERS='task=regression license=MIT' or the defaults
bake: .venv/ready
	python tools/bake.py $(ANSWERS)

# Remove what the other commands made: environment, generated projects, caches
clean:
	rm -rf .venv build .pytest_cache .ruff_cache .hypothesis

# Pin the newest development tools up to the day in pyproject.toml, by hash
requirements: .venv/ready
	uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --group dev \
	  --custom-compile-command "make requirements" --output-file requirements-dev.txt

# Move the pins of actions and the days of both locks to what is a week old; requirements comes next
upgrade: .venv/ready
	python tools/pins.py
	for folder in . "$(PROJECT)"; do (cd "$$folder" && python "$(CURDIR)/$(PROJECT)/loop/tools/upgrade.py") || exit; done

.venv/ready: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt && touch $@

.PHONY: help demo test lint bake clean requirements upgrade
