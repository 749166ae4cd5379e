# Everything that a person does here. CI and the README use the same targets.
BIN := .venv/bin
BASE ?= python:3.11-slim
IMAGE ?= mqtt-kafka-bridge:dev
OPERATOR_IMAGE ?= mqtt-kafka-operator:dev
ENGINE ?= $(shell for e in docker podman buildah; do $$e info >/dev/null 2>&1 && echo $$e && break; done)

# Most tests wait for brokers; a file's tests stay together and share them.
WORKERS ?= --numprocesses 3 --dist loadgroup

.PHONY: help demo test cluster components check docs bench soak generate images lock clean

help: ## Say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14

demo: .venv-demo/.done ## Show the bridge at work, with embedded brokers; ARGS=--keep goes on
	@.venv-demo/bin/python examples/factory/demo.py $(ARGS)

test: components ## Run every test; Mosquitto, HiveMQ and Kafka are installed and started
	@$(BIN)/pytest $(WORKERS)

cluster: components ## Build Kubernetes (a quarter of an hour, once) and run the tests that need it
	@$(BIN)/python tools/cluster/build.py
	@$(BIN)/pytest tests/control_plane

components: .venv/.done ## Install the brokers that tests start
	@$(BIN)/python tools/components/install.py

check: .venv/.done docs ## Lint, types, layers, spelling, generated files, docs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python tools/generate.py --check

docs: .venv/.done ## Build the documentation
	$(BIN)/sphinx-build -qW --keep-going docs docs/_build/html

bench: components ## Measure against the baseline and mq-bridge, on real Kafka
	@$(BIN)/python -m bench $(ARGS)

soak: components ## Run the long forms of simulation and faults
	@SOAK=1 $(BIN)/pytest tests/simulation tests/faults

generate: .venv/.done ## Write what is made from code
	@$(BIN)/python tools/generate.py

images: ## Build the images of bridge and operator; BASE, IMAGE and OPERATOR_IMAGE may be set
	@[ -n "$(ENGINE)" ] || { echo "No working docker, podman or buildah here" >&2; exit 2; }
	$(ENGINE) build --build-arg BASE=$(BASE) --tag $(IMAGE) --file bridge_image/Dockerfile .
	$(ENGINE) build --build-arg BASE=$(BASE) --tag $(OPERATOR_IMAGE) --file operator/Dockerfile .

lock: .venv/.done ## Resolve the lock files anew
	@tools/lock.sh

clean: ## Remove what was built here
	rm -rf .venv .venv-demo docs/_build .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/.done: tools/venv.sh locks/bootstrap.txt locks/dev.txt pyproject.toml
	@tools/venv.sh .venv locks/dev.txt

.venv-demo/.done: tools/venv.sh locks/bootstrap.txt locks/demo.txt pyproject.toml
	@tools/venv.sh .venv-demo locks/demo.txt
