"""The traps: a format in, planted records and what must come of them out."""

from collections.abc import Callable

from tools.portfolio.site import Site
from tools.portfolio.traps_contracts import CONTRACT_TRAPS
from tools.portfolio.traps_persons import PERSON_TRAPS
from tools.portfolio.traps_stock import STOCK_TRAPS

TRAPS: tuple[Callable[[Site], None], ...] = (
    *STOCK_TRAPS,
    *PERSON_TRAPS,
    *CONTRACT_TRAPS,
)


def planted(form: str) -> Site:
    """Return the planted rows of all traps that a format can hold."""
    site = Site(form)
    for plant in TRAPS:
        plant(site)
    return site
