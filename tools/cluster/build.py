"""Build what the tests of the cluster run: Kubernetes; run by `make cluster`, and by hand.

Standard library only, for it may run before there is a virtual environment. A quarter of an hour
for the first time, then nothing: what is built is kept in the cache directory, in a folder named by
what went into it.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.cluster.kubernetes import KUBERNETES
from tools.components.programs import MissingComponentError

PROGRAMS = (KUBERNETES,)


def main() -> int:
    """Build what is missing; return the exit code."""
    began = time.monotonic()
    try:
        for program in PROGRAMS:
            program.build()
    except MissingComponentError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"the cluster's programs are built ({time.monotonic() - began:.1f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
