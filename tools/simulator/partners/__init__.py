"""The partners that do something in their own way; the others need no entry."""

from collections.abc import Mapping

from tools.simulator.partners.facilioo import Facilioo
from tools.simulator.special import Special

SPECIALS: Mapping[str, type[Special]] = {
    "facilioo": Facilioo,
}
