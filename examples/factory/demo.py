"""See the factory at work, without any broker of your own: what `make demo` runs."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    runpy.run_module("tools.demo", run_name="__main__")
