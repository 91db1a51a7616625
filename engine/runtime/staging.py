"""Stage one reading of the source: rows in, joined and judged records out.

Each file is read once into a private temporary SQLite database, which the operating
system deletes even if the process is killed. Scope and prerequisites are decided there
by set operations, so memory does not grow with the number of records.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, Protocol, Self

import orjson

from engine.compiler import compile_condition, condition_source
from engine.conditions import holds
from engine.ids import key_text
from engine.language import FieldPath, Segment, paths_of
from engine.problems import Origin, Problem
from engine.records import Record, value_at
from engine.runtime.judging import VERDICT_CODES, Judge, Verdict
from engine.standard import Reference, Selection, Standard
from engine.work import EntityWork, RuleWork, Settings, UseCaseWork

BATCH = 500


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
        self.judge = Judge(self.db, standard, self.nodes, work.rules, work.ways)
        self._create_tables()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    # -- loading

    def _create_tables(self) -> None:
        for base in self.bases:
            ways = "".join(f', "to_{name}" TEXT' for name in self._references(base))
            self.db.execute(
                f'CREATE TABLE "{base}" '
                f"(key TEXT, file TEXT, line INTEGER, record BLOB{ways})"
            )
        self.db.execute(
            "CREATE TABLE broken (base TEXT, place TEXT, code TEXT, message TEXT)"
        )

    def _references(self, base: str) -> dict[str, Reference]:
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
        references = self._references(base)
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
            ways = [_way(record, r, self.standard) for r in references.values()]
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
        return [
            f"{file}: {count} rows have a wrong '{column}', the first in line {first}; "
            "it is left out, nothing that is sent depends on it"
            for (file, column), (first, count) in sorted(self._unneeded.items())
        ]

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
        for name in self._references(base):
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
            self._join(entity.base, records, _tree(entity.joins))
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
            self._join(entity.base, [(key, record)], _tree(entity.joins))
        return record

    def plain_record(self, base: str, key: str) -> Record | None:
        """Return one record as the source has it; None if its row was broken."""
        query = f'SELECT record FROM "{base}" WHERE key = ?'
        row = self.db.execute(query, (key,)).fetchone()
        return orjson.loads(row[0]) if row and row[0] else None

    def _join(
        self, base: str, records: Sequence[tuple[str, Record]], tree: "_Tree"
    ) -> None:
        """Put related records into the records, level by level."""
        if not records:
            return
        selections = self.standard.entities[base].selections
        for segment, inner in tree.items():
            if segment.name in selections:
                self._join_selected(records, selections[segment.name], inner)
            elif segment.many:
                self._join_children(base, records, segment.name, inner)
            else:
                self._join_parent(base, records, segment.name, inner)

    def _join_parent(
        self, base: str, records: Sequence[tuple[str, Record]], name: str, tree: "_Tree"
    ) -> None:
        reference = self.standard.entities[base].references[name]
        target = self.standard.base(reference.entity)
        ways = [(_way(r, reference, self.standard), r) for _, r in records]
        wanted = sorted({way for way, _ in ways if way is not None})
        parents: dict[str, Record] = {}
        for rows in self._select(
            f'SELECT key, record FROM "{target}" WHERE key', wanted
        ):
            parents |= {key: orjson.loads(blob) for key, blob in rows if blob}
        self._join(target, list(parents.items()), tree)
        for way, record in ways:
            if way in parents:
                record[name] = parents[way]

    def _join_children(
        self, base: str, records: Sequence[tuple[str, Record]], name: str, tree: "_Tree"
    ) -> None:
        child, reference = self.standard.children(base)[name]
        members = self._members(child, reference, records, tree)
        for key, record in records:
            record[f"{name}[]"] = members[key]

    def _join_selected(
        self,
        records: Sequence[tuple[str, Record]],
        selection: Selection,
        tree: "_Tree",
    ) -> None:
        """Put in the records that a relation of the use case chooses."""
        read = _tree(selection.joins, tree)
        members = self._members(selection.child, selection.reference, records, read)
        for key, record in records:
            chosen = self._chosen(selection, members[key])
            if selection.many:
                record[f"{selection.name}[]"] = chosen
            elif chosen:
                record[selection.name] = chosen[0]

    def _chosen(self, selection: Selection, members: list[Record]) -> list[Record]:
        where = selection.where
        found = [
            member
            for member in members
            if where is None or holds(where, member, self.settings)
        ]
        for path, downwards in reversed(selection.order):
            filled = [m for m in found if value_at(m, path) is not None]
            empty = [m for m in found if value_at(m, path) is None]
            filled.sort(key=partial(_at, path), reverse=downwards)
            found = [*filled, *empty]
        return {"first": found[:1], "rest": found[1:], "all": found}[selection.take]

    def _members(
        self,
        child: str,
        reference: Reference,
        records: Sequence[tuple[str, Record]],
        tree: "_Tree",
    ) -> dict[str, list[Record]]:
        """Return the records left in that point to each of some records, joined."""
        members: dict[str, list[Record]] = {key: [] for key, _ in records}
        found: list[tuple[str, Record]] = []
        query = (
            f'SELECT "to_{reference.name}", key, record FROM "{child}" c'
            " WHERE record IS NOT NULL AND NOT EXISTS (SELECT 1 FROM verdict v"
            f" WHERE v.node = '{child}' AND v.key = c.key)"
            f' AND "to_{reference.name}"'
        )
        for rows in self._select(query, list(members)):
            for parent, key, blob in sorted(rows):
                record = orjson.loads(blob)
                members[parent].append(record)
                found.append((key, record))
        self._join(child, found, tree)
        return members

    def _select(
        self, query: str, values: Sequence[str]
    ) -> Iterator[list[tuple[Any, ...]]]:
        for start in range(0, len(values), BATCH):
            part = values[start : start + BATCH]
            holders = ", ".join("?" * len(part))
            yield self.db.execute(f"{query} IN ({holders})", part).fetchall()

    def unwanted(
        self, entity: EntityWork, keys: Sequence[str]
    ) -> Iterator[tuple[str, Record]]:
        """
        Yield those of some keys whose records are to be removed at the partner.

        A rule that removes leaves out the record or one that it points to, whatever
        else is wrong with it; or `records` no longer takes it.
        """
        belongs = self.selection(entity)
        removing = [rule for rule in self.work.rules if rule.removes]
        ways = [(rule, self._ways_up(entity.base, rule.entity)) for rule in removing]
        follows = {rule.rule for rule in removing if rule.require is None}
        up = [way for _, found in ways for way in found if way.segments]
        query = f'SELECT key, record FROM "{entity.base}" WHERE key'
        for rows in self._select(query, keys):
            records = [(key, orjson.loads(blob)) for key, blob in rows if blob]
            self._join(entity.base, records, _tree(up, _tree(entity.joins)))
            for key, record in records:
                nodes = [node for node in entity.erp if self.is_member(node, key)]
                verdicts = [self.judge.verdict(node, key) for node in nodes]
                rejected = any(v and v.verdict == "rejected" for v in verdicts)
                ended = entity.removes_others and nodes and not rejected
                if (
                    any(self._fails(rule, record, found) for rule, found in ways)
                    or (nodes and all(v and v.rule in follows for v in verdicts))
                    or (ended and not belongs(record))
                ):
                    yield key, record

    def _fails(self, rule: RuleWork, record: Record, ways: Sequence[FieldPath]) -> bool:
        """Say whether a record, or what it points to over some ways, breaks a rule."""
        condition = rule.require
        if condition is None:
            return False
        found = [value_at(record, way) for way in ways]
        return any(
            isinstance(one, dict) and not holds(condition, one, self.settings)
            for one in found
        )

    def _ways_up(self, start: str, target: str) -> list[FieldPath]:
        """Return the ways over references to another entity, or the empty one."""
        found: list[FieldPath] = []
        ways = [(self.standard.base(start), FieldPath(()))]
        for base, way in ways:
            if base == self.standard.base(target):
                found.append(way)
            for name in self._references(base):
                reference = self.standard.entities[base].references[name]
                further = FieldPath((*way.segments, Segment(name)))
                other = self.standard.base(reference.entity)
                if other != base:
                    ways.append((other, further))
        return found

    def doubtful(self, entity: EntityWork, keys: Sequence[str]) -> Mapping[str, str]:
        """
        Return those of some keys about which `records` or a relation may be wrong.

        A record that points to them is rejected: it is not known to be none. The value
        names that record.
        """
        found: dict[str, str] = {}
        for child, reference in self._deciding(entity):
            for start in range(0, len(keys), BATCH):
                part = keys[start : start + BATCH]
                known = self.judge.with_rejected_child(child, reference, part)
                found |= {key: f"{child} {name}" for key, name in known.items()}
        return found

    def _deciding(self, entity: EntityWork) -> Iterator[tuple[str, str]]:
        """Yield the entities, and their references, that decide about an entity."""
        read = {path.segments[0] for path in paths_of(entity.records)}
        chosen = self.standard.entities[entity.base].selections
        children = self.standard.children(entity.base)
        for segment in {way.segments[0] for way in entity.joins}:
            selection = chosen.get(segment.name)
            if selection is not None and (segment in read or not selection.many):
                yield selection.child, selection.reference.name
            elif selection is None and segment.many and segment in read:
                child, reference = children[segment.name]
                yield child, reference.name

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

    def count(self, entity: EntityWork, keys: Sequence[str]) -> int:
        """Count the records of an entity that the source has under some keys."""
        member = " OR ".join(self.judge.is_member_sql(node, "b") for node in entity.erp)
        query = f'SELECT COUNT(*) FROM "{entity.base}" b WHERE ({member}) AND b.key'
        return sum(rows[0][0] for rows in self._select(query, keys))

    def keys(self, base: str) -> Iterator[str]:
        for (key,) in self.db.execute(f'SELECT key FROM "{base}" ORDER BY rowid'):
            yield key

    def broken(self, entity: EntityWork) -> list[tuple[str, str, str]]:
        """Return (place, code, message) of rows that do not even have a key."""
        query = "SELECT place, code, message FROM broken WHERE base = ?"
        return self.db.execute(query, (entity.base,)).fetchall()

    def has_value(self, node: str, field: str, values: Sequence[str]) -> set[str]:
        """Return which of some values occur in a field of the source."""
        query = f'SELECT DISTINCT json_extract(record, ?) FROM "{node}"'
        found = {row[0] for row in self.db.execute(query, (f"$.{field}",))}
        return found & set(values)


_Tree = dict[Segment, "_Tree"]


def _tree(ways: Iterable[FieldPath], root: _Tree | None = None) -> _Tree:
    """Turn ways that share beginnings into a tree, or add them to a copy of one."""
    root = deepcopy(root or {})
    for way in sorted(ways, key=str):
        here = root
        for segment in way.segments:
            here = here.setdefault(segment, {})
    return root


def _at(path: FieldPath, record: Record) -> Any:
    return value_at(record, path)


def _way(record: Record, reference: Reference, standard: Standard) -> str | None:
    """Return the key of the record pointed to; None if a required part is empty."""
    target = standard.entities[reference.entity]
    parts = [record.get(reference.fields[name]) for name in target.key]
    for name, part in zip(target.key, parts, strict=True):
        if part is None and target.fields[name].required:
            return None
    return key_text(parts)


def _message(problem: Problem) -> str:
    return f"{problem.origin}: {problem.message}"
