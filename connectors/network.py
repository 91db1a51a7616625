"""Keep calls out of our own network: a request in, an error if it leads there.

The address that a connection was really made to is looked at before anything is sent
over it, so it does not matter what a name resolves to at any other time.
"""

import ipaddress
import socket
from collections.abc import Mapping
from typing import Any

import httpx

from connectors.errors import private_address_error

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Guard:
    """
    Watches the connections of one request, as httpcore's extension `trace`.

    Raises SpecError for a host in a private network, here or on a connection.
    """

    def __init__(self, partner: str, url: httpx.URL) -> None:
        self._partner = partner
        self._host = url.raw_host.decode("ascii")
        self._connects_to = ""
        if not is_public(self._host, unknown=True):
            raise private_address_error(partner, self._host)

    def __call__(self, event: str, details: Mapping[str, Any]) -> None:
        """Refuse a connection to a private address before anything is sent."""
        if event == "connection.connect_tcp.started":
            self._connects_to = str(details["host"])
        elif event == "connection.connect_tcp.complete":
            stream = details["return_value"]
            if self._connects_to != self._host:
                return  # the proxy of our environment, which has rules of its own
            peer = stream.get_extra_info("server_addr")
            if not is_public(str(peer[0])):
                stream.close()
                raise private_address_error(self._partner, self._host)


def is_public(host: str, *, unknown: bool = False) -> bool:
    """
    Say whether an address is one of the internet; of a name `unknown` is said.

    Numbers are read as the system reads them: 127.1, 0x7f000001, 017700000001.

    >>> is_public("10.0.0.7"), is_public("::ffff:10.0.0.7"), is_public("1.1.1.1")
    (False, False, True)
    """
    host = host.strip("[]").rstrip(".").partition("%")[0]
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(host))
        except (OSError, ValueError):
            return unknown
    if isinstance(address, ipaddress.IPv6Address):
        address = _inner(address)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(
    address: ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, or itself."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return (
        address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
    )
