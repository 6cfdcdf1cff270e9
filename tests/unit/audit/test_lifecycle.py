"""Rules of a bucket that would take objects of a log: those are told, and no others."""

from __future__ import annotations

import pytest

from coleta.audit.lifecycle import harmful_rules
from coleta.errors import Corrupt

AWS = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
DELETES = "<Expiration><Days>30</Days></Expiration>"


def rules(*written: str, namespace: str = "") -> bytes:
    return f"<LifecycleConfiguration{namespace}>{''.join(written)}</LifecycleConfiguration>".encode()


def rule(action: str, *, where: str = "<Filter><Prefix>lake/</Prefix></Filter>", status: str = "Enabled") -> str:
    return f"<Rule><ID>tidy</ID><Status>{status}</Status>{where}{action}</Rule>"


def told(*written: str, beginning: str = "lake/compras/", namespace: str = "") -> list[str]:
    return [str(one) for one in harmful_rules(rules(*written, namespace=namespace)) if one.reaches(beginning)]


@pytest.mark.parametrize("namespace", ["", AWS])
@pytest.mark.parametrize(
    ("action", "does"),
    [
        (DELETES, "deletes"),
        ("<Expiration><Date>2027-01-01T00:00:00Z</Date></Expiration>", "deletes"),
        ("<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>", "moves to GLACIER"),
    ],
)
def test_a_rule_that_deletes_or_makes_unreadable_is_told_with_its_name(action: str, does: str, namespace: str) -> None:
    assert told(rule(action), namespace=namespace) == [f"the rule 'tidy' {does} what begins with 'lake/'"]


@pytest.mark.parametrize(
    "harmless",
    [
        rule(DELETES, status="Disabled"),
        rule("<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"),
        rule("<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>"),
        rule("<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation>"
             "</AbortIncompleteMultipartUpload>"),
        rule("<Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>"),
        rule(DELETES, where="<Filter><And><Prefix></Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And></Filter>"),
        rule(DELETES, where="<Filter><Prefix>lake/vendas/</Prefix></Filter>"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_reach_the_log_or_takes_nothing_is_not_told(harmless: str) -> None:
    assert told(harmless) == []


@pytest.mark.parametrize(
    "where",
    [
        "",
        "<Filter></Filter>",
        "<Prefix>lake/comp</Prefix>",
        "<Filter><Prefix>lake/compras/_archive/</Prefix></Filter>",
        "<Filter><And><Prefix>lake/</Prefix><ObjectSizeGreaterThan>9</ObjectSizeGreaterThan></And></Filter>",
    ],
)
def test_a_rule_for_all_or_for_a_part_of_the_log_is_told(where: str) -> None:
    assert len(told(rule(DELETES, where=where))) == 1


def test_what_is_no_configuration_is_an_error() -> None:
    with pytest.raises(Corrupt, match="lifecycle"):
        harmful_rules(b"<html>")
