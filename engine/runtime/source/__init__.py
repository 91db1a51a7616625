"""The source side of a run: a folder of the ERP's files in, records out."""

from engine.runtime.source.declaration import SourceDeclaration
from engine.runtime.source.folder import FolderSource
from engine.runtime.source.records import Row

__all__ = ["FolderSource", "Row", "SourceDeclaration"]
