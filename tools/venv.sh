#!/usr/bin/env bash
# Make a virtual environment that holds what a lock file says and this project: venv.sh .venv locks/dev.txt
set -euo pipefail
cd "$(dirname "$0")/.."
env=$1 lock=$2
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Python 3.11 or newer is needed; python3 is $(python3 --version)" >&2
  exit 2
}
echo "$env: installing what $lock says"
if [ ! -x "$env/bin/uv" ]; then
  python3 -m venv "$env"
  "$env/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r locks/bootstrap.txt
fi
uv() { "$env/bin/uv" pip "$@" --quiet --python "$env"; }
uv sync --require-hashes locks/bootstrap.txt "$lock"
uv install --no-deps --no-build-isolation --editable .
touch "$env/.done"
