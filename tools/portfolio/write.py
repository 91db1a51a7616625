"""One portfolio: a folder, a size and a seed in, its files and the manifest out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from tools.portfolio.columns import COLUMNS
from tools.portfolio.estate import properties
from tools.portfolio.formats import folder_writer
from tools.portfolio.pools import pools
from tools.portfolio.site import Entry
from tools.portfolio.traps import planted

MANIFEST = "manifest.json"

# The file that carries the mark of UTF-8 before its first column name.
_MARKED = frozenset({"wirtschaftseinheit"})


@dataclass(frozen=True)
class Manifest:
    """What was written: rows per entity, and what must come of each planted record."""

    counts: Mapping[str, int]
    entries: tuple[Entry, ...]


def write(
    folder: Path,
    units: int,
    seed: int,
    format: str = "csv",  # noqa: A002 - the word of the command line and source.yaml
    traps: bool = True,
) -> Manifest:
    """
    Write a portfolio with so many units as a source folder.

    The same seed gives the same records in each format. The traps come on top of the
    units, last in each file; no more than one property is held in memory.
    """
    counts = dict.fromkeys(COLUMNS, 0)
    site = planted(format) if traps else None
    with folder_writer(folder, format, _MARKED if traps else frozenset()) as writers:
        for batch in properties(pools(seed), units, seed):
            for entity, rows in batch.items():
                writers[entity](rows)
                counts[entity] += len(rows)
        for entity, rows in site.rows.items() if site else ():
            writers[entity](rows)
            counts[entity] += len(rows)
    entries = tuple(site.entries) if site else ()
    listed = [asdict(entry) for entry in entries]
    (folder / MANIFEST).write_bytes(orjson.dumps(listed, option=orjson.OPT_INDENT_2))
    return Manifest(counts, entries)
