"""A partner that has the records of the ERP already, as somebody typed them in."""

from collections.abc import Callable
from typing import Any

import pytest

from tools.simulator.templates import at


class Own:
    """What a listening partner holds, to be changed behind our back."""

    def __init__(self, desk: Any) -> None:
        self.simulation = desk.simulator._simulation
        self.tables = self.simulation.store.tables

    def edit(self, entity: str, change: Callable[[dict[str, Any]], Any]) -> None:
        """Change all records of an entity; `change` returns what differs, or None."""
        table = self.tables[entity]
        for key, record in list(table.records.items()):
            more = change(record)
            if more is not None:
                table.put(key, {**record, **more})

    def forget_our_ids(self, *entities: str) -> None:
        """Let records be the partner's own: none of them carries an id of ours."""
        for entity in entities or self.tables:
            table = self.tables[entity]
            for key, record in list(table.records.items()):
                if table.has_lists:
                    table.set_list(key, ())
                else:
                    table.put(key, {**record, table.match: None})

    def rename(self, entity: str, new: Callable[[str], str]) -> None:
        """Keep records that are named by us under other ids."""
        table = self.tables[entity]
        for key, record in list(table.records.items()):
            table.remove(key)
            table.put(new(key), {**record, table.match: new(key)})

    def find(self, entity: str, **values: Any) -> tuple[Any, dict[str, Any]]:
        """Return key and record of the one that has these values."""
        (found,) = (
            (key, record)
            for key, record in self.tables[entity].records.items()
            if all(at(record, name) == value for name, value in values.items())
        )
        return found

    def copy(self, entity: str, record: dict[str, Any], **changes: Any) -> int:
        """Enter a record a second time."""
        key = self.simulation.store.next_number(entity)
        table = self.tables[entity]
        if table.has_lists:
            table.lists[key] = []
        table.put(key, {**record, "id": key, **changes})
        return key


@pytest.fixture
def own():
    """Return what changes a desk's partner behind our back."""
    return Own


@pytest.fixture
def match(tmp_path):
    """Return what runs `feldwerk match` and gives its report and figures."""

    def run(desk: Any, suffix: str = ".json") -> Any:
        path = tmp_path / f"report{suffix}"
        found = desk.invoke("match", "activation", "--out", str(path), "--json")
        assert found.code == 0, found.out + found.err
        return path, found.json()

    return run
