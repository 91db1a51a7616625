"""The demo's next day: a CSV folder in, the same folder with a few new values out."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from tools.portfolio.columns import COLUMNS, Record, is_trap

Changed = dict[str, object]
_UNIT_KEY = ("mandant_nr", "we_nr", "geb_nr", "ve_nr")


def change(folder: Path, seed: int, count: int) -> list[Changed]:
    """
    Give some units a new area and a tenth as many persons a new phone and e-mail.

    Returns entity and key of each changed record. All other lines stay as they are,
    byte by byte; a file is replaced as a whole or not at all.
    """
    persons = max(1, count // 10)
    units = _rewrite(
        folder / "verwaltungseinheit.csv", "wohnflaeche", _new_area, seed, count
    )
    people = _rewrite(
        folder / "geschaeftspartner.csv", "emails", _new_ways, seed, persons
    )
    return [
        *({"entity": "verwaltungseinheit", "key": _key(r, _UNIT_KEY)} for r in units),
        *({"entity": "geschaeftspartner", "key": _key(r, ("gp_nr",))} for r in people),
    ]


def _rewrite(
    path: Path,
    needed: str,
    renew: Callable[[Record, Random], Record],
    seed: int,
    count: int,
) -> list[Record]:
    """Renew some records of a file that hold the needed field."""
    rng = Random(seed)
    fit = [n for n, _, record in _lines(path) if record and record.get(needed)]
    chosen = frozenset(rng.sample(fit, min(count, len(fit))))
    renewed = []
    draft = path.with_suffix(".csv.tmp")
    with draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        for number, line, record in _lines(path):
            if number in chosen and record:
                new = renew(record, rng)
                writer.writerow([new[column] for column in COLUMNS[path.stem]])
                renewed.append(new)
            else:
                file.write(line)
    draft.replace(path)
    return renewed


def _lines(path: Path) -> Iterator[tuple[int, str, Record | None]]:
    """Yield number and text of each line, and its record if it is an ordinary one."""
    columns = COLUMNS[path.stem]
    with path.open(encoding="utf-8", newline="") as file:
        for number, line in enumerate(file):
            cells = next(csv.reader([line], delimiter=";"), [])
            record = None
            if number and len(cells) == len(columns):
                record = dict(zip(columns, cells, strict=True))
            yield number, line, None if record and is_trap(record) else record


def _new_area(record: Record, rng: Random) -> Record:
    area = float(record["wohnflaeche"].replace(".", "").replace(",", "."))
    larger = f"{area + 1 + int(rng.random() * 8) / 4:.2f}".replace(".", ",")
    return {**record, "wohnflaeche": larger}


def _new_ways(record: Record, rng: Random) -> Record:
    number = int(record["gp_nr"])
    phone = f"0171 / 39200{int(rng.random() * 100):02}"
    return {**record, "emails": f"neu.{number}@example.org", "telefone": phone}


def _key(record: Record, names: tuple[str, ...]) -> Record:
    return {name: record[name] for name in names}
