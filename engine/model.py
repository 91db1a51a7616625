"""What the files of a spec and an activation may hold: the models behind their schemas.

The JSON Schemas in `schemas/feldwerk/` are generated from these models.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Evidence = Literal["seen", "doc", "inferred", "proposed"]
Removal = Literal["nothing", "end_date", "block", "detach", "delete"]
Day = Literal[
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
]


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and value is not True else value


Text = Annotated[str, BeforeValidator(_as_text)]


class Part(BaseModel):
    """
    The base of all models: frozen, and unknown keys are refused.

    A part is built with the whole file that it belongs to; whole files say
    `defer_build=False`, as threads may read the first ones at the same time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class FieldRow(Part, defer_build=False):
    """A row of a field table: one partner field, one source of its value."""

    partner_field: str = Field(
        default="",
        description="Where the value goes: `title`, `address.street`, "
        "`tenants[].externalId`, `contractIds[]`, `addresses[].units[]`.",
    )
    erp_field: str = Field(
        default="",
        description="Where it comes from: a Standard field (`bezeichnung`), a related "
        "record's (`gebaeude.baujahr`), those that point here "
        "(`mietvertrag[].beginn`), several (`vorname; nachname`), a setting "
        "(`settings.firma`), `today`, or a JSONPath "
        "(`$.telefone[?(@.art=='mobil')].e164`).",
    )
    transform: str = Field(
        default="",
        description="A pipe of named functions: `trim | upper`, "
        '`lookup(nutzungsart)`, `template("{{ plz }} {{ ort }}")`.',
    )
    id_parts: str = Field(
        default="",
        description="Instead of `erp_field`: the ERP numbers that compose the ID, "
        "joined by the activation's separator: `mandant_nr; we_nr; geb_nr`. A quoted "
        "text is taken as it is. One row per table has it.",
    )
    reference: str = Field(
        default="",
        description="Instead of `erp_field`: the entity whose record this field points "
        "to, and the way there if its name does not say it: `objekte`, "
        "`mietvertraege(mietvertrag_mieter[].mietvertrag)`. The engine puts in its ID "
        "and sends that record first.",
    )
    when: str = Field(
        default="",
        description="A condition; the row counts only if it holds: "
        '`art = "natuerlich"`, `settings.erp_gebaeude_importieren`.',
    )
    default: str = Field(
        default="",
        description="The value if the source is empty; alone in a row, a constant.",
    )
    if_empty: Literal["", "omit", "clear", "keep", "reject"] = Field(
        default="",
        description="What happens to an empty value: `omit` leaves the field out "
        "(the default), `clear` sends null, `keep` leaves what the partner has, "
        "`reject` rejects the record.",
    )
    if_wrong: Literal["", "reject", "omit"] = Field(
        default="",
        description="What happens to a value that the source, a transform or the "
        "partner's schema refuses: `reject` rejects the record (the default), `omit` "
        "leaves the field out with a warning.",
    )
    write: Literal["", "always", "create", "update", "remove", "later"] = Field(
        default="",
        description="`always` is the default. `create`, `update`, `remove`: the row "
        "counts in that operation only, and is no reason to send a record by itself. "
        "`later`, for references: the record is sent without it, and once more with it "
        "when the others are there.",
    )
    example: str = Field(
        default="",
        description="A value in; several as in `erp_field`, parted by `;`. A JSON "
        "object is a whole record.",
    )
    expected: str = Field(
        default="", description="The value out; empty if nothing is to come."
    )
    note: str = Field(default="", description="For people.")


class ListRow(Part, defer_build=False):
    """A row of a value list."""

    erp_value: str = Field(
        description="The value of the ERP; `*` stands for all others."
    )
    partner_value: str = Field(description="The value of the partner.")
    note: str = Field(default="", description="For people.")


