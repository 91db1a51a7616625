"""The files that a spec is made of: an activation in, their paths or texts out."""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import orjson

from engine.runtime.activation import Activation
from engine.runtime.deployed import KeptSpec
from engine.tables import decoded

_READ = frozenset({".csv", ".json", ".yaml"})
"""Endings of the files that a spec is read from; spreadsheets leave others beside."""


def spec_paths(activation: Activation) -> Iterator[Path]:
    """Yield what says what an activation sends: files, and the folders of some."""
    folders, partner = activation.folders, activation.file.partner
    yield folders.connector(partner)
    mappings = folders.mappings(partner) / activation.file.use_case
    for folder in (mappings, folders.schemas(partner), folders.standard):
        yield from folder.rglob("*")


def spec_of(activation: Activation) -> KeptSpec:
    """Read what stands in a spec's files now, and on the partner's page."""
    file, folders = activation.file, activation.folders
    paths = [folders.mappings(file.partner) / "partner.yaml", *spec_paths(activation)]
    texts = {
        folders.name(path): decoded(path.read_bytes(), path.name)[0]
        for path in paths
        if path.suffix in _READ and path.is_file()
    }
    content = orjson.dumps(texts, option=orjson.OPT_SORT_KEYS)
    digest = blake2b(content, digest_size=16).hexdigest()
    version = activation.use_case.work.version
    return KeptSpec(digest, file.partner, file.use_case, version, content)
