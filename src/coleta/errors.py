"""Every error that Coleta raises on purpose, grouped by what the caller does about it.

Imports nothing. Bad records are data, not errors: they end in the quarantine with a reason.
Anything that escapes and is not a ``ColetaError`` is a bug (exit status 1).

    ColetaError
    ├── Misconfigured     a person must edit a file                    78
    │   ├── LogMoved      the log goes on at another place             78
    │   └── AuthRefused   a credential is missing or was refused       77
    ├── Retryable         try again later, nothing is lost             75
    │   ├── Busy          another process holds the lock               75
    │   ├── WrongClock    this machine's clock cannot be right         75
    │   ├── SourceUnavailable  the API cannot be reached               69
    │   └── StoreUnavailable   the object store cannot be reached      69
    ├── Doubtful          it may have happened: read back, then decide
    ├── SpoolRefused      the disk did not take it: it is not accepted 74
    ├── Corrupt           bytes that we wrote ourselves are wrong      76
    ├── OverBudget        too many records broke the contract          65
    └── WrongQuestion     what was asked has no answer: ask otherwise   2
"""

from __future__ import annotations

from typing import ClassVar


class ColetaError(Exception):
    """Base of every error raised on purpose.

    ``code`` is stable and append-only: users' scripts match on it. ``hint`` is what to try next.
    ``exit_status`` follows sysexits.h.
    """

    code: ClassVar[str] = "coleta"
    exit_status: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        """Say what happened, where (a file, a key, an object's name), and what to try next."""
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """One line: where, then what."""
        return f"{self.where}: {self.what}" if self.where else self.what


class Misconfigured(ColetaError):
    """A person must edit a file; trying again changes nothing."""

    code = "misconfigured"
    exit_status = 78


class LogMoved(Misconfigured):
    """The log ends where it was looked for, and goes on at another place: the project file must name that."""

    code = "log_moved"


class AuthRefused(Misconfigured):
    """A credential is missing, or the other side refused it."""

    code = "auth_refused"
    exit_status = 77


class Retryable(ColetaError):
    """Trying again later may work; what was accepted is safe."""

    code = "retryable"
    exit_status = 75


class Busy(Retryable):
    """Another process holds what this one needs."""

    code = "busy"


class WrongClock(Retryable):
    """This machine's clock and the store's are too far apart to say which ticks have come."""

    code = "wrong_clock"


class SourceUnavailable(Retryable):
    """The API could not be reached, or gave no usable answer."""

    code = "source_unavailable"
    exit_status = 69


class StoreUnavailable(Retryable):
    """The object store could not be reached; nothing was changed by this call."""

    code = "store_unavailable"
    exit_status = 69


class Doubtful(ColetaError):
    """The store may or may not have done it. The one cure: read that name, then decide."""

    code = "doubtful"
    exit_status = 75


class SpoolRefused(ColetaError):
    """The spool's disk did not take the bytes, so the answer is not accepted."""

    code = "spool_refused"
    exit_status = 74


class Corrupt(ColetaError):
    """Bytes that Coleta wrote itself are wrong, or a rule of the log is broken: stop and say where."""

    code = "corrupt"
    exit_status = 76


class OverBudget(ColetaError):
    """More records broke the contract than the stream's budget allows. They are in the quarantine."""

    code = "over_budget"
    exit_status = 65


class WrongQuestion(ColetaError):
    """What was asked has no answer: SQL that is none, a column that there is not. Ask otherwise."""

    code = "wrong_question"
    exit_status = 2
