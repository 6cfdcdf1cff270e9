"""The outside thing, secrets: the environment, and files that hold one secret each.

A reference is resolved at the moment of use, so that a rotated secret is picked up without a
restart. A value is never kept, never shown, and never part of an error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from coleta.errors import AuthRefused
from coleta.stream import SecretRef

LONGEST_FILE_BYTES = 64 * 1024
"""More than any token or key; a longer file is surely not the one that was meant."""


class EnvironmentSecrets:
    """Resolves ``env:NAME`` from `environment` and ``file:PATH`` from the disk.

    A relative path counts from `folder`, the project's. Calling it gives the secret's value.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, *, folder: Path | None = None) -> None:
        """Read from `environment` (the process's own by default), at each call."""
        self._environment = os.environ if environment is None else environment
        self._folder = folder or Path()

    def __repr__(self) -> str:
        """Nothing of what it could read."""
        return "EnvironmentSecrets()"

    def __call__(self, secret: SecretRef) -> str:
        """The value that `secret` refers to, as it is now.

        A file's line end at the end is not part of it; editors add one.

        Raises:
            AuthRefused: it is missing, empty or cannot be read; the hint names the variable or file.

        """
        kind, _, name = secret.reference.partition(":")
        match kind:
            case "env" if name:
                return self._variable(name)
            case "file" if name:
                return self._file(name)
            case _:
                # Not shown: somebody may have written the secret itself where its reference belongs.
                raise AuthRefused("a secret's reference is neither env:NAME nor file:PATH", hint="write env:NAME")

    def _variable(self, name: str) -> str:
        value = self._environment.get(name)
        if not value:
            what = "is not set" if value is None else "is empty"
            raise AuthRefused(f"the environment variable {name} {what}", hint=f"set {name} before starting")
        return value

    def _file(self, name: str) -> str:
        path = self._folder / name
        hint = f"put the secret, and nothing else, into {name}"
        try:
            with path.open("rb") as file:
                content = file.read(LONGEST_FILE_BYTES + 1)
        except OSError as error:
            raise AuthRefused(f"the secret's file cannot be read: {error.strerror}", where=name, hint=hint) from None
        if len(content) > LONGEST_FILE_BYTES:
            raise AuthRefused("the secret's file is too long to hold one secret", where=name, hint=hint)
        try:
            value = content.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            # The error would show bytes of the secret, so it is not passed on.
            raise AuthRefused("the secret's file is not text in UTF-8", where=name, hint=hint) from None
        if not value:
            raise AuthRefused("the secret's file is empty", where=name, hint=hint)
        return value
