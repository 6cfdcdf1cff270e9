"""Stage 1, step 3: may this address be asked? Pure: a host's name and the address that it leads to go in.

An API's owner decides where its name leads, and may let it lead into the network that Coleta runs in: to the
machine's own services, or to a cloud's metadata, which hands out credentials. So the address itself is
judged, the one that is then connected to, and not what the name led to at another time.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

NEVER = tuple(
    map(
        ip_network,
        (
            "169.254.0.0/16",  # link-local; 169.254.169.254 is the metadata of AWS, Azure, Google and others
            "fe80::/10",  # link-local
            "fd00:ec2::254/128",  # AWS, over IPv6
            "fd20:ce::254/128",  # Google, over IPv6
            "100.100.100.200/32",  # Alibaba
            "168.63.129.16/32",  # Azure's host
            "192.0.0.192/32",  # Oracle
        ),
    )
)
"""What no name may lead to, and no URL name, unless it is allowed by hand: most of it answers with credentials."""

LOCAL_ENDINGS = ("local", "localdomain", "internal", "intranet", "private", "lan", "home", "corp", "home.arpa")
"""Names that nobody outside can own, so that their owner is who runs the network (RFC 6762, RFC 8375, ICANN)."""

_NAT64 = ip_network("64:ff9b::/96")


def refusal(host: str, address: str, allowed: Sequence[str] = ()) -> str | None:
    """Why `address`, which `host` of the project file leads to, may not be asked; None: it may.

    `allowed` are networks, such as ``10.0.0.0/8``, whose every address may.
    """
    found = _parsed(address)
    if found is None:
        return "no IP address"
    real = _real(found)
    if any(one in ip_network(network) for network in allowed for one in (found, real)):
        return None
    if any(one in network for network in NEVER for one in (found, real)):
        return "a link-local address, or one of a cloud's metadata"
    if real.is_global:
        return None
    if _is_local(host, loopback=real.is_loopback):
        return None
    return "an address of this machine" if real.is_loopback else "a private address"


def is_address(host: str) -> bool:
    """Whether `host` is an address itself, and no name."""
    return _parsed(host) is not None


def _is_local(host: str, *, loopback: bool) -> bool:
    """Whether `host` is itself an address, or a name, that means this machine or this network."""
    if is_address(host):
        return True
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return loopback
    return "." not in name or any(name.endswith(f".{ending}") for ending in LOCAL_ENDINGS)


def _parsed(text: str) -> Address | None:
    try:
        # Without the zone that a link-local address may have.
        return ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _real(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address
