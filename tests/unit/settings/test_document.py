"""On which line each key of a TOML text stands."""

from coleta.settings.document import key_lines


def test_keys_are_found_under_their_tables() -> None:
    text = """\
# a comment = 1
version = 1

[store.lake]
url = "x"
[ stream . "a b" ]  # why
 land.every = "5m"
'single' = 1
"""
    lines = key_lines(text)

    assert lines[("version",)] == 2
    assert lines[("store",)] == lines[("store", "lake")] == 4
    assert lines[("store", "lake", "url")] == 5
    assert lines[("stream", "a b")] == 6
    assert lines[("stream", "a b", "land", "every")] == lines[("stream", "a b", "land")] == 7
    assert lines[("stream", "a b", "single")] == 8


def test_what_only_looks_like_a_key_inside_a_long_text_is_not_found() -> None:
    lines = key_lines('a = """\nb = 1\n[c]\n"""\nd = 2\ne = """one line"""\nf = 3\n')

    assert lines == {("a",): 1, ("d",): 5, ("e",): 6, ("f",): 7}


def test_the_first_of_a_tables_lines_counts() -> None:
    assert key_lines("[store.a]\nx = 1\n[store.b]\n")[("store",)] == 1
