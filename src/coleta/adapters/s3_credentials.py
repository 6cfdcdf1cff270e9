"""The outside thing, credentials for S3: from the project file, the environment or a shared profile.

What changes outside is seen by the next call, so rotated keys need no restart. A value is never
kept here, never shown, and never part of an error.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coleta.adapters.cloud_bucket import Environment
from coleta.adapters.secrets import EnvironmentSecrets
from coleta.errors import AuthRefused, Misconfigured
from coleta.stream import SecretRef, Store

FROM_ELSEWHERE = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                  "AWS_CONTAINER_CREDENTIALS_FULL_URI")  # fmt: skip
"""Where one of these is set, a service hands out credentials, and obstore asks it."""

_PAIR = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True, slots=True)
class Keys:
    """A pair of keys, and the token that goes with them if they are a session's."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False, default=None)


def find_keys(store: Store, environment: Environment, folder: Path) -> Keys | None:
    """The keys for `store`, or None where a service hands them out (web identity, ECS, EKS, EC2).

    In this order: the project file's references; ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY`` and
    ``AWS_SESSION_TOKEN``; the keys of ``AWS_PROFILE`` in the shared credentials file. A profile that
    logs in (SSO), assumes a role or runs a command is not followed.

    Raises:
        AuthRefused: a reference leads nowhere, or one key of a pair is missing.
        Misconfigured: the named profile has no keys, or the file cannot be read.

    """
    variables = environment()
    if store.access_key is not None and store.secret_key is not None:
        secrets = EnvironmentSecrets(variables, folder=folder)
        return Keys(secrets(store.access_key), secrets(store.secret_key), _optional(secrets, store.session_token))
    missing = [name for name in _PAIR if not variables.get(name)]
    if len(missing) == 1:
        raise AuthRefused(f"{missing[0]} is not set, though the other of the pair is", hint=f"set {missing[0]}")
    if not missing:
        token = variables.get("AWS_SESSION_TOKEN") or None
        return Keys(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"], token)
    if any(variables.get(name) for name in FROM_ELSEWHERE):
        return None
    return _of_profile(variables)


def _optional(secrets: EnvironmentSecrets, reference: SecretRef | None) -> str | None:
    return None if reference is None else secrets(reference)


def _of_profile(variables: Mapping[str, str]) -> Keys | None:
    chosen = variables.get("AWS_PROFILE")
    written = variables.get("AWS_SHARED_CREDENTIALS_FILE")
    home = variables.get("HOME")
    if written is None and home is None:
        return None
    file = Path(written) if written is not None else Path(home or "", ".aws", "credentials")
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        # Not with the parser's words: they quote the line, which may hold a key.
        if chosen is None:
            return None
        raise _unusable(chosen, file) from None
    profile = parser[chosen or "default"] if parser.has_section(chosen or "default") else {}
    access_key, secret_key = profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")
    if access_key and secret_key:
        return Keys(access_key, secret_key, profile.get("aws_session_token"))
    if chosen is None:
        return None
    raise _unusable(chosen, file)


def _unusable(profile: str, file: Path) -> Misconfigured:
    return Misconfigured(
        f"AWS_PROFILE is {profile!r}, and no keys of that profile can be read",
        where=str(file),
        hint=f"for a profile that logs in: aws configure export-credentials --profile {profile} --format env",
    )
