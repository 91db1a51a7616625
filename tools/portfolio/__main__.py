"""The command line: where, how many units and which seed in, the folder's size out."""

import argparse
from pathlib import Path

from tools.portfolio.formats import FORMATS, XLSX_MOST_UNITS
from tools.portfolio.write import write


def main() -> None:
    """Write a demo portfolio and say what is in it."""
    parser = argparse.ArgumentParser(prog="tools.portfolio", description=main.__doc__)
    parser.add_argument("folder", type=Path, metavar="OUT", help="folder to write to")
    parser.add_argument("--units", type=int, default=200, help="number of units")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same data")
    parser.add_argument("--format", choices=sorted(FORMATS), default="csv")
    parser.add_argument("--no-traps", action="store_true", help="only sound records")
    given = parser.parse_args()
    if given.units < 1:
        parser.error("--units must be at least 1")
    if given.format == "xlsx" and given.units > XLSX_MOST_UNITS:
        parser.error(
            f"a sheet ends at a million rows: --units {XLSX_MOST_UNITS} or csv"
        )
    manifest = write(
        given.folder, given.units, given.seed, given.format, traps=not given.no_traps
    )
    for entity, count in manifest.counts.items():
        print(f"{count:>10,} {entity}")
    print(f"{len(manifest.entries):>10,} expectations in manifest.json")


if __name__ == "__main__":
    main()
