"""A private SSH key, read from its text. What is wrong with it is told without a word of it."""

from __future__ import annotations

from typing import Any

from coleta.adapters.server_store import Refused


def private_key_of(text: str) -> Any:  # noqa: ANN401  # asyncssh's own kind
    """The key that `text` is.

    Raises:
        Refused: it is none, or has a passphrase.

    """
    import asyncssh

    try:
        return asyncssh.import_private_key(text)
    except asyncssh.KeyImportError:
        # Not with its words: they may quote the key.
        hint = "the whole file that ssh-keygen made, without a passphrase"
        raise Refused("private_key is no private key", hint=hint, credentials=True) from None
