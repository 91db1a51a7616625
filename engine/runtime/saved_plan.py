"""A plan in a file: what it was made from and what it would do in, no payload out.

A saved plan is sent only as it is. Its file holds hashes of the source, the spec and
the settings; when it is applied they are taken again, and so is each change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b, file_digest
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.runtime.activation import Activation
from engine.runtime.plan import EntityPlan, Plan
from engine.runtime.spec_files import spec_paths

FORMAT = 1
SHOWN = 3
"""So many differences of a kind are named."""


class _Lenient(BaseModel):
    """A part of a plan's JSON that is read again; other keys may stand beside."""

    model_config = ConfigDict(extra="allow", frozen=True)


class _Brake(_Lenient):
    plan: str
    held: bool
    verdicts: list[dict[str, Any]]


class _Rekey(_Lenient):
    entity: str


class _Change(_Lenient):
    key: str
    operation: str


class _Entity(_Lenient):
    changes: list[_Change]


class _Plan(_Lenient):
    brake: _Brake
    rekeys: list[_Rekey]
    entities: dict[str, _Entity]


class SavedPlan(BaseModel):
    """The content of a plan's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feldwerk_plan: int
    activation: str
    file: str = Field(pattern=r"^[^\x00]+$")
    """The activation's file, as an absolute path."""
    made_at: datetime
    inputs: dict[str, dict[str, str]]
    """source, spec, settings and activation: name -> hash."""
    changes: dict[str, str]
    """Entity -> hash of all of its changes."""
    plan: _Plan
    """The plan as `feldwerk plan --json` shows it."""


def inputs_of(activation: Activation) -> dict[str, dict[str, str]]:
    """Return the hashes of all that a plan is made from, except the partner's state."""
    file = activation.file
    rest = {
        "base_url": file.base_url,
        "brake": file.brake.model_dump(),
        "gone_after_runs": file.gone_after_runs,
        "credentials": file.credentials,
    }
    return {
        "source": _files(activation.source, activation.source.glob("*")),
        "spec": _files(activation.folders.root, spec_paths(activation)),
        "settings": _settings(activation),
        "activation": {name: _hash(value) for name, value in rest.items()},
    }


def terms_of(activation: Activation) -> str:
    """Return the hash of the spec and the settings, under which a plan was made."""
    spec = _files(activation.folders.root, spec_paths(activation))
    return _hash([spec, _settings(activation)])


def _settings(activation: Activation) -> dict[str, str]:
    settings = activation.settings.items()
    return {name: _hash(value) for name, value in settings if name != "today"}


def _files(root: Path, paths: Iterator[Path]) -> dict[str, str]:
    found = {}
    for path in sorted(path for path in paths if path.is_file()):
        with path.open("rb") as file:
            name = path.relative_to(root).as_posix()
            found[name] = file_digest(file, "blake2b").hexdigest()[:32]
    return found


def _hash(value: Any) -> str:
    content = orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=list)
    return blake2b(content, digest_size=16).hexdigest()


def _changes(part: EntityPlan) -> str:
    digest = blake2b(digest_size=16)
    for change in chain(part.changes(), part.removals()):
        digest.update(orjson.dumps(vars(change), option=orjson.OPT_SORT_KEYS))
    return digest.hexdigest()


def save(
    path: Path, activation: Activation, plan: Plan, inputs: dict[str, dict[str, str]]
) -> None:
    """Write a plan; `inputs` are the hashes from before the source was read."""
    saved = SavedPlan(
        feldwerk_plan=FORMAT,
        activation=activation.name,
        file=str(Path(activation.origin.file).resolve()),
        made_at=datetime.now(UTC),
        inputs=inputs,
        changes={name: _changes(part) for name, part in plan.entities.items()},
        plan=_Plan.model_validate(plan.as_json()),
    )
    path.write_bytes(orjson.dumps(saved.model_dump(), option=orjson.OPT_INDENT_2))


def load(path: Path) -> SavedPlan:
    """Read a plan's file; raises SpecError if it is none."""
    try:
        saved = SavedPlan.model_validate_json(path.read_bytes())
    except OSError as error:
        message = f"cannot be read: {error.strerror}."
        raise SpecError([Problem(Origin(str(path)), "P001", message)]) from None
    except ValidationError:
        message = "no plan that `feldwerk plan --out` wrote."
        raise SpecError([Problem(Origin(str(path)), "P001", message)]) from None
    if saved.feldwerk_plan != FORMAT:
        message = f"a plan of another version ({saved.feldwerk_plan})."
        raise SpecError([Problem(Origin(str(path)), "P001", message)])
    return saved


@dataclass(frozen=True)
class Approved:
    """A saved plan that is about to be sent."""

    saved: SavedPlan
    path: Path

    def require_inputs(self, activation: Activation) -> None:
        """Raise SpecError with everything that is not as it was."""
        if activation.name != self.saved.activation:
            message = f"it was made for {self.saved.activation}, not {activation.name}."
            raise SpecError([self._problem(message)])
        now = inputs_of(activation)
        problems = [
            self._problem(f"{kind}: {text}.")
            for kind, known in now.items()
            for text in _differences(self.saved.inputs.get(kind, {}), known)
        ]
        if problems:
            raise SpecError(problems)

    def require_changes(self, plan: Plan) -> None:
        """Raise SpecError if a plan made now would send anything else."""
        problems = []
        brake = self.saved.plan.brake
        if brake.held and plan.release is not None and brake.plan == plan.id:
            message = "it was released since: `feldwerk sync` sends all of it."
            raise SpecError([self._problem(message)])
        for name, part in plan.entities.items():
            if self.saved.changes.get(name) != _changes(part):
                entity = self.saved.plan.entities.get(name)
                text = _changed(entity.changes if entity else [], part)
                message = f"the partner's state, or the day, for {name}: {text}."
                problems.append(self._problem(message))
        if problems:
            raise SpecError(problems)

    def _problem(self, message: str) -> Problem:
        return Problem(Origin(str(self.path)), "P002", message)


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for words, names in (
        ("is new", now.keys() - before.keys()),
        ("is not there any more", before.keys() - now.keys()),
        ("has changed", {n for n in before.keys() & now.keys() if before[n] != now[n]}),
    ):
        for name in sorted(names):
            yield f"{name} {words}"


def _changed(before: list[_Change], part: EntityPlan) -> str:
    """Say which changes are others now, by key."""
    was = {change.key: change.operation for change in before}
    now = {
        change.key: change.operation
        for change in chain(part.changes(), part.removals())
    }
    if was and not now:
        return f"all of its {len(was)} changes have been sent already"
    keys = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    if not keys:
        return "the same records with other values"
    told = ", ".join(
        f"{key} ({was.get(key, 'nothing')} -> {now.get(key, 'nothing')})"
        for key in keys[:SHOWN]
    )
    return f"{len(keys)} changes are others: {told}"
