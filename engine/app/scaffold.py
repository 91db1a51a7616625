"""Write the files of a new partner: a name in, files that pass the check out."""

import re
from pathlib import Path

from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.spec import Folders

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def scaffold(folders: Folders, name: str) -> list[str]:
    """
    Write a partner with one entity, buildings, put by our ID under a static token.

    Raises SpecError if the name cannot be one, or if a file of it is there already.
    """
    if not _NAME.fullmatch(name):
        message = "a partner's name has lower case letters, digits and underscores."
        raise SpecError([Problem(Origin(name), "T301", message)])
    files = {
        folders.root / path.replace("NAME", name): text.replace("NAME", name)
        for path, text in TEMPLATES.items()
    }
    there = [path for path in files if path.exists()]
    if there:
        raise SpecError(
            [Problem(Origin(folders.name(path)), "T203", "exists.") for path in there]
        )
    for path, text in files.items():
        _write(path, text)
    return [folders.name(path) for path in files]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


TEMPLATES = {
    "connectors/partners/NAME.yaml": """\
# How to reach NAME. Say with `evidence` and comments what is founded on what.
partner: NAME
documentation: https://example.com/api
evidence: proposed

base_url:
  production: https://api.example.com/v1

credentials:
  api_token: API-Token

authenticator:
  type: static
  send: {header: Authorization, value: "Bearer {{ credentials.api_token }}"}

api_budget: {concurrency: 2}

error_handler:
  message: [message]

entities:
  buildings:
    upsert: {method: PUT, path: "/buildings/{{ id }}"}
""",
    "schemas/partners/NAME/buildings.json": """\
{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Gebäude",
  "x-evidence": "proposed",
  "type": "object",
  "properties": {
    "externalId": {
      "type": "string",
      "minLength": 1,
      "x-in": "path",
      "x-evidence": "proposed"
    },
    "name": {"type": "string", "minLength": 1, "x-evidence": "proposed"},
    "street": {"type": "string", "x-evidence": "proposed"},
    "zip": {"type": "string", "x-evidence": "proposed"},
    "city": {"type": "string", "x-evidence": "proposed"},
    "constructionYear": {"type": "integer", "x-evidence": "proposed"}
  },
  "required": ["externalId", "name"],
  "additionalProperties": false
}
""",
    "mappings/partners/NAME/partner.yaml": """\
name: NAME
description: Was der Partner macht, in einem Satz.
categories: []
connect:
  - Den **API-Token** bereithalten.
""",
    "mappings/partners/NAME/stammdaten/use_case.yaml": """\
version: 0.1.0
direction: erp_to_partner
schedule: [tuesday, thursday, sunday]

entity_table:
  - {erp: Gebäude, partner: Gebäude, entity: buildings}

settings:
  separator:
    title: Separator für zusammengesetzte IDs
    description: Steht zwischen den ERP Nummern einer ID.
    evidence: proposed
    type: choice
    options: ["-", "_", ".", "/", "|"]
    default: "-"
  mandanten_nummern:
    title: Mandanten Nummern
    description: Es werden nur Daten für die eingetragenen Mandanten synchronisiert.
    evidence: proposed
    type: numbers

entities:
  - {name: buildings, erp: gebaeude, required: true}

prerequisites:
  - rule: mandanten_nummern
    text: Es werden nur Daten für die eingetragenen Mandanten synchronisiert.
    evidence: proposed
    entity: gebaeude
    require: settings.mandanten_nummern is empty or mandant_nr in settings.mandanten_nummern

removal: nothing
""",
    "mappings/partners/NAME/stammdaten/buildings.csv": """\
partner_field,erp_field,transform,id_parts,reference,when,default,if_empty,write,example,expected,note
externalId,,,mandant_nr; we_nr; geb_nr,,,,,,1; 1001; 01,1-1001-01,
name,bezeichnung; strasse,first,,,,,reject,,; Lindenweg,Lindenweg,
street,strasse; hausnummer,join,,,,,,,Lindenweg; 4,Lindenweg 4,
zip,plz,,,,,,,,,,
city,ort,,,,,,,,,,
constructionYear,baujahr,,,,,,,,,,
""",
}
