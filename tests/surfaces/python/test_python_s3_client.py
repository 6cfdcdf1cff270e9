"""The tutorial's ``S3Client``, on a real S3."""

from __future__ import annotations

import logging
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from tests.s3.service import S3Service

from coleta import S3Client
from coleta.errors import AuthRefused, Misconfigured, StoreUnavailable

VARIABLES = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "canary-of-nobody",
    "S3_BUCKET_NAME": "lake",
}

Place = Callable[[str], str]


@pytest.fixture
def aws(s3: S3Service, tmp_path: Path) -> S3Client:
    return S3Client({**s3.environment(), "S3_BUCKET_NAME": "lake"}, folder=tmp_path)


@pytest.fixture
def key(s3: S3Service) -> Place:
    """Keys that nothing lies under yet."""
    prefix = s3.url().removeprefix("s3://lake/")
    return lambda name: f"{prefix}/{name}"


def test_what_is_uploaded_can_be_downloaded_and_a_second_upload_replaces_it(aws: S3Client, key: Place) -> None:
    aws.upload_file(BytesIO(b"first"), key("a.parquet"))
    done = aws.upload_file(b"second", key("a.parquet"))

    assert done["ETag"]
    assert aws.download_file(key("a.parquet"))["Body"].read() == b"second"


def test_a_buffer_is_uploaded_whole_wherever_it_was_read_to_and_a_file_from_there(
    aws: S3Client, key: Place, tmp_path: Path
) -> None:
    buffer = BytesIO(b"whole")
    buffer.read()
    (tmp_path / "file").write_bytes(b"0123456789")
    with (tmp_path / "file").open("rb") as file:
        file.read(4)
        aws.upload_file(file, key("file"))
    aws.upload_file(buffer, key("buffer"))

    assert aws.download_file(key("buffer"))["Body"].read() == b"whole"
    assert aws.download_file(key("file"))["Body"].read() == b"456789"


def test_a_listing_has_every_key_that_begins_so_and_nothing_else(aws: S3Client, key: Place) -> None:
    for name in ("api/b", "api/a", "api/ab/c", "apo"):
        aws.upload_file(name.encode(), key(name))

    keys = [one["Key"] for one in aws.list_object(key("api/a"))]
    (first, *_) = aws.list_object(key("api/"))

    assert keys == [key("api/a"), key("api/ab/c")]
    assert (first["Key"], first["Size"]) == (key("api/a"), 5)
    assert first["LastModified"].tzinfo is not None


def test_a_listing_goes_beyond_a_thousand(aws: S3Client, key: Place) -> None:
    for number in range(1_003):
        aws.upload_file(b"", key(f"many/{number:04d}"))

    assert [one["Key"] for one in aws.list_object(key("many/"))] == [key(f"many/{n:04d}") for n in range(1_003)]


def test_an_empty_listing_is_a_list(aws: S3Client, key: Place) -> None:
    assert aws.list_object(key("nothing")) == []


def test_what_is_not_there_is_an_error_with_its_name(aws: S3Client, key: Place) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing lies at .*absent of bucket 'lake'"):
        aws.download_file(key("absent"))


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "../a", "a/./b"])
def test_a_key_that_would_be_stored_under_another_name_is_refused(name: str, tmp_path: Path) -> None:
    client = S3Client(VARIABLES, folder=tmp_path)

    with pytest.raises(ValueError, match="not a plain key"):
        client.upload_file(b"x", name)
    with pytest.raises(ValueError, match="not a plain key"):
        client.download_file(name)


def test_a_key_may_hold_spaces_percent_signs_and_accents(aws: S3Client, key: Place) -> None:
    name = key("relatório de preços/50%20 off.txt")
    aws.upload_file(b"x", name)

    assert aws.download_file(name)["Body"].read() == b"x"
    assert [one["Key"] for one in aws.list_object(name)] == [name]


def test_a_wrong_key_is_an_error_and_not_a_line_on_the_screen(
    s3: S3Service, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    variables = {**s3.environment(), "S3_BUCKET_NAME": "lake", "AWS_SECRET_ACCESS_KEY": "canary-of-a-wrong-key"}
    client = S3Client(variables, folder=tmp_path)

    with pytest.raises(AuthRefused) as caught:
        client.upload_file(b"x", "x")

    assert "canary" not in f"{caught.value}{caught.value.hint}{client!r}"
    assert ("".join(capsys.readouterr()), caplog.text) == ("", "")


def test_a_store_that_cannot_be_reached_is_unavailable(tmp_path: Path) -> None:
    client = S3Client({**VARIABLES, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, folder=tmp_path)

    with pytest.raises(StoreUnavailable):
        client.list_object("")


@pytest.mark.parametrize("name", ["S3_BUCKET_NAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_missing_variable_is_named(name: str, tmp_path: Path) -> None:
    variables = {key: value for key, value in VARIABLES.items() if key != name}

    with pytest.raises(Misconfigured, match=name) as caught:
        S3Client(variables, folder=tmp_path)

    assert "canary" not in f"{caught.value}{caught.value.hint}"


def test_delta_is_asked_about_only_where_it_is_wanted(tmp_path: Path) -> None:
    client = S3Client(VARIABLES, folder=tmp_path)

    with pytest.raises(Misconfigured, match="DELTA_LAKE_S3_PATH"):
        _ = client.delta_lake_s3_path
    with_delta = S3Client({**VARIABLES, "DELTA_LAKE_S3_PATH": "s3://lake/delta"}, folder=tmp_path)
    assert with_delta.delta_lake_s3_path == "s3://lake/delta"


def test_the_region_is_the_tutorials_unless_one_is_named(tmp_path: Path) -> None:
    assert S3Client(VARIABLES, folder=tmp_path).region == "us-west-1"
    assert S3Client({**VARIABLES, "AWS_REGION": "sa-east-1"}, folder=tmp_path).region == "sa-east-1"


def test_variables_may_stand_in_a_file_and_the_environment_wins(tmp_path: Path) -> None:
    lines = [*(f"{name}={value}" for name, value in VARIABLES.items()), "AWS_REGION=sa-east-1"]
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")

    client = S3Client({"S3_BUCKET_NAME": "other"}, folder=tmp_path)

    assert (client.bucket_name, client.region, client.url) == ("other", "sa-east-1", "s3://other")


def test_without_keys_the_default_chain_is_asked(tmp_path: Path, s3: S3Service) -> None:
    variables = s3.environment()
    shared = tmp_path / "credentials"
    shared.write_text(
        f"[default]\naws_access_key_id = {variables['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {variables['AWS_SECRET_ACCESS_KEY']}\n",
        encoding="utf-8",
    )
    client = S3Client(
        {
            "S3_BUCKET_NAME": "lake",
            "AWS_ENDPOINT_URL": s3.endpoint,
            "AWS_SHARED_CREDENTIALS_FILE": str(shared),
        },
        folder=tmp_path,
    )

    client.upload_file(b"by the profile", s3.url().removeprefix("s3://lake/"))


def test_nothing_secret_is_in_what_it_shows_of_itself(tmp_path: Path) -> None:
    assert "canary" not in repr(S3Client(VARIABLES, folder=tmp_path))
