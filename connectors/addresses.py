"""Where a partner is reached: a connector file and an activation in, addresses out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.model import Connector
from connectors.templates import render, variables_of

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
_SETTING = "settings."
_TEST = "test"


@dataclass(frozen=True)
class Addresses:
    """
    The base URL, and the addresses of further hosts by name; no slash at the end.

    With `private` they may be in a private network, as simulators are.
    """

    base_url: str
    hosts: Mapping[str, str] = field(default_factory=dict)
    private: bool = False

    def of(self, host: str | None) -> str:
        """Return the address that the paths of a request go on."""
        return self.base_url if host is None else self.hosts[host]


def addresses(
    connector: Connector,
    environment: str | None,
    settings: Mapping[str, Any],
    override: str | None,
) -> Addresses:
    """
    Return the addresses of an environment; `override` stands for all of them.

    Those of the environment `test`, or of none, may be in a private network.
    Raises ValueError if the environment is unknown, or if a setting that stands in an
    address is more than one label of a host name: it could lead somewhere else.
    """
    private = environment in (None, _TEST)
    if override is not None:
        base_url = override.rstrip("/")
        hosts = dict.fromkeys(connector.hosts, base_url)
        return Addresses(base_url, hosts, private)
    if environment is None or environment not in connector.base_url:
        known = ", ".join(connector.base_url)
        raise ValueError(f"there is no environment '{environment}', only {known}")
    return Addresses(
        _filled_in(connector.base_url[environment], settings),
        {name: _filled_in(url, settings) for name, url in connector.hosts.items()},
        private,
    )


def _filled_in(url: str, settings: Mapping[str, Any]) -> str:
    for name in sorted(variables_of(url)):
        setting = name.removeprefix(_SETTING)
        value = settings.get(setting)
        if value is None:
            raise ValueError(f"the setting '{setting}' of the address has no value")
        if not isinstance(value, str | int) or not _LABEL.fullmatch(str(value)):
            raise ValueError(
                f"the setting '{setting}' stands in an address, so it holds letters, "
                f"digits and inner hyphens only, not '{value}'"
            )
    return str(render(url, {"settings": settings})).rstrip("/")
