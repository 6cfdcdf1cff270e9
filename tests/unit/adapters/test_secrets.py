from __future__ import annotations

from pathlib import Path

import pytest

from coleta.adapters.secrets import EnvironmentSecrets
from coleta.errors import AuthRefused
from coleta.stream import SecretRef


def test_a_variable_is_read_late_so_that_a_new_value_counts() -> None:
    environment = {"TOKEN": "old"}
    secrets = EnvironmentSecrets(environment)
    environment["TOKEN"] = "new"

    assert secrets(SecretRef("env:TOKEN")) == "new"


def test_a_file_is_read_late_and_without_the_line_end_that_editors_add(tmp_path: Path) -> None:
    secrets = EnvironmentSecrets({}, folder=tmp_path)
    (tmp_path / "token").write_text("senha ç\n", encoding="utf-8")

    assert secrets(SecretRef("file:token")) == "senha ç"
    assert secrets(SecretRef(f"file:{tmp_path / 'token'}")) == "senha ç"


@pytest.mark.parametrize("environment", [{}, {"TOKEN": ""}])
def test_a_variable_that_is_missing_or_empty_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(AuthRefused, match="TOKEN") as refused:
        EnvironmentSecrets(environment)(SecretRef("env:TOKEN"))

    assert "TOKEN" in str(refused.value.hint)
    assert refused.value.exit_status == 77


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfecanary", b"canary" * 100_000])
def test_a_file_that_holds_no_usable_secret_is_refused_without_showing_it(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(content)

    with pytest.raises(AuthRefused) as refused:
        EnvironmentSecrets({}, folder=tmp_path)(SecretRef("file:token"))

    shown = f"{refused.value} {refused.value.hint} {refused.value.__cause__}"
    assert "token" in shown
    assert "canary" not in shown


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(AuthRefused, match="token"):
        EnvironmentSecrets({}, folder=tmp_path)(SecretRef("file:token"))


@pytest.mark.parametrize("reference", ["canary", "canary:x", "env:", "file:", ""])
def test_a_reference_of_another_kind_is_refused_without_showing_it(reference: str) -> None:
    with pytest.raises(AuthRefused) as refused:
        EnvironmentSecrets({"": "x"})(SecretRef(reference))

    assert "canary" not in f"{refused.value} {refused.value.hint}"


def test_its_repr_shows_no_value() -> None:
    assert "canary" not in repr(EnvironmentSecrets({"TOKEN": "canary"}))
