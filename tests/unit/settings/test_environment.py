"""Where secrets come from: the environment, and the file .env beside the project file."""

from pathlib import Path

import pytest

from coleta.errors import Misconfigured
from coleta.settings import load_environment


def test_without_a_file_the_environment_is_all_there_is(tmp_path: Path) -> None:
    assert load_environment(tmp_path, {"A": "1"}) == {"A": "1"}


def test_the_file_adds_to_the_environment_which_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\nB=file\n", encoding="utf-8")

    assert load_environment(tmp_path, {"A": "real", "C": "real"}) == {"A": "real", "B": "file", "C": "real"}


def test_values_may_be_quoted_exported_commented_or_empty(tmp_path: Path) -> None:
    text = "\ufeff# secrets\nexport A=plain\n\nB=\"two words\" # why\nC='$HOME'\nD=$HOME#x\nE=\nF=á=b\r\n"
    (tmp_path / ".env").write_text(text, encoding="utf-8")

    read = load_environment(tmp_path, {"HOME": "/home/ana"})

    expected = {"A": "plain", "B": "two words", "C": "$HOME", "D": "$HOME#x", "E": "", "F": "á=b"}
    assert read == {**expected, "HOME": "/home/ana"}


def test_lines_that_cannot_be_read_are_named_by_number_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('A=1\n\n\nTOKEN c0ffee\nB="c0ffee\nC=2\nD\n', encoding="utf-8")

    with pytest.raises(Misconfigured) as caught:
        load_environment(tmp_path, {})

    assert caught.value.what == "line 4, 5, 7: not of the form NAME=value"
    assert caught.value.where == str(tmp_path / ".env")
    assert "c0ffee" not in repr(vars(caught.value))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")

    with pytest.raises(Misconfigured, match="is not UTF-8 text"):
        load_environment(tmp_path, {})
