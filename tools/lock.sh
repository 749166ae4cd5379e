#!/usr/bin/env bash
# Resolve every lock file anew: one resolution for all (dev), and its subsets.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { .venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet "$@"; }
subset() { compile --constraints locks/dev.txt "$@"; }
compile pyproject.toml --all-extras --group dev --output-file locks/dev.txt
subset --group bootstrap --output-file locks/bootstrap.txt
subset pyproject.toml --extra bridge --output-file locks/bridge.txt
subset pyproject.toml --extra operator --output-file locks/operator.txt
subset pyproject.toml --extra bridge --group demo --output-file locks/demo.txt
