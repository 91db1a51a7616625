"""The page of a partner: a checked partner in, what its page says out."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from engine.app.catalogue import Partner
from engine.app.payload_fields import (
    MARKS,
    PayloadField,
    every_field,
    payload_fields,
    writable,
)
from engine.app.site.markdown import (
    EVIDENCE,
    address_in,
    cell,
    code,
    sentence,
    without_braces,
)
from engine.app.site.parts import (
    EntityPart,
    EvidenceLine,
    FieldLine,
    ListPart,
    PartnerPage,
    RelatedLine,
    RuleLine,
    UseCasePart,
)
from engine.app.site.ways import Ways
from engine.app.site.words import Words
from engine.model import EntityFile, Evidence, Rule, Setting, as_tuple
from engine.runtime.library import UseCase
from engine.spec import FieldRule

FOUNDED = ("seen", "doc")
"""Marks of what a page or a documentation of the partner says itself."""


def partner_page(partner: Partner, titles: Mapping[str, str]) -> PartnerPage:
    """Gather the page of a partner; `titles` names the use cases."""
    connector = partner.connector
    proposed = connector.evidence == "proposed"
    hosts = [*connector.base_url.items(), *connector.hosts.items()]
    return PartnerPage(
        partner=partner,
        credentials=tuple(connector.credentials.items()),
        hosts=() if proposed else tuple((n, without_braces(u)) for n, u in hosts),
        use_cases=tuple(_part(u, titles[u.spec.name]) for u in partner.use_cases),
    )


def _part(found: UseCase, title: str) -> UseCasePart:
    spec, file = found.spec, found.spec.use_case
    words = _words(found)
    settings = tuple(file.settings.values())
    rules = [rule for rule in file.prerequisites if not _said_by(rule, settings)]
    return UseCasePart(
        name=spec.name,
        title=title,
        version=file.version,
        table=tuple(_table(found)),
        settings=tuple(s for s in settings if s.evidence in FOUNDED),
        own_settings=tuple(s for s in settings if s.evidence not in FOUNDED),
        rules=tuple(_rule(r) for r in rules if r.evidence in FOUNDED),
        own_rules=tuple(_rule(r) for r in rules if r.evidence not in FOUNDED),
        related=tuple(_related(found, words)),
        entities=tuple(_entity(found, entity, words) for entity in file.entities),
        lists=tuple(_lists(found)),
        removal=file.removal,
        removes=tuple(sentence(r.text) for r in file.prerequisites if r.removes),
        evidence=tuple(_evidence(found)),
        sources=tuple(_sources(found)),
    )


def _words(found: UseCase) -> Words:
    file = found.spec.use_case
    ways = Ways(found.standard, file.related, file.settings)
    titles = {e.name: _title(found, e) for e in file.entities}
    anchors = {e.name: _anchor(found, e.name) for e in file.entities}
    return Words(ways, titles, anchors)


def _anchor(found: UseCase, name: str) -> str:
    return f"{found.spec.name}-{name}".replace("_", "-")


def _title(found: UseCase, entity: EntityFile) -> str:
    """Return the page's word for an entity; of one to come it has none yet."""
    rows = [r for r in found.spec.use_case.entity_table if r.entity == entity.name]
    words = dict.fromkeys(row.partner for row in rows if not row.coming)
    if words:
        return " / ".join(words)
    schema = found.spec.schemas[entity.resource or entity.name]
    return str(schema.get("title", entity.name))


def _said_by(rule: Rule, settings: tuple[Setting, ...]) -> bool:
    """Say whether a setting says what the rule says; the page says it once."""
    return sentence(rule.text) in {sentence(s.description) for s in settings}


def _rule(rule: Rule) -> RuleLine:
    return RuleLine(
        text=sentence(rule.text),
        evidence=EVIDENCE[rule.evidence],
        follows=bool(rule.require_any),
        rejects=rule.verdict == "rejected",
    )


def _table(found: UseCase) -> Iterator[Mapping[str, Any]]:
    """Yield the entity table; the ERP's words lead to their fields."""
    known = found.standard.entities.values()
    by_word = {e.title: e.name for e in known} | {e.plural: e.name for e in known}
    for row in found.spec.use_case.entity_table:
        yield {
            "erp": row.erp,
            "fields": by_word.get(row.erp),
            "partner": row.partner,
            "coming": row.coming,
        }


def _related(found: UseCase, words: Words) -> Iterator[RelatedLine]:
    taken = {
        "first": "den ersten davon",
        "rest": "alle außer dem ersten",
        "all": "alle",
    }
    for related in found.spec.use_case.related:
        children = found.standard.children(related.of)
        source = children[related.source][0] if related.source in children else ""
        start = source or related.of
        yield RelatedLine(
            name=related.name,
            of=found.standard.entities[related.of].title,
            source=found.standard.entities[start].plural,
            take=taken[related.take],
            where=words.condition(start, related.where) if related.where else "",
            order=", ".join(_order(words, start, text) for text in related.order),
        )


