"""Which kind of bucket a URL asks for: ``s3://``, ``az://``, ``abfss://`` or ``gs://``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from coleta.adapters.cloud_bucket import CloudBucket, Environment
from coleta.stream import Store

SCHEMES = ("s3", "az", "abfss", "gs")
"""The schemes of URLs that name a bucket."""


def bucket_of(store: Store, *, environment: Environment, folder: Path) -> tuple[CloudBucket, str]:
    """The bucket that the URL of `store` names, and what all its objects' keys begin with.

    Raises:
        Misconfigured: it cannot be reached as the settings say.

    """
    scheme, _, rest = store.url.partition("://")
    name, _, prefix = rest.partition("/")
    beginning = f"{prefix}/" if prefix else ""
    bucket: CloudBucket
    match scheme:
        case "az" | "abfss":
            from coleta.adapters.azure_container import AzureContainer

            bucket = AzureContainer(store, name, environment=environment, folder=folder)
        case "gs":
            from coleta.adapters.google_bucket import GoogleBucket

            bucket = GoogleBucket(store, name, environment=environment, folder=folder)
        case _:
            from coleta.adapters.s3_bucket import Bucket

            bucket = Bucket(store, name, environment=environment, folder=folder)
    return bucket, beginning


def endpoint_of(store: Store, variables: Mapping[str, str]) -> str | None:
    """Where the service of `store` is, so far as its URL does not say so; None where it is the cloud itself.

    Raises:
        Misconfigured: it depends on an account that nobody names.

    """
    match store.url.partition("://")[0]:
        case "az" | "abfss":
            from coleta.adapters.azure_container import endpoint_of as of_azure

            return of_azure(store, variables)
        case "gs":
            return store.endpoint
        case "s3":
            from coleta.adapters.s3_bucket import endpoint_of as of_s3

            return of_s3(store, variables)
    return None
