# Every task of the project. `make` lists them; the first that needs packages installs them.
.DEFAULT_GOAL := help
.PHONY: help up down status clean-data test lint audit sbom licences chaos fuzz soak bench bench-uploads \
	bench-swaps bench-history bench-inbox bench-growth images minio model reference lock clean

BIN := .venv/bin
MODEL := var/models/efficientnet-lite0
FUNCTIONS := predict history model-admin console
# How many processes share the tests; these wait as much as they compute.
WORKERS ?= 3

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.* ## \(.*\)/\1 - \2/p' Makefile

up: ## Install what is needed, start everything, classify a sample picture
	@scripts/install stack
	@$(BIN)/imgclass up

down: ## Stop everything; the data stays
	@if [ -x $(BIN)/imgclass ]; then $(BIN)/imgclass down; else echo "nothing is installed"; fi

status: ## Show what is running
	@if [ -x $(BIN)/imgclass ]; then $(BIN)/imgclass status || true; else echo "nothing is installed"; fi

clean-data: ## Stop everything and remove all data
	@if [ -x $(BIN)/imgclass ]; then $(BIN)/imgclass clean-data; else echo "nothing is installed"; fi

test: lint ## Run lint and every test
	@$(BIN)/pytest --numprocesses $(WORKERS) --no-loadscope-reorder

lint: ## Check style, types and who imports whom
	@scripts/install dev
	@$(BIN)/flake8
	@$(BIN)/mypy --strict common imgclass sql deploy scripts bench examples
	@for each in $(FUNCTIONS); do MYPYPATH=functions/$$each $(BIN)/mypy --strict functions/$$each || exit 1; done
	@PYTHONPATH=.:functions/predict:functions/history:functions/model-admin:functions/console $(BIN)/lint-imports

audit: ## Check locks, licences, code, secrets and known vulnerabilities (2 minutes)
	@scripts/install dev
	@$(BIN)/python -m scripts.audit

sbom: ## Write a CycloneDX SBOM for each image into build/sbom
	@scripts/install dev
	@$(BIN)/python -m scripts.audit --write-sboms

licences: ## List the licences of all packages in docs/licences.md
	@scripts/install dev
	@$(BIN)/python -m scripts.audit --write-licences

chaos: ## Break every part again and again under load, at full length (10 minutes)
	@scripts/install dev
	@$(BIN)/pytest tests/chaos -m "full or not full" --durations=0

fuzz: ## Send made-up and damaged input of every kind, at full length (half an hour)
	@scripts/install dev
	@$(BIN)/pytest tests/fuzz -m "full or not full" --durations=0

soak: ## Load, swap and restart everything for SOAK_MINUTES, 15 unless set, and say what grew
	@scripts/install stack
	@$(BIN)/python -m bench.soak $(SOAK_MINUTES)

bench: ## Measure predict beside the bare loop and a usual server (12 minutes)
	@scripts/install stack
	@$(BIN)/python -m bench.serving

bench-uploads: ## Measure how soon a picture put into the bucket is classified (5 minutes)
	@scripts/install stack
	@$(BIN)/python -m bench.uploads

bench-inbox: ## Measure pictures per second from the bucket against requests (2 minutes)
	@scripts/install stack
	@$(BIN)/python -m bench.inbox

bench-growth: ## Measure what a request costs from the first to the hundred-thousandth (25 minutes)
	@scripts/install stack
	@$(BIN)/python -m bench.serving.growth $(REQUESTS)

bench-history: ## Measure the history of 1,000 to 10 million predictions (15 minutes, 20 GB of disk)
	@scripts/install stack
	@$(BIN)/python -m bench.history

bench-swaps: ## Measure what swapping models does to a steady load (4 minutes)
	@scripts/install stack
	@$(BIN)/python -m bench.swaps

images: ## Build the functions' images with Docker and print their sizes
	@scripts/images

minio: ## Build MinIO with Go, for the tests that need it (5 minutes, once)
	@scripts/minio

model: ## Build the default model
	@scripts/install stack
	@$(BIN)/python models/efficientnet-lite0/build.py $(MODEL) --archive $(MODEL)-v1.zip

reference: ## Write the description of the HTTP interface anew, as documents and as a page
	@scripts/install dev
	@$(BIN)/python -m scripts.reference

lock: ## Resolve requirements/*.in anew
	@scripts/install dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" requirements/lock

clean: down ## Stop everything and remove what was installed and built; the data stays
	rm -rf .venv var/models .mypy_cache .pytest_cache .import_linter_cache .hypothesis build imgclass.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