def _order(words: Words, start: str, written: str) -> str:
    name, _, direction = written.strip().partition(" ")
    downwards = " (absteigend)" if direction.strip() == "desc" else ""
    return words.ways.follow(start, name).text + downwards


def _entity(found: UseCase, entity: EntityFile, words: Words) -> EntityPart:
    spec = found.spec
    schema = spec.schemas[entity.resource or entity.name]
    fields = {field.name: field for field in every_field(schema)}
    start = as_tuple(entity.erp)[0]
    rules = spec.tables[entity.name]
    filled = {rule.row.partner_field for rule in rules}
    rows = [r for r in spec.use_case.entity_table if r.entity == entity.name]
    return EntityPart(
        name=entity.name,
        anchor=_anchor(found, entity.name),
        title=_title(found, entity),
        erp=tuple(found.standard.entities[e].title for e in as_tuple(entity.erp)),
        records=words.condition(start, entity.records) if entity.records else "",
        adopts=words.titles[entity.adopts.entity] if entity.adopts else "",
        evidence=EVIDENCE.get(schema.get("x-evidence", ""), EVIDENCE["proposed"]),
        proposed=schema.get("x-evidence", "proposed") == "proposed",
        coming=bool(rows) and all(row.coming for row in rows),
        removes=entity.removes,
        lines=tuple(_line(start, rule, fields, words) for rule in rules),
        unfilled=tuple(
            f"{code(field.name)} ({EVIDENCE[field.evidence]})"
            for field in writable(payload_fields(schema))
            if field.name not in filled
        ),
    )


def _line(
    start: str, rule: FieldRule, fields: Mapping[str, PayloadField], words: Words
) -> FieldLine:
    row = rule.row
    field = fields.get(row.partner_field)
    return FieldLine(
        field=code(row.partner_field),
        required=bool(field and field.required),
        source=words.source(start, row),
        rule=words.rule(start, row),
        evidence=_mark(field),
        note=cell(row.note),
    )


def _mark(field: PayloadField | None) -> str:
    """Write a mark, with the address of what it rests on; a proposal rests on none."""
    if field is None or field.evidence == "proposed":
        return f"**{EVIDENCE['proposed']}**"
    address = address_in(field.source)
    word = EVIDENCE[field.evidence]
    return f"[{word}]({address})" if address else word


def _lists(found: UseCase) -> Iterator[ListPart]:
    for name, known in found.spec.lists.items():
        users = [
            (entity, rule.row.partner_field)
            for entity in found.spec.use_case.entities
            for rule in found.spec.tables[entity.name]
            if name in _arguments(rule.row.transform)
        ]
        marks = [_values_evidence(found, entity, field) for entity, field in users]
        weakest = max(marks, key=MARKS.index) if marks else "proposed"
        yield ListPart(
            name=name,
            entries=tuple(
                ("alle anderen" if value == "*" else code(value), _partner_value(to))
                for value, to in known.entries.items()
            ),
            fields=tuple(code(f"{entity.name}.{field}") for entity, field in users),
            evidence=EVIDENCE[weakest],
        )


def _arguments(transform: str) -> list[str]:
    """Return the value lists that a `transform` cell names."""
    parts = transform.replace(" ", "").split("lookup(")[1:]
    return [part.partition(")")[0] for part in parts]


def _values_evidence(found: UseCase, entity: EntityFile, name: str) -> Evidence:
    schema = found.spec.schemas[entity.resource or entity.name]
    fields = {field.name: field for field in payload_fields(schema)}
    return fields[name].values_evidence if name in fields else "proposed"


def _partner_value(value: str) -> str:
    return code(value) if value else "nichts"


def _evidence(found: UseCase) -> Iterator[EvidenceLine]:
    for name, schema in found.spec.schemas.items():
        marks = Counter(f.evidence for f in writable(payload_fields(schema)))
        title = f"{cell(str(schema.get('title', name)))} ({code(name)})"
        yield EvidenceLine(title, tuple(marks[mark] for mark in MARKS))


def _sources(found: UseCase) -> Iterator[str]:
    """Yield what the marks rest on, each once; a proposal rests on nothing."""
    sources = {
        address_in(field.source) or field.source
        for schema in found.spec.schemas.values()
        for field in payload_fields(schema)
        if field.source and field.evidence != "proposed"
    }
    for source in sorted(sources):
        yield f"<{source}>" if address_in(source) else cell(source)