class PartnerFile(Part, defer_build=False):
    """`partner.yaml`: what the partner's page says."""

    name: str = Field(description="The partner's name as it writes it.")
    title: str = Field(default="", description="The subtitle of its page.")
    description: str = Field(description="What the partner does, in German.")
    categories: tuple[str, ...] = Field(default=(), description="Kategorien.")
    links: dict[str, str] = Field(default={}, description="Link text -> address.")
    connect: tuple[str, ...] = Field(
        default=(), description="The steps of 'Mit ... verbinden', in German."
    )


class Setting(Part):
    """A setting that the operator chooses when he activates a use case."""

    title: str = Field(description="The name on the partner's page.")
    description: str = Field(description="What it does, in German.")
    evidence: Evidence = Field(description="`seen` on the page, or `proposed` by us.")
    type: Literal["choice", "numbers", "boolean", "text", "mapping"] = Field(
        description="`numbers` is a list of ERP numbers, kept as text; `mapping` leads "
        "from labels to the options, `*` stands for all other labels."
    )
    options: tuple[Text, ...] = Field(
        default=(), description="The values of a choice or of a mapping."
    )
    default: Any = Field(default=None, description="The value if none is chosen.")
    example: Any = Field(
        default=None,
        description="What demo, tests and golden files choose if there is no default.",
    )

    @property
    def must_be_chosen(self) -> bool:
        """Whether an activation has to choose: there is an example and no default."""
        return self.default is None and self.example is not None

    @model_validator(mode="after")
    def _default_fits(self) -> Self:
        if self.must_be_chosen:
            return self
        try:
            setting_value(self, None)
        except ValueError as error:
            raise ValueError(f"the default {error}") from None
        return self


class Adoption(Part):
    """Records that exist at the partner already, with the id of another entity's."""

    entity: Name = Field(description="The entity whose record brings it into being.")
    when: str = Field(default="", description="A condition on the ERP record.")


class EntityFile(Part):
    """A partner entity of a use case; its field table is `<name>.csv`."""

    name: Name = Field(description="The partner's word; the name of the field table.")
    erp: Name | tuple[Name, ...] = Field(
        description="The Standard entity it is made of; views of one are united."
    )
    resource: Name | None = Field(
        default=None,
        description="The entity of the connector file and of the payload schema; the "
        "name if left out.",
    )
    records: str = Field(
        default="",
        description="A condition: which ERP records belong here at all. Others are "
        "not left out, they belong elsewhere.",
    )
    adopts: Adoption | None = Field(
        default=None, description="For records that come into being with another."
    )
    required: bool = Field(
        default=False, description="Whether the source must have a file for it."
    )
    removes: bool = Field(
        default=False,
        description="Whether a record that was sent and that `records` no longer takes "
        "is removed at the partner, even if a rule leaves it out as well.",
    )
    removal: Removal | None = Field(
        default=None, description="Instead of the use case's `removal`."
    )
    match: tuple[tuple[str, ...], ...] = Field(
        default=(),
        description="By which fields of the payload `feldwerk match` knows a record "
        "that the partner has under another id, the surest first: `[[email], "
        "[lastName, postalCode]]`.",
    )


class Related(Part):
    """
    Some of the records that point to one, as a relation of its own.

    The lease that is valid today, the main tenant, the further ones.
    """

    name: Name = Field(description="The name in paths: `hauptmieter.mieter.nachname`.")
    of: Name = Field(description="The Standard entity that has it.")
    source: Name = Field(
        alias="from", description="The records that point to it: `mietvertrag_mieter`."
    )
    where: str = Field(
        default="", description="A condition on them; it may follow their references."
    )
    order: tuple[str, ...] = Field(
        default=(), description="Fields of them, `desc` behind one turns it round."
    )
    take: Literal["first", "rest", "all"] = Field(
        description="`first` is one record; `rest` are all but the first one, used as "
        "`name[]` like `all`."
    )


class PageRow(Part):
    """A row of the entity table of the partner's page."""

    erp: str = Field(description="The ERP's entity, as the page writes it.")
    partner: str = Field(description="The partner's entity, as the page writes it.")
    entity: Name | None = Field(default=None, description="The entity of this file.")
    coming: bool = Field(
        default=False,
        description="The page says 'Kommt in Kürze'; with an entity, we propose it.",
    )


