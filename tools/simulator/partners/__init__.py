"""The partners that do something in their own way; the others need no entry."""

from collections.abc import Mapping

from tools.simulator.partners.aktivbo import AktivBo
from tools.simulator.partners.casavi import Casavi
from tools.simulator.partners.dormakaba import Dormakaba
from tools.simulator.partners.facilioo import Facilioo
from tools.simulator.partners.idwell import Idwell
from tools.simulator.partners.kiwi import Kiwi
from tools.simulator.partners.pricehubble import Pricehubble
from tools.simulator.partners.quis import Quis
from tools.simulator.partners.wohnungshelden import Wohnungshelden
from tools.simulator.special import Special

SPECIALS: Mapping[str, type[Special]] = {
    "aktivbo": AktivBo,
    "casavi": Casavi,
    "dormakaba": Dormakaba,
    "facilioo": Facilioo,
    "idwell": Idwell,
    "kiwi": Kiwi,
    "pricehubble": Pricehubble,
    "quis": Quis,
    "wohnungshelden": Wohnungshelden,
}
