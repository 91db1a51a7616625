"""Make one plan and print its seconds and peak memory; run by tools.bench."""

import resource
import sys
import time
from pathlib import Path

from engine.runtime.activation import read_activation
from engine.runtime.library import INSTALLED
from engine.runtime.run import planned
from engine.spec import Folders


def main() -> None:
    """Plan the activation that the command line names."""
    activation = read_activation(Path(sys.argv[1]), Folders(INSTALLED))
    start = time.perf_counter()
    with planned(activation) as plan:
        seconds = time.perf_counter() - start
        totals = plan.totals
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    records = sum(totals.values())
    print(f"{seconds:.1f} s, {records / seconds:,.0f} records a second, {peak:.0f} MB")


if __name__ == "__main__":
    main()
