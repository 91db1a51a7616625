"""What a partner holds: records in; the same records by their ids and by ours out."""

import random
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from tools.simulator.annotations import Unique
from tools.simulator.templates import at

Record = dict[str, Any]
Key = int | str


class Table:
    """
    The records of one entity by their key, with an index for everything looked up.

    `match` is where a record holds our id. With `has_lists` our ids stand in a list
    beside the record, and `match` shows the first of them. Records are replaced and
    never changed in place. Those with a value at `deleted` leave what is unique free.
    """

    def __init__(
        self,
        match: str | None,
        unique: Iterable[Unique] = (),
        *,
        has_lists: bool = False,
        deleted: str | None = None,
    ) -> None:
        self.records: dict[Key, Record] = {}
        self.lists: dict[Key, list[str]] = {}
        self.match = match
        self.has_lists = has_lists
        self._unique = tuple(unique)
        self._deleted = deleted
        self._keys_by_our_id: dict[str, dict[Key, None]] = {}
        self._key_by_unique: dict[tuple[Any, ...], Key] = {}

    def put(self, key: Key, record: Record) -> Record:
        """Add or replace a record and return it as it is held."""
        self._forget(key)
        if self.has_lists and self.match:
            record = {**record, self.match: next(iter(self.lists.get(key, ())), None)}
        self.records[key] = record
        for our_id in self._our_ids(key, record):
            self._keys_by_our_id.setdefault(our_id, {})[key] = None
        for _, entry in self._unique_entries(record):
            self._key_by_unique[entry] = key
        return record

    def set_list(self, key: Key, our_ids: Iterable[str]) -> Record:
        """Replace the list of our ids beside a record."""
        self._forget(key)
        self.lists[key] = list(our_ids)
        return self.put(key, self.records[key])

    def remove(self, key: Key) -> None:
        self._forget(key)
        del self.records[key]
        self.lists.pop(key, None)

    def keys_of(self, our_id: int | str) -> list[Key]:
        """Return the keys of the records with an id of ours; it need not be unique."""
        return list(self._keys_by_our_id.get(str(our_id), ()))

    def is_deleted(self, record: Record) -> bool:
        return bool(self._deleted and at(record, self._deleted))

    def clash(self, record: Record, key: Key | None) -> str | None:
        """Return the field whose value another record has already, or None."""
        for field, entry in self._unique_entries(record):
            if self._key_by_unique.get(entry, key) != key:
                return field
        return None

    def _forget(self, key: Key) -> None:
        record = self.records.get(key)
        if record is None:
            return
        for our_id in self._our_ids(key, record):
            self._keys_by_our_id.get(our_id, {}).pop(key, None)
        for _, entry in self._unique_entries(record):
            if self._key_by_unique.get(entry) == key:
                del self._key_by_unique[entry]

    def _our_ids(self, key: Key, record: Record) -> Iterator[str]:
        if self.has_lists:
            yield from self.lists.get(key, ())
        elif self.match:
            value = at(record, self.match)
            for one in value if isinstance(value, list) else (value,):
                if one is not None:
                    yield str(one)

    def _unique_entries(self, record: Record) -> Iterator[tuple[str, tuple[Any, ...]]]:
        if self._unique and self.is_deleted(record):
            return
        for field, within in self._unique:
            value = at(record, field)
            if value not in (None, ""):
                yield field, (field, at(record, within), value)


class Store:
    """All tables of a partner, and the ids that it gives."""

    def __init__(
        self,
        tables: Mapping[str, Table],
        id_spaces: Mapping[str, str],
        seed: int,
    ) -> None:
        self.tables = tables
        self._id_spaces = id_spaces
        self._last_ids: dict[str, int] = {}
        self._random = random.Random(seed)

    def next_number(self, entity: str) -> int:
        space = self._id_spaces.get(entity, entity)
        self._last_ids[space] = self._last_ids.get(space, 0) + 1
        return self._last_ids[space]

    def new_uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def is_alive(self, entity: str, key: Any) -> bool:
        """Return whether there is such a record that is not deleted."""
        table = self.tables[entity]
        record = table.records.get(key)
        return record is not None and not table.is_deleted(record)

    def clear(self) -> None:
        self._last_ids.clear()
        for table in self.tables.values():
            for key in list(table.records):
                table.remove(key)

    def dump(self, path: Path) -> None:
        tables = {
            name: [
                [key, row, table.lists.get(key)] for key, row in table.records.items()
            ]
            for name, table in self.tables.items()
        }
        path.write_bytes(orjson.dumps({"last_ids": self._last_ids, "tables": tables}))

    def load(self, path: Path) -> None:
        saved = orjson.loads(path.read_bytes())
        self._last_ids = saved["last_ids"]
        for name, rows in saved["tables"].items():
            for key, record, our_ids in rows:
                if our_ids is not None:
                    self.tables[name].lists[key] = our_ids
                self.tables[name].put(key, record)
