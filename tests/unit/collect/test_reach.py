"""Which addresses may be asked (FAULTS.md I 85)."""

from __future__ import annotations

import pytest

from coleta.collect.reach import refusal

OUTSIDE = "api.example.com"


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
@pytest.mark.parametrize("host", [OUTSIDE, "localhost", "api", "8.8.8.8"])
def test_a_public_address_may_be_asked_by_any_name(host: str, address: str) -> None:
    assert refusal(host, address) is None


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.0.1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200", "168.63.129.16",
    ],
)  # fmt: skip
def test_link_local_and_metadata_addresses_are_refused_to_every_host_and_even_where_the_url_names_them(
    address: str,
) -> None:
    for host in (OUTSIDE, "localhost", "api", "metadata.google.internal", address, f"[{address}]"):
        assert "link-local" in (refusal(host, address) or "")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "10.1.2.3", "172.16.0.1", "192.168.1.7",
        "::ffff:10.1.2.3", "64:ff9b::a01:203", "100.64.0.1", "fd12::1", "198.18.0.1",
    ],
)  # fmt: skip
def test_a_name_of_the_outside_may_not_lead_inside(address: str) -> None:
    for host in (OUTSIDE, "local.example.com", "notlocal", "internal.com", "127.0.0.1.nip.io"):
        assert (refusal(host, address) is None) is ("." not in host)
    assert refusal("api.example.com.", address) is not None


@pytest.mark.parametrize("host", ["api", "db.local", "x.internal", "y.corp.", "Z.LAN", "router.home.arpa"])
@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "fd12::1"])
def test_a_name_that_nobody_outside_can_own_may_lead_inside(host: str, address: str) -> None:
    assert refusal(host, address) is None


def test_localhost_is_this_machine_and_no_other() -> None:
    assert refusal("localhost", "127.0.0.1") is None
    assert refusal("api.localhost", "::1") is None
    assert refusal("localhost", "10.1.2.3") is not None


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "fd12::1"])
def test_an_address_in_the_url_is_itself(address: str) -> None:
    assert refusal(address, address) is None
    assert refusal(f"[{address}]", address) is None


@pytest.mark.parametrize(
    ("network", "address", "may"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", True),
        ("10.0.0.0/8", "192.168.1.7", False),
        ("10.0.0.0/8", "169.254.169.254", False),
        ("169.254.169.254", "169.254.169.254", True),
        ("fd00:ec2::254/128", "fd00:ec2::254", True),
        ("0.0.0.0/0", "fd12::1", False),
    ],
)
def test_what_is_allowed_by_hand_may_be_asked_and_nothing_else(network: str, address: str, *, may: bool) -> None:
    assert (refusal(OUTSIDE, address, (network,)) is None) is may


def test_what_is_no_address_is_refused() -> None:
    assert refusal(OUTSIDE, "/var/run/socket") == "no IP address"
