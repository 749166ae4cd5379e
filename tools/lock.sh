#!/usr/bin/env bash
# Resolve every lock file anew: one resolution for all (dev), and its subsets for the images and the demo.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { .venv/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --quiet "$@"; }
compile --all-extras --group dev --output-file locks/dev.txt
compile --extra bridge --constraints locks/dev.txt --output-file locks/bridge.txt
compile --extra bridge --group demo --constraints locks/dev.txt --output-file locks/demo.txt
