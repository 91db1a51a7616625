"""The demo portfolio: a size and a seed in, a source folder and its manifest out."""

from tools.portfolio.change import change
from tools.portfolio.write import Manifest, write

__all__ = ["Manifest", "change", "write"]
