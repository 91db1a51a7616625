"""Check payloads before they are sent: bodies and a schema in, problems out.

A field that may be wrong is left out with a warning instead.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import orjson
from jsonschema import Draft202012Validator, FormatChecker

from connectors.payloads import merged
from engine.interpreter import Only, Outcome, origin_by_field, tolerant_fields
from engine.problems import Problem
from engine.work import EntityWork


class PayloadCheck:
    """Check a payload against the partner's schema before anything is sent."""

    def __init__(self, work: EntityWork) -> None:
        self.validator = Draft202012Validator(
            work.schema, format_checker=FormatChecker()
        )
        self.origins = origin_by_field(work)
        self.fallback = work.id_field.origin
        self.tolerant = tolerant_fields(work)

    def __call__(self, body: Mapping[str, Any], only: Only) -> tuple[Problem, ...]:
        """Return what is wrong with a payload, each with the row that made it."""
        # The part for an update counts too: a new record may be at the partner already.
        for part in (only.get("create", {}), only.get("update")):
            payload = body if part is None else merged(body, part)
            if part is not None and not self.validator.is_valid(payload):
                errors = self.validator.iter_errors(payload)
                return tuple(self._problem(error) for error in errors)
        return ()

    def tolerated(self, outcome: Outcome) -> Outcome:
        """Leave out the wrong fields whose rows allow that; the others stay."""
        if not self.tolerant or outcome.problems:
            return outcome
        warnings: list[Problem] = []
        body = self._without_wrong(outcome.body, warnings)
        only = {
            operation: self._without_wrong(part, warnings)
            for operation, part in outcome.only.items()
        }
        if not warnings:
            return outcome
        return outcome._replace(
            body=body, only=only, warnings=(*outcome.warnings, *warnings)
        )

    def _without_wrong(
        self, payload: Mapping[str, Any], warnings: list[Problem]
    ) -> dict[str, Any]:
        """Return a payload, or a part of one, without what may be left out of it."""
        places: list[list[str | int]] = []
        for error in self.validator.iter_errors(payload):
            place = list(error.absolute_path)
            # A part of a payload lacks what is required; that is not its fault.
            if not place or error.validator == "required":
                continue
            if _name_of(place).removesuffix("[]") in self.tolerant:
                places.append(place)
                warnings.append(self._problem(error))
        if not places:
            return dict(payload)
        left = deepcopy(dict(payload))
        for place in sorted(places, key=str, reverse=True):
            _take_out(left, place)
        return left

    def _problem(self, error: Any) -> Problem:
        """Say which rule is broken, never the value: it may be personal."""
        field_name = _name_of(error.absolute_path)
        if error.validator == "required":
            missing = [n for n in error.validator_value if n not in error.instance]
            field_name = ".".join(filter(None, (field_name, missing[0])))
            message = f"the partner requires {', '.join(missing)}."
        else:
            rule = orjson.dumps(error.validator_value).decode()
            message = (
                f"{field_name} breaks the partner's rule {error.validator} {rule}."
            )
        origin = self.origins.get(field_name.removesuffix("[]"), self.fallback)
        return Problem(origin, "R207", message)


def _take_out(body: Any, place: Sequence[str | int]) -> None:
    """Delete what stands at a place of a payload, and what is empty then."""
    owners = [body]
    for part in place[:-1]:
        owners.append(owners[-1][part])
    for owner, part in zip(reversed(owners), reversed(place), strict=True):
        del owner[part]
        if owner:
            return


def _name_of(path: Iterable[str | int]) -> str:
    """Return the name that a table gives a place in a payload: `tenants[].id`."""
    parts = ("[]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")
