"""Where the records of a trial come from: a source or a pasted text in, records out."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from engine.app.explain import matches, standing
from engine.app.workbench.trial.record import key_of, read_record
from engine.conditions import holds
from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.records import Record
from engine.runtime.source import FolderSource
from engine.runtime.staging import Staging
from engine.work import EntityWork, Settings, UseCaseWork


@dataclass(frozen=True)
class Found:
    """A record, or else the reason why it does not become the partner's entity."""

    key: str
    record: Record | None
    reason: dict[str, Any]


class Records(Protocol):
    """Gives the record that is looked at, whatever the spec says by now."""

    def find(
        self, work: UseCaseWork, entity: EntityWork, settings: Settings
    ) -> Found: ...


class Pasted:
    """One record that somebody gives as JSON; what points to it stands inside."""

    def __init__(self, text: str) -> None:
        self._text = text

    def find(self, work: UseCaseWork, entity: EntityWork, settings: Settings) -> Found:
        """Read the record; what no other record decides about it is decided."""
        name = entity.erp[0]
        record = read_record(self._text, work.standard, name)
        key = key_of(work.standard, name, record)
        if entity.records is not None and not holds(entity.records, record, settings):
            reason = "belongs to another entity of the partner"
            return Found(key, None, {"state": "elsewhere", "reason": reason})
        for rule in work.rules:
            required = rule.require
            if rule.entity not in entity.erp or required is None:
                continue
            if not holds(required, record, settings):
                told = {"state": rule.verdict, "rule": rule.rule, "reason": rule.text}
                return Found(key, None, told)
        return Found(key, record, {})


class Unsaid:
    """No record yet: somebody has to give one."""

    def find(self, *_: object, **__: object) -> Found:
        """Raise SpecError."""
        raise no_record()


def no_record() -> SpecError:
    message = "nothing says where a record comes from."
    return SpecError([Problem(Origin("try"), "S073", message)])


class Sourced:
    """
    The records of a source folder.

    They are read once, and again only if a changed spec asks for other records,
    relations or rules. `wanted` is the key of the record that is looked at, or our ID;
    None for the first one that is not left out.
    """

    def __init__(self, folder: Path, wanted: str | None) -> None:
        self.folder = folder
        self.wanted = wanted
        self.readings = 0
        self._key: str | None = None
        self._staging: Staging | None = None

    def close(self) -> None:
        if self._staging is not None:
            self._staging.db.close()
            self._staging = None

    def look_at(self, key: str) -> None:
        """Look at another record from now on."""
        self._key = self.wanted = key

    def find(self, work: UseCaseWork, entity: EntityWork, settings: Settings) -> Found:
        """Return the record; raises SpecError if the source has none."""
        staging = self._read(work, settings)
        if self._key is None:
            self._key = self._chosen(staging, entity, settings)
        record, reason = standing(entity, staging, self._key)
        return Found(self._key, record, reason)

    def candidates(
        self,
        work: UseCaseWork,
        entity: EntityWork,
        settings: Settings,
        text: str,
        most: int,
    ) -> list[tuple[str, str]]:
        """Return keys of records that hold a text, and what they hold, up to most."""
        staging = self._read(work, settings)
        found = _search(staging, entity, text.casefold())
        return list(islice(found, most))

    def named(
        self, work: UseCaseWork, entity: EntityWork, settings: Settings, word: str
    ) -> str | None:
        """Return the key of the one record whose key or ID a word is, if there is."""
        staging = self._read(work, settings)
        found = list(islice(matches(entity, staging, settings, word), 2))
        return found[0] if len(found) == 1 else None

    def _chosen(self, staging: Staging, entity: EntityWork, settings: Settings) -> str:
        if self.wanted is not None:
            key = next(matches(entity, staging, settings, self.wanted), None)
            if key is not None:
                return key
            parts = "/".join(staging.standard.entities[entity.base].key)
            message = f"no {entity.name} has the ID or the key '{self.wanted}'; "
            place = Origin(str(self.folder))
            raise SpecError([Problem(place, "R209", f"{message}a key is {parts}.")])
        belongs = staging.selection(entity)
        for batch in staging.batches(entity):
            for key, record in batch:
                if belongs(record):
                    return key
        message = f"has no record for {entity.name} that is not left out."
        raise SpecError([Problem(Origin(str(self.folder)), "S074", message)])

    def _read(self, work: UseCaseWork, settings: Settings) -> Staging:
        """Return the staged source, which is read if it does not fit the spec."""
        known = self._staging
        if known is not None and _fits(known, work, settings):
            return known
        self.close()
        source = FolderSource(self.folder, work.standard)
        source.verify()
        staging = Staging(work, settings)
        try:
            staging.load(source)
        except BaseException:
            staging.db.close()
            raise
        self.readings += 1
        self._staging = staging
        return staging


def _fits(staging: Staging, work: UseCaseWork, settings: Settings) -> bool:
    """Say whether a staged source tells the same under a changed spec."""
    staged = staging.work
    return (
        set(work.nodes) <= set(staged.nodes)
        and (work.rules, work.ways) == (staged.rules, staged.ways)
        and work.standard == staged.standard
        and settings == staging.settings
        and (work.needed == staged.needed or not _has_wrong_values(staging))
    )


def _has_wrong_values(staging: Staging) -> bool:
    """Say whether any value is wrong: what is read decides if that rejects a record."""
    query = "SELECT 1 FROM verdict WHERE code LIKE 'R1%' LIMIT 1"
    return bool(staging.unneeded() or staging.db.execute(query).fetchone())


def _search(
    staging: Staging, entity: EntityWork, text: str
) -> Iterator[tuple[str, str]]:
    belongs = staging.selection(entity)
    for key in staging.keys(entity.base):
        plain = staging.plain_record(entity.base, key)
        if plain is None or not any(staging.is_member(n, key) for n in entity.erp):
            continue
        words = ", ".join(_words(staging, entity, plain))
        if text not in key.casefold() and text not in words.casefold():
            continue
        record = staging.record(entity, key)
        if record is not None and belongs(record):
            yield key, words


def _words(staging: Staging, entity: EntityWork, record: Record) -> Iterator[str]:
    """Yield the texts of a record by which people know it, without those of its key."""
    key = staging.standard.entities[entity.base].key
    for name, value in record.items():
        if name not in key and isinstance(value, str) and value:
            yield value
