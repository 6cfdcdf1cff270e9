"""Stage 3: what a redrive changes in the books of a tick. Pure.

Its tick keeps the outcome and the object that it has; of its records some more have landed, and some fewer are in
the quarantine. Put together, received = landed + quarantined + deduplicated holds again, and nothing counts twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from coleta.land.commit import Committed
from coleta.land.record import Account


def accounts_now(commits: Iterable[Committed]) -> Iterator[tuple[Committed, Account]]:
    """Each account of `commits`, with what redrives have changed in it since, and the commit that it stands in."""
    known = list(commits)
    changes: dict[str, list[Account]] = {}
    for committed in known:
        if committed.record.kind == "redrive":
            for account in committed.record.accounts:
                changes.setdefault(account.answer or "", []).append(account)
    for committed in known:
        if committed.record.kind == "redrive":
            continue
        for account in committed.record.accounts:
            for change in changes.get(account.answer or "", ()) if account.answer else ():
                account = redriven(account, change)
            yield committed, account


def redriven(account: Account, change: Account) -> Account:
    """`account` after the redrive `change`. An answer that was no data had no records until then."""
    was_no_data = not account.quarantined
    return replace(
        account,
        received=account.received + (change.received if was_no_data else 0),
        landed=account.landed + change.landed,
        quarantined=change.quarantined if was_no_data else account.quarantined - change.received + change.quarantined,
        deduplicated=account.deduplicated + change.deduplicated,
        nulled=account.nulled + change.nulled,
    )
