"""Stage one reading of the source: rows in, joined and judged records out.

Each file is read once into a private temporary SQLite database, which the operating
system deletes even if the process is killed. Scope and prerequisites are decided there
by set operations, so memory does not grow with the number of records.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, Self

import orjson

from engine.compiler import compile_condition, condition_source
from engine.ids import key_parts, key_text
from engine.problems import Origin, Problem
from engine.records import Record
from engine.runtime.joining import BATCH, Joins, Tree, tree_of, way_to
from engine.runtime.judging import VERDICT_CODES, Judge, Verdict
from engine.standard import Reference
from engine.work import EntityWork, RuleWork, Settings, UseCaseWork


class Row(Protocol):
    """A row of a source: where it stands, what it holds, what is wrong with it."""

    @property
    def origin(self) -> Origin: ...
    @property
    def record(self) -> dict[str, Any]: ...
    @property
    def problems(self) -> tuple[Problem, ...]: ...


class Source(Protocol):
    def entities(self) -> frozenset[str]: ...
    def read(self, entity: str) -> Iterator[Row]: ...


class Staging:
    """One reading of the source, for one use case and its settings."""

    def __init__(self, work: UseCaseWork, settings: Settings) -> None:
        self.standard = standard = work.standard
        self.work = work
        self.settings = settings
        self.warnings: list[str] = []
        self._unneeded: dict[tuple[str, str], tuple[int, int]] = {}
        self.nodes = {name: standard.entities[name] for name in work.nodes}
        self.bases = sorted({standard.base(name) for name in work.nodes})
        # An empty name is a database of its own on disk, already unlinked.
        self.db = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-65536"):
            self.db.execute(f"PRAGMA {pragma}")
        self.joins = Joins(self.db, standard, settings)
        self.judge = Judge(self.db, standard, self.nodes, work.rules, work.ways)
        self._create_tables()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    # -- loading

    def _create_tables(self) -> None:
        for base in self.bases:
            ways = "".join(f', "to_{name}" TEXT' for name in self.references(base))
            self.db.execute(
                f'CREATE TABLE "{base}" '
                f"(key TEXT, file TEXT, line INTEGER, record BLOB{ways})"
            )
        self.db.execute(
            "CREATE TABLE broken (base TEXT, place TEXT, code TEXT, message TEXT)"
        )

    def references(self, base: str) -> dict[str, Reference]:
        """Return the ways from an entity to the entities that are staged."""
        references = self.standard.entities[base].references
        return {
            name: reference
            for name, reference in references.items()
            if self.standard.base(reference.entity) in self.bases
        }

    def load(self, source: Source, entity_done: Any = None) -> None:
        """Read every file that the use case needs, then judge all records."""
        present = source.entities()
        for base in self.bases:
            if base in present:
                self._load(base, source.read(base))
            self._index(base)
            if entity_done is not None:
                entity_done(base)
        self.judge.judge()

    def _load(self, base: str, rows: Iterable[Row]) -> None:
        entity = self.standard.entities[base]
        required = [name for name in entity.key if entity.fields[name].required]
        references = self.references(base)
        rules = self._own_rules(base)
        holders = ", ".join("?" * (4 + len(references)))
        insert = f'INSERT INTO "{base}" VALUES ({holders})'
        staged: list[tuple[Any, ...]] = []
        verdicts: list[tuple[Any, ...]] = []
        for row in rows:
            record = row.record
            if row.problems and any(name not in record for name in required):
                self._keep_broken(base, row.problems)
                continue
            problems = self._serious(base, row.problems)
            key = key_text(map(record.get, entity.key))
            ways = [way_to(record, r, self.standard) for r in references.values()]
            place = (row.origin.file, row.origin.line)
            blob = None if problems else orjson.dumps(record)
            staged.append((key, *place, blob, *ways))
            if problems:
                verdicts += self._rejected(base, key, problems[0])
            else:
                verdicts += [
                    (
                        node,
                        key,
                        rule.verdict,
                        VERDICT_CODES[rule.verdict],
                        rule.rule,
                        rule.text,
                    )
                    for node, rule, holds in rules
                    if not holds(record)
                ]
            if len(staged) >= BATCH:
                self._insert(insert, staged, verdicts)
        self._insert(insert, staged, verdicts)

    def _serious(self, base: str, problems: Sequence[Problem]) -> Sequence[Problem]:
        """Return the problems that reject a record; the others are counted."""
        if not problems:
            return problems
        serious = [p for p in problems if p.origin.column in self.work.needed[base]]
        if not serious:
            for problem in problems:
                place = (problem.origin.file, problem.origin.column)
                first, count = self._unneeded.get(place, (problem.origin.line, 0))
                self._unneeded[place] = (first, count + 1)
        return serious

    def unneeded(self) -> list[str]:
        """Return what there is to say of wrong values that nothing depends on."""
        found = []
        for (file, column), (first, count) in sorted(self._unneeded.items()):
            rows = "a row" if count == 1 else f"{count} rows, this the first,"
            found.append(
                f"{file}:{first} [{column}] {rows} with a wrong value: "
                "passed over, nothing that is sent depends on it"
            )
        return found

    def _own_rules(self, base: str) -> list[tuple[str, RuleWork, Any]]:
        return [
            (rule.entity, rule, compile_condition(rule.require, self.settings))
            for rule in self.work.rules
            if rule.require is not None and self.standard.base(rule.entity) == base
        ]

    def _insert(
        self,
        insert: str,
        staged: list[tuple[Any, ...]],
        verdicts: list[tuple[Any, ...]],
    ) -> None:
        self.db.execute("BEGIN")
        self.db.executemany(insert, staged)
        self.db.executemany(
            "INSERT OR IGNORE INTO verdict VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)",
            verdicts,
        )
        self.db.execute("COMMIT")
        staged.clear()
        verdicts.clear()

    def _keep_broken(self, base: str, problems: Sequence[Problem]) -> None:
        first = problems[0]
        self.db.execute(
            "INSERT INTO broken VALUES (?, ?, ?, ?)",
            (base, str(first.origin), first.code, first.message),
        )

    def _rejected(
        self, base: str, key: str, problem: Problem
    ) -> Iterator[tuple[Any, ...]]:
        for node in self._nodes_of(base):
            yield node, key, "rejected", problem.code, "", _message(problem)

    def _nodes_of(self, base: str) -> list[str]:
        return [name for name in self.nodes if self.standard.base(name) == base]

    def _index(self, base: str) -> None:
        """Refuse keys that occur twice, keep one row of each, and index."""
        self.db.execute(f'CREATE INDEX "{base}_keys" ON "{base}" (key)')
        twice = self.db.execute(
            f'SELECT key, MIN(file), MIN(line), MAX(line) FROM "{base}"'
            " GROUP BY key HAVING COUNT(*) > 1"
        ).fetchall()
        for key, file, first, last in twice:
            message = f"the key stands in lines {first} and {last} of {file}"
            for node in self._nodes_of(base):
                self.db.execute(
                    "INSERT OR REPLACE INTO verdict VALUES"
                    " (?, ?, 'rejected', 'R104', '', ?, NULL, NULL)",
                    (node, key, message),
                )
            self.db.execute(
                f'DELETE FROM "{base}" WHERE key = ? AND rowid >'
                f' (SELECT MIN(rowid) FROM "{base}" WHERE key = ?)',
                (key, key),
            )
            # Nobody knows which of them is right, so nothing follows from either.
            self.db.execute(f'UPDATE "{base}" SET record = NULL WHERE key = ?', (key,))
        for name in self.references(base):
            self.db.execute(
                f'CREATE INDEX "{base}_to_{name}" ON "{base}" ("to_{name}")'
            )

    # -- what came of it

    def batches(self, entity: EntityWork) -> Iterator[list[tuple[str, Record]]]:
        """Yield the records of an entity that are in, joined, in the file's order."""
        inside = " OR ".join(self.judge.is_in_sql(node, "b") for node in entity.erp)
        query = (
            f'SELECT b.rowid, b.key, b.record FROM "{entity.base}" b'
            f" WHERE b.rowid > ? AND ({inside}) ORDER BY b.rowid LIMIT {BATCH}"
        )
        last = 0
        while rows := self.db.execute(query, (last,)).fetchall():
            last = rows[-1][0]
            records = [(key, orjson.loads(blob)) for _, key, blob in rows if blob]
            self.joins.join(entity.base, records, tree_of(entity.joins))
            yield records

    def selection(self, entity: EntityWork) -> Callable[[Record], bool]:
        """Return the test whether a record belongs to a partner entity at all."""
        if entity.records is None:
            return lambda _: True
        return compile_condition(entity.records, self.settings)

    def record(self, entity: EntityWork, key: str) -> Record | None:
        """Return one joined record by its key, whether it is in or not."""
        record = self.plain_record(entity.base, key)
        if record is not None:
            self.joins.join(entity.base, [(key, record)], tree_of(entity.joins))
        return record

    def plain_record(self, base: str, key: str) -> Record | None:
        """Return one record as the source has it; None if its row was broken."""
        query = f'SELECT record FROM "{base}" WHERE key = ?'
        row = self.db.execute(query, (key,)).fetchone()
        return orjson.loads(row[0]) if row and row[0] else None

    def recalled(self, entity: EntityWork, key: str) -> Record:
        """
        Return what is known of a record that the source no longer has.

        It is what its key tells, and the keys of what it points to; what of that the
        source still has is whole, as is a person who is no tenant any more.
        """
        tree = tree_of(entity.joins)
        record = self._from_key(entity.base, key, tree)
        references = self.standard.entities[entity.base].references
        further = {s: inner for s, inner in tree.items() if s.name not in references}
        self.joins.join(entity.base, [(key, record)], further)
        return record

    def _from_key(self, base: str, key: str, tree: Tree) -> Record:
        entity = self.standard.entities[base]
        parts = zip(entity.key, key_parts(key), strict=True)
        told: Record = {name: part for name, part in parts if part}
        record = self.plain_record(base, key) or told
        for segment, inner in tree.items():
            reference = entity.references.get(segment.name)
            if reference is not None and not segment.many:
                way = way_to(record, reference, self.standard)
                if way is not None:
                    target = self.standard.base(reference.entity)
                    record[segment.name] = self._from_key(target, way, inner)
        return record

    def is_off(self, entity: EntityWork) -> bool:
        """Say whether the settings alone decide that an entity has no records."""
        if entity.records is None:
            return False
        return condition_source(entity.records, self.settings) == "False"

    def verdicts(self, entity: EntityWork) -> Iterator[Verdict]:
        """Yield the records of an entity that are not sent, and why."""
        inside = " OR ".join(self.judge.is_in_sql(node, "b") for node in entity.erp)
        belongs = self.selection(entity)
        for position, node in enumerate(entity.erp):
            earlier = " OR ".join(
                self.judge.is_member_sql(other, "b") for other in entity.erp[:position]
            )
            member = self.judge.is_member_sql(node, "b")
            query = (
                f'SELECT b.key, b.record FROM verdict v JOIN "{entity.base}" b'
                f" ON b.key = v.key WHERE v.node = ? AND {member}"
                f" AND NOT ({inside}) AND NOT ({earlier or '0'}) ORDER BY b.rowid"
            )
            for key, _ in self.db.execute(query, (node,)):
                found = self.judge.verdict(node, key)
                record = self.record(entity, key) if entity.records else None
                if found and (record is None or belongs(record)):
                    yield found

    def is_member(self, node: str, key: str) -> bool:
        """Say whether the source has a record of this kind under the key."""
        base = self.standard.base(node)
        member = self.judge.is_member_sql(node, "b")
        query = f'SELECT 1 FROM "{base}" b WHERE b.key = ? AND {member}'
        return self.db.execute(query, (key,)).fetchone() is not None

    def absent(self, entity: EntityWork, keys: Sequence[str]) -> list[str]:
        """Return the keys under which the source has no record of an entity."""
        member = " OR ".join(self.judge.is_member_sql(node, "b") for node in entity.erp)
        query = f'SELECT b.key FROM "{entity.base}" b WHERE ({member}) AND b.key'
        there = {key for rows in self.joins.select(query, keys) for (key,) in rows}
        return [key for key in keys if key not in there]

    def pointed_to(self, base: str, keys: Sequence[str]) -> set[str]:
        """Return those of some keys that a record of the source points to."""
        found: set[str] = set()
        for child in self.bases:
            for name, reference in self.references(child).items():
                if self.standard.base(reference.entity) == base:
                    query = f'SELECT "to_{name}" FROM "{child}" WHERE "to_{name}"'
                    for rows in self.joins.select(query, keys):
                        found.update(key for (key,) in rows)
        return found

    def is_complete(self, entity: EntityWork) -> bool:
        """Say whether every row that could be a record of an entity was read."""
        links = {self.standard.entities[node].linked_by for node in entity.erp}
        bases = sorted({entity.base, *(link for link in links if link)})
        marks = ", ".join("?" * len(bases))
        query = f"SELECT 1 FROM broken WHERE base IN ({marks}) LIMIT 1"
        if self.db.execute(query, bases).fetchone() is not None:
            return False
        return all(
            self.db.execute(
                f'SELECT 1 FROM "{link}" WHERE record IS NULL LIMIT 1'
            ).fetchone()
            is None
            for link in bases
            if link != entity.base
        )

    def keys(self, base: str) -> Iterator[str]:
        for (key,) in self.db.execute(f'SELECT key FROM "{base}" ORDER BY rowid'):
            yield key

    def broken(self, entity: EntityWork) -> list[tuple[str, str, str]]:
        """Return (place, code, message) of rows that do not even have a key."""
        query = "SELECT place, code, message FROM broken WHERE base = ?"
        return self.db.execute(query, (entity.base,)).fetchall()

    def lacks(self, base: str, field: str) -> bool:
        """Say whether there are records, and none of them has a value in a field."""
        query = (
            f'SELECT COUNT(*), COUNT(json_extract(record, ?)) FROM "{base}"'
            " WHERE record IS NOT NULL"
        )
        rows, values = self.db.execute(query, (f"$.{field}",)).fetchone()
        return bool(rows) and not values

    def is_empty(self, base: str) -> bool:
        """Say whether the source has no record of a kind at all."""
        query = f'SELECT 1 FROM "{base}" LIMIT 1'
        return self.db.execute(query).fetchone() is None

    def has_value(self, node: str, field: str, values: Sequence[str]) -> set[str]:
        """Return which of some values occur in a field of the source."""
        query = f'SELECT DISTINCT json_extract(record, ?) FROM "{node}"'
        found = {row[0] for row in self.db.execute(query, (f"$.{field}",))}
        return found & set(values)


def _message(problem: Problem) -> str:
    return f"{problem.origin}: {problem.message}"