class Rule(Part):
    """A prerequisite or a filter: which records are left out, and with which reason."""

    rule: Name = Field(description="The name that reports show.")
    text: str = Field(description="The sentence of the page, or ours, in German.")
    evidence: Evidence = Field(description="`seen` on the page, or `proposed` by us.")
    entity: Name | tuple[Name, ...] = Field(
        description="The Standard entities it acts on."
    )
    require: str = Field(default="", description="A condition that must hold.")
    require_any: str = Field(
        default="",
        description="`mietvertrag_mieter[]`: at least one of the records that point "
        "here must be left in.",
    )
    verdict: Literal["left_out", "rejected"] = Field(
        default="left_out",
        description="`rejected` for records that are wrong rather than out of scope.",
    )
    removes: bool = Field(
        default=False,
        description="Whether what it leaves out is removed at the partner if it was "
        "sent: a consent that was withdrawn.",
    )

    @model_validator(mode="after")
    def _one_requirement(self) -> Self:
        if bool(self.require) == bool(self.require_any):
            raise ValueError("give either 'require' or 'require_any'")
        return self


class UseCaseFile(Part, defer_build=False):
    """`use_case.yaml`: what is synchronised, when, under which rules."""

    version: str = Field(
        pattern=r"^\d+\.\d+\.\d+$",
        description="Semantic: a changed ID rule is a new major version.",
    )
    direction: Literal["erp_to_partner"] = Field(description="The way of the data.")
    schedule: tuple[Day, ...] = Field(description="The days of the regular run.")
    entity_table: tuple[PageRow, ...] = Field(
        default=(), description="The entity table of the page, in its order."
    )
    settings: dict[Name, Setting] = Field(default={}, description="Einstellungen.")
    related: tuple[Related, ...] = Field(
        default=(), description="Relations that the tables use beside the Standard's."
    )
    entities: tuple[EntityFile, ...] = Field(description="The partner's entities.")
    prerequisites: tuple[Rule, ...] = Field(
        default=(), description="Voraussetzungen and filters, in order."
    )
    removal: Removal = Field(
        default="nothing",
        description="What removing a record means: the connector's `remove` request "
        "(`detach`, `delete`), or an update with the rows of `write: remove` "
        "(`end_date`, `block`); an entity without such rows is left alone. What the "
        "ERP no longer has is removed after some complete runs without it.",
    )


def as_tuple(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return one or several names as several."""
    return (value,) if isinstance(value, str) else value


_NUMBER_BREAKS = re.compile(r"[,;\s]+")


def setting_value(setting: Setting, value: Any) -> Any:
    """
    Read a chosen value by its setting's type; raises ValueError with what is wrong.

    Numbers may come as a list, or as a person types them: `1, 2;03`.
    """
    if value is None:
        value = setting.default
    match setting.type:
        case "numbers":
            items = value if isinstance(value, list) else [value]
            texts = [str(i) for i in items if i is not None and not isinstance(i, bool)]
            parts = (p for t in texts for p in _NUMBER_BREAKS.split(t))
            return tuple(dict.fromkeys(p for p in parts if p))
        case "boolean":
            if not isinstance(value, bool):
                raise ValueError("must be true or false")  # noqa: TRY004 - a value
            return value
        case "choice":
            if str(value) not in setting.options:
                known = " ".join(setting.options)
                raise ValueError(f"'{value}' is none of {known}")
            return str(value)
        case "text":
            return None if value is None else str(value)
        case "mapping":
            return _mapping(setting, value)


def _mapping(setting: Setting, value: Any) -> dict[str, str]:
    """Read a mapping by folded label; each label leads to one of the options."""
    if not isinstance(value, dict):
        raise ValueError("must lead from labels to options")  # noqa: TRY004 - a value
    for label, option in value.items():
        if str(option) not in setting.options:
            known = ", ".join(setting.options)
            raise ValueError(f"'{option}' of '{label}' is none of {known}")
    return {str(k).strip().casefold(): str(v) for k, v in value.items()}
