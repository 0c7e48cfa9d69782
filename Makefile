.DEFAULT_GOAL := help
PYTHON ?= python3
PROJECT := <<cookiecutter.project_slug>>
# Of tests/, those that need no trained model.
QUICK := answers hooks bake template_source budget documents community_files
# The environment lies beside the generated project, which every call replaces.
LOOP_ENVIRONMENT := $(CURDIR)/build/check.venv
# tests/test_torch.py runs these, in an environment that has PyTorch.
WITHOUT_TORCH := --ignore=tests/pipeline/test_torch_learner.py
# A machine that forbids bytecode compiles all libraries at every start: most of a short program.
unexport PYTHONDONTWRITEBYTECODE
# The tools of .venv come first, also for the hooks and for the generated project's own make.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# Show this list
help:
	@awk '/^# /{text=substr($$0,3)} /^[a-z]+:/ && !/:=/{sub(":.*",""); printf "  make %-13s %s\n",$$0,text}' Makefile

# Generate the sample project as build/demo and run its whole life: data, gate, served prediction
demo: .venv/ready
	python tools/bake.py --name demo
	$(MAKE) -C build/demo demo

# Run the demo, and take the pictures of the README from it, in a real browser
pictures: .venv/ready
	mkdir -p build && bash -o pipefail -c '$(MAKE) demo 2>&1 | tee build/demo.log'
	python tools/pictures.py

# Build the pages as a site in build/site; a lost link, heading or page is an error
site: .venv/ready
	python tools/bake.py --name site-project && python tools/build_site.py build/site-project

# Answer in minutes: lint, answers, hooks, generated files, budget, and the loop without its slow tests
check: LOOP_TESTS := -m 'not slow'
check: lint loop
	python -m pytest $(QUICK:%=tests/test_%.py)

# Test: the loop where it stands; all option sets are generated and examined, and run. WEEKLY=1 leaves nothing out
test: LOOP_TESTS := $(if $(WEEKLY),,-m 'not weekly')
test: loop
	python -m pytest $(if $(WEEKLY),--weekly)

# Lint, type and test the loop in the template's own folder, in the environment of a generated project
loop: .venv/ready
	python tools/bake.py --name check && cd build/check && UV_PROJECT_ENVIRONMENT="$(LOOP_ENVIRONMENT)" uv sync --frozen --quiet
	cd "$(PROJECT)/loop" && export PATH="$(LOOP_ENVIRONMENT)/bin:$$PATH" PYTHONPATH="$$PWD/src" || exit; \
	  (ruff check . && ruff format --check . && mypy) & lint=$$!; python -m pytest -n 3 $(WITHOUT_TORCH) $(LOOP_TESTS); tests=$$?; wait $$lint && exit $$tests

# Check the template's own Python and workflows
lint: .venv/ready
	ruff check . && ruff format --check .
	zizmor --offline --no-progress --persona auditor --quiet .github

# Generate a project into build/, by ANSWERS='task=regression license=MIT' or the defaults
bake: .venv/ready
	python tools/bake.py $(ANSWERS)

# Remove what the other commands made: environment, generated projects, caches
clean:
	rm -rf .venv build
	for folder in . "$(PROJECT)/loop"; do (cd "$$folder" && rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis); done

# Pin the newest development tools up to the day in pyproject.toml, by hash
requirements: .venv/ready
	uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --group dev \
	  --custom-compile-command "make requirements" --output-file requirements-dev.txt

# Move the pins of actions and the days of both locks to what is a week old; requirements comes next
upgrade: .venv/ready
	python tools/pins.py
	for folder in . "$(PROJECT)"; do (cd "$$folder" && python "$(CURDIR)/$(PROJECT)/loop/tools/upgrade.py") || exit; done

# uv brings the tools in a twentieth of the time that pip takes, and pip brings uv.
.venv/ready: .venv/bin/uv
	.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements-dev.txt && touch $@

.venv/bin/uv: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv && awk '/^[^ ]/ {own = /^uv==/} own' requirements-dev.txt > .venv/uv.txt
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt && touch $@

.PHONY: help demo pictures site check test loop lint bake clean requirements upgrade
