# ruff: noqa: E501 - a change is shown as it stands in the code
"""Breakages of the protocol, each of which the simulation must find: a harness counts only if these die.

A mutant is the production code with one place changed. It runs in a process of its own, on a copy.

    python tests/simulation/mutants.py            all of them, as a table
    python tests/simulation/mutants.py NAME ...   some of them
    python tests/simulation/mutants.py --slow     those that are too slow for `make test`
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"

Hunt = tuple[str, ...]
"""The words for the simulator, or for pytest: a test that tells one course of events, where chance rarely hits it."""

WORLDS: tuple[Hunt, ...] = (
    ("--seeds", "60"),
    ("--every-fault", "--one-in", "7"),
    ("--seed", "60", "--seeds", "1500"),
    ("--every-fault",),
)
"""How a mutant is hunted, cheapest first; it is killed by the first hunt that finds a broken world."""

DISKS: tuple[Hunt, ...] = (("--power-loss", "--one-in", "12"), ("--power-loss",))
"""How a mutant of what a disk keeps is hunted."""


def told(path: str, words: str) -> tuple[Hunt, ...]:
    """The hunt by the tests in `path` whose names hold `words`."""
    return (("pytest", path, words),)


TABLES: tuple[Hunt, ...] = (
    ("--only", "table", "--seeds", "60"),
    ("--only", "table", "--seed", "60", "--seeds", "2000"),
)
"""How a mutant of publishing is hunted."""

CONDITIONAL: tuple[Hunt, ...] = (
    ("--only", "conditional", "--seeds", "60"),
    ("--only", "conditional", "--seeds", "900"),
)
"""How a mutant of asking only for what is new is hunted."""

MOVES = (*told("tests/simulation/test_moves.py", "quiet"), *told("tests/simulation/test_moves.py", ""))
"""How a mutant of a move is hunted."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: in `file`, `old` (which stands there exactly once) becomes `new`."""

    name: str
    file: str
    old: str
    new: str
    hunts: tuple[Hunt, ...] = WORLDS


MUTANTS = (
    Mutant(
        "exists_is_mine",
        "runtime/putting.py",
        "if isinstance(store.create(name, body, sha256=sha256), Created):\n                return Committed",
        "if store.create(name, body, sha256=sha256):\n                return Committed",
    ),
    Mutant(
        "doubt_is_success",
        "runtime/putting.py",
        "            pass  # a lost response makes our own success look like a conflict: only the name tells",
        "            return Committed(name, record, record_digest(encode_record(record)))",
    ),
    Mutant(
        "anothers_is_mine",
        "runtime/lander.py",
        "if committed.record.nonce != composed.record.nonce:",
        "if committed.record.seq != composed.record.seq:",
    ),
    Mutant(
        "released_before_commit",
        "runtime/lander.py",
        "        _put_notes(station, batch, composed.quarantine, memory.terms)\n",
        "        _put_notes(station, batch, composed.quarantine, memory.terms)\n"
        "        station.spool.release([member.entry for member in batch.members])\n",
    ),
    Mutant(
        "never_released_by_id",
        "land/commit.py",
        "        elif entry.trailer.answer in landed:\n            let_go.append(entry)\n",
        "",
    ),
    Mutant(
        "gap_replaces_answer",
        "land/commit.py",
        "OpenGap(gap, settled.uncovered(gap.tick)) for gap in gaps",
        "OpenGap(gap, (gap.tick,)) for gap in gaps",
    ),
    Mutant(
        "coverage_not_checked",
        "land/commit.py",
        "        elif _is_superseded(entry, head, links):\n            superseded.append(entry)\n",
        "",
    ),
    Mutant(
        "start_not_cut_to_what_is_open",
        "land/commit.py",
        "() if tick.empty else head.answered.uncovered(tick)",
        "(tick,)",
    ),
    Mutant(
        "superseded_not_kept",
        "runtime/lander.py",
        "    put_note(station.store, name, whole)\n",
        "",
    ),
    Mutant(
        "superseded_released_first",
        "runtime/lander.py",
        "    put_note(station.store, name, whole)\n    station.spool.release([entry])\n",
        "    station.spool.release([entry])\n    put_note(station.store, name, whole)\n",
    ),
    Mutant(
        "quarantine_after_commit",
        "runtime/lander.py",
        "    for one in quarantine:\n        put_note(station.store, one.file.path, one.body)\n",
        "",
    ),
    Mutant(
        "note_not_read_back",
        "runtime/putting.py",
        "        if store.size(name) is not None:\n            return\n",
        "        return\n",
    ),
    Mutant(
        "no_turns",
        "runtime/lander.py",
        "        if plea is not None or folder_date(head.next) != batch.day:\n",
        "        if plea is not None:\n",
    ),
    Mutant(
        "log_not_followed",
        "runtime/log.py",
        "    if not head.seq and store.size(rollup_name(rolled)) is not None:\n",
        "    if head.seq:\n        return head\n    if store.size(rollup_name(rolled)) is not None:\n",
    ),
    Mutant(
        "gap_beats_answer",
        "land/commit.py",
        "    if not head.answered.overlaps(tick):\n        return False\n    whole = head.answered.covers(tick)\n",
        "    if not head.settled.overlaps(tick):\n        return False\n    whole = head.settled.covers(tick)\n",
    ),
    Mutant(
        "turn_to_the_same_folder",
        "land/compose.py",
        "record = _record(first, head, author, next_name=object_name(batch.day, head.seq + 2))\n"
        '        return replace(record, kind="turn"',
        'record = _record(first, head, author, next_name=head.next.replace(f"{head.seq + 1:09d}", f"{head.seq + 2:09d}"))\n'
        '        return replace(record, kind="turn"',
    ),
    Mutant(
        "answer_named_by_its_body",
        "collect/carry.py",
        'parts = (parent or "", format_instant(tick.start), format_instant(tick.end), response_digest)',
        'parts = ("", "", "", response_digest)',
    ),
    Mutant(
        "missed_ticks_not_written_down",
        "runtime/collector.py",
        "missed = [Gap(tick, MISSED, MISSED_DETAIL) for tick in plan.missed]",
        "missed = []",
    ),
    Mutant(
        "spooled_ticks_asked_again",
        "runtime/due.py",
        "    return head.settled.union(interval for entry in contents.waiting for interval in entry.intervals)\n",
        "    return head.settled\n",
    ),
    Mutant(
        "identity_not_create_only",
        "runtime/opening.py",
        "            if isinstance(store.create(IDENTITY_NAME, body, sha256=hashlib.sha256(body).hexdigest()), Created):\n"
        "                return mine\n",
        "            store.create(IDENTITY_NAME, body, sha256=hashlib.sha256(body).hexdigest())\n            return mine\n",
    ),
    Mutant(
        "turn_of_another_is_ours",
        "runtime/lander.py",
        "    if committed.record.nonce != record.nonce:\n        return False\n",
        "    from coleta.land.commit import Committed\n"
        "    from coleta.land.record import encode_record, record_digest\n\n"
        "    committed = Committed(head.next, record, record_digest(encode_record(record)))\n",
    ),
    Mutant(
        "nonce_for_each_process",
        "runtime/putting.py",
        "nonce=world.ids.nonce()",
        'nonce=f"{hash(world.owner) & 0xFFFF:032x}"',
        told("tests/unit/runtime/test_lander.py", "older_composition"),
    ),
    Mutant(
        "batch_overlaps_itself",
        "land/batch.py",
        "        elif any(taken.overlaps(interval) for interval in one.settles):\n            continue\n",
        "",
    ),
    Mutant(
        "start_not_reset_after_a_new_schedule",
        "collect/cadence.py",
        "return grid if floor is None else max(grid, floor)",
        "return grid",
        told("tests/unit/collect/test_cadence.py", "no_hole_no_overlap"),
    ),
    Mutant(
        "last_tick_of_the_catch_up_left_out",
        "collect/cadence.py",
        "takewhile(lambda tick: tick.end <= until, found)",
        "takewhile(lambda tick: tick.end < until, found)",
        told("tests/unit/collect/test_cadence.py", ""),
    ),
    Mutant(
        "index_after_the_unlink",
        "runtime/lander.py",
        "    station.index.enter(head.after(committed), committed)\n"
        "    station.spool.release([member.entry for member in batch.members])\n",
        "    station.spool.release([member.entry for member in batch.members])\n"
        "    station.index.enter(head.after(committed), committed)\n",
        told("tests/simulation/test_directed.py", "just_before_a_crash"),
    ),
    Mutant(
        "parent_not_checked",
        "land/commit.py",
        "    if header.carried is not None and entry.name not in links:\n        return True\n",
        "",
    ),
    Mutant(
        "state_of_the_parent_not_checked",
        "land/commit.py",
        "carried is not None and carried.before == state and not",
        "carried is not None and not",
        told("tests/unit/runtime/test_incremental.py", "on_other_terms"),
    ),
    Mutant(
        "chain_begins_after_what_was_missed",
        "collect/cadence.py",
        "known = (self.begin, self.link.end,",
        "known = (tick.start, self.link.end,",
    ),
    Mutant(
        "refused_windows_become_gaps",
        "runtime/collector.py",
        "stays_open=later)",
        "stays_open=False)",
        told("tests/unit/runtime/test_refusals.py", "windows_stay_open"),
    ),
    Mutant(
        "refused_token_sent_again",
        "runtime/tokens.py",
        " and held.token != refused",
        "",
        told("tests/unit/runtime/test_tokens.py", "401"),
    ),
    Mutant(
        "rotated_token_not_kept",
        "runtime/tokens.py",
        "            self._keep(granted.refresh_token.value)\n",
        "            pass\n",
        told("tests/unit/runtime/test_tokens.py", "refresh_token"),
    ),
    Mutant(
        "refused_secret_sent_on_and_on",
        "runtime/tokens.py",
        "_Refused(sent.hexdigest(), granted.why, now) if granted.final else None",
        "None",
        told("tests/unit/runtime/test_tokens.py", "refusal"),
    ),
    Mutant(
        "incident_ended_by_an_earlier_tick",
        "audit/alerts.py",
        "elif known is not None and _is_later(sign.of, known.of):",
        "elif known is not None:",
        told("tests/unit/audit/test_alerts.py", "earlier_tick"),
    ),
    Mutant(
        "unchanged_since_any_answer",
        "collect/conditional.py",
        " or link.end != tick.start",
        "",
        told("tests/unit/runtime/test_conditional.py", "of_long_ago"),
    ),
    Mutant(
        "unchanged_on_any_terms",
        "collect/conditional.py",
        'or known.get("request") != asked',
        "",
        CONDITIONAL,
    ),
    Mutant(
        "unchanged_since_what_was_not_the_data",
        "runtime/gathering.py",
        "self._last if good else None",
        "self._last",
        CONDITIONAL,
    ),
    Mutant(
        "answers_of_a_renamed_stream_by_its_new_name",
        "runtime/gathering.py",
        "stream=station.stream.log_name",
        "stream=station.stream.name",
    ),
    Mutant(
        "renamed_stream_does_not_know_its_log",
        "runtime/opening.py",
        "if (identity.project, identity.stream) != (stream.project, stream.log_name):",
        "if (identity.project, identity.stream) != (stream.project, stream.name):",
    ),
    Mutant(
        "superseded_answers_count_as_asked",
        "runtime/due.py",
        "if entry.header.carried is None or entry.name in links)",
        ")",
        told("tests/unit/runtime/test_incremental.py", "others_overtook"),
    ),
    Mutant(
        "asked_after_the_cursor_only",
        "collect/carry.py",
        "stands >= floor:  # type: ignore[operator]",
        "stands > floor:  # type: ignore[operator]",
    ),
    Mutant(
        "boundary_of_keys_only",
        "collect/carry.py",
        "        if mark.raw in self.raws:\n            return True\n",
        "",
    ),
    Mutant(
        "boundary_of_bytes_only",
        "collect/carry.py",
        "return mark.key in self.keys if mark.at is None else (mark.key, self.order(mark.at)) in self.versions",
        "return False",
        told("tests/unit/collect/test_carry.py", ""),
    ),
    Mutant(
        "known_records_land_again",
        "land/sieve.py",
        "return lambda raw: not known.knows(marker.mark(raw))",
        "return lambda raw: True",
    ),
    Mutant(
        "records_of_others_parts_land_too",
        "land/sieve.py",
        "        return isinstance(place, datetime) and any(",
        "        return True or any(",
    ),
    Mutant(
        "accepted_before_it_is_archived",
        "runtime/archive.py",
        'put_note(self._store, archive_name(self._header.tick, trailer.answer or ""), self._copy.read())',
        "pass",
    ),
    Mutant(
        "answers_of_the_dead_not_taken_up",
        "runtime/archive.py",
        "yield from unnamed[:ADOPTED_AT_ONCE]",
        "yield from unnamed[:0]",
    ),
    Mutant(
        "later_links_set_aside",
        "land/commit.py",
        "    if header.carried is not None and entry.name not in links:\n",
        "    if header.carried is not None and entry.name not in list(links)[:1]:\n",
    ),
    Mutant(
        "set_aside_before_its_rival_is_committed",
        "land/commit.py",
        "        elif entry.name in rivals:\n            continue\n",
        "",
        told("tests/unit/land/test_commit.py", "waits_until"),
    ),
    Mutant(
        "placed_part_with_a_broken_record_set_aside",
        "land/compose.py",
        "if account.outcome is Outcome.REJECTED and account.settles not in ((), (account.tick,)):",
        "broken = account.outcome is Outcome.REJECTED or (account.quarantined and member.entry.header.window)\n"
        "        if broken and account.settles not in ((), (account.tick,)):",
    ),
    Mutant(
        "quarantine_judged_by_an_older_log",
        "runtime/redrive.py",
        "        catch_up(self.jail, station, head)\n        meant",
        "        if not self.jail.seq:\n            catch_up(self.jail, station, head)\n        meant",
    ),
    Mutant(
        "what_still_breaks_is_dropped",
        "land/redrive.py",
        '[quarantine.of_records(first.tick, first.answer or "", rejects)] if rejects else []',
        "[]",
    ),
    Mutant(
        "files_of_a_redrive_put_after_it",
        "runtime/redrive.py",
        "            _put_notes(station.store, terms, redriven)\n",
        "",
    ),
    Mutant(
        "taken_up_and_not_named",
        "land/redrive.py",
        "redrives = tuple(path for one in taken for path in one.paths)",
        "redrives = taken[0].paths",
    ),
    Mutant(
        "asked_again_and_taken_up_too",
        "land/redrive.py",
        "    if one.is_pages and _comes_again(one):\n",
        "    if False:\n",
        told("tests/unit/runtime/test_redrive.py", "with_a_cursor"),
    ),
    Mutant(
        "lease_kept_in_a_pause",
        "runtime/collector.py",
        "                self.let_go()  # a paused machine",
        "                pass  # a paused machine",
        told("tests/unit/runtime/test_leases.py", "that_is_paused"),
    ),
    Mutant(
        "deleted_before_the_log_gives_it_up",
        "runtime/discard.py",
        "    for _ in range(ROUNDS):\n        head =",
        "    head = follow(station.store, station.index, station.identity)\n"
        "    catch_up(jail, station, head)\n"
        "    for file in to_discard(jail, wanted).files:\n        housekeeping.delete(file.path)\n"
        "    for _ in range(ROUNDS):\n        head =",
    ),
    Mutant(
        "given_up_and_not_deleted",
        "runtime/discard.py",
        "naming=there), before=None).gone\n",
        "naming=there), before=None).gone[:0]\n",
    ),
    Mutant(
        "pause_not_looked_at",
        "runtime/collector.py",
        "return read_pauses(self._station.notes)",
        "return read_pauses(None)",
    ),
    Mutant(
        "paused_ticks_not_written_down",
        "runtime/collector.py",
        "plan, paused = without_paused(plan, self._pauses)",
        "plan, paused = without_paused(plan, self._pauses)[0], ()",
    ),
    Mutant(
        "paused_ticks_asked_afterwards",
        "collect/pauses.py",
        "tuple(tick for tick in plan.ask if not is_paused(tick))",
        "plan.ask",
    ),
    Mutant(
        "doubt_is_only_told",
        "runtime/asking.py",
        'rejected = doubt.then != "warn"',
        "rejected = False",
    ),
    Mutant(
        "doubt_forgotten_at_the_deadline",
        "runtime/asking.py",
        "self._station.world.tell(Doubted(self._station.stream.name, self.tick, doubt, rejected=True))\n"
        "                return self._accept(doubt)",
        "self._station.world.tell(Doubted(self._station.stream.name, self.tick, doubt, rejected=True))\n"
        "                return self._accept(None)",
        hunts=told("tests/unit/runtime/test_checks.py", "may_not_be_asked_again"),
    ),
    Mutant(
        "no_records_are_no_doubt",
        "collect/plausible.py",
        '        found.append(Doubt("no records came", checks.on_empty))\n',
        "        pass\n",
    ),
    Mutant(
        "waiting_answers_not_compared",
        "runtime/checking.py",
        "if entry.trailer.response is not None and entry.trailer.wrong is None and not entry.unchanged:",
        "if False:",
    ),
    Mutant(
        "broken_answers_not_compared",
        "runtime/checking.py",
        "(account.received or account.outcome in (Outcome.OK, Outcome.EMPTY))",
        "account.outcome in (Outcome.OK, Outcome.EMPTY)",
        told("tests/unit/runtime/test_checks.py", "broke_the_contract"),
    ),
    Mutant(
        "clock_not_compared",
        "runtime/collector.py",
        "if astray(ahead := station.clock_ahead):",
        "if astray(ahead := station.clock_ahead) and False:",
    ),
    Mutant(
        "clock_compared_once_a_day",
        "runtime/clock_guard.py",
        "LOOK_EVERY = timedelta(minutes=5)",
        "LOOK_EVERY = timedelta(days=1)",
    ),
    Mutant(
        "spool_not_read_at_the_start",
        "adapters/disk_spool.py",
        "                self._shelf.add(entry, reserved=False)\n",
        "                pass\n",
        DISKS,
    ),
    Mutant(
        "answer_not_synced",
        "adapters/disk_draft.py",
        "            self._desk.disk.sync(fd)\n",
        "",
        DISKS,
    ),
    Mutant(
        "folder_of_the_answer_not_synced",
        "adapters/disk_draft.py",
        "                self.disk.sync_folder(self.waiting)\n",
        "                pass\n",
        DISKS,
    ),
    Mutant(
        "object_not_synced",
        "adapters/file_store.py",
        "                self._disk.sync(fd)\n",
        "",
        DISKS,
    ),
    Mutant(
        "name_of_the_object_not_synced",
        "adapters/file_store.py",
        "        self._disk.sync_folder(folder)\n",
        "",
        DISKS,
    ),
    Mutant(
        "folders_of_the_store_not_synced",
        "adapters/file_store.py",
        "                    continue\n            self._disk.sync_folder(each.parent)\n",
        "                    continue\n",
        DISKS,
    ),
    Mutant(
        "folders_of_the_spool_not_synced",
        "adapters/durable.py",
        "        disk.sync_folder(each.parent)\n",
        "",
        DISKS,
    ),
    Mutant(
        "note_not_synced",
        "adapters/durable.py",
        "            disk.sync(fd)\n",
        "",
        DISKS,
    ),
    Mutant(
        "released_before_commit_on_a_disk",
        "runtime/lander.py",
        "        _put_notes(station, batch, composed.quarantine, memory.terms)\n",
        "        _put_notes(station, batch, composed.quarantine, memory.terms)\n"
        "        station.spool.release([member.entry for member in batch.members])\n",
        DISKS,
    ),
    Mutant(
        "deleted_before_it_is_given_up",
        "runtime/upkeep.py",
        "                if self._extended(head, due):\n",
        "                for path in due:\n                    self._housekeeping.delete(path)\n"
        "                if self._extended(head, due):\n",
        told("tests/unit/runtime/test_maintainer.py", "whatever_goes_wrong"),
    ),
    Mutant(
        "unnamed_files_given_up",
        "land/retention.py",
        "return life.settled is None and life.named is not None and life.named.created < before",
        "return life.settled is None and (life.named is None or life.named.created < before)",
        told("tests/unit/runtime/test_maintainer.py", "no_record_names"),
    ),
    Mutant(
        "unnamed_files_deleted",
        "land/retention.py",
        'return settled is not None and settled.kind == "expired" and named is not None and named.seq < settled.seq',
        'return named is None or (settled is not None and settled.kind == "expired" and named.seq < settled.seq)',
        told("tests/unit/runtime/test_maintainer.py", "no_record_names or nobody_has_landed"),
    ),
    Mutant(
        "given_up_though_another_head_says_so_already",
        "runtime/upkeep.py",
        "                due = self._judge(names, before).due\n",
        "                due = tuple(names)\n",
        told("tests/unit/runtime/test_maintainer.py", "two_machines"),
    ),
    Mutant(
        "superseded_without_an_answer",
        "land/retention.py",
        "head.answered.covers(header.tick)",
        "head.settled.covers(header.tick)",
        told("tests/unit/land/test_retention.py", "nothing_proves"),
    ),
    Mutant(
        "copy_of_a_superseded_answer_left",
        "runtime/upkeep.py",
        "                self._housekeeping.delete(copy)\n",
        "",
        told("tests/unit/runtime/test_maintainer.py", "archived_copy"),
    ),
    Mutant(
        "upkeep_without_a_turn",
        "runtime/upkeep.py",
        "            with self._turn():\n                head = follow",
        "            with nullcontext():\n                head = follow",
        told("tests/unit/runtime/test_maintainer.py", "kept_away"),
    ),
    Mutant(
        "moved_without_a_fence",
        "runtime/moving.py",
        "        work.fence()\n",
        "",
        MOVES,
    ),
    Mutant(
        "fence_not_heeded",
        "runtime/log.py",
        "    if head.moved_to is not None:\n        raise gone(head.moved_to, identity)\n",
        "",
        MOVES,
    ),
    Mutant(
        "fence_entered_in_the_index",
        "runtime/log.py",
        "            return head.after(found)\n",
        "            return _learn(index, head, found)\n",
        MOVES,
    ),
    Mutant(
        "copied_before_the_fence_only",
        "runtime/moving.py",
        "        work.fence()\n        work.copy()\n",
        "        work.fence()\n",
        MOVES,
    ),
    Mutant(
        "identity_before_the_copy",
        "runtime/moving.py",
        "    if not arrived:\n        work.copy()\n",
        '    if not arrived:\n        put_same(new.store, IDENTITY_NAME, old.store.read(IDENTITY_NAME) or b"")\n        work.copy()\n',
        MOVES,
    ),
    Mutant(
        "a_log_begins_where_one_is_on_its_way",
        "runtime/opening.py",
        "        _refuse_what_is_on_its_way(store)\n        mine =",
        "        mine =",
        told("tests/surfaces/test_move.py", "on_its_way"),
    ),
    Mutant(
        "what_no_record_names_left_behind",
        "runtime/copying.py",
        'LOOSE = ("_superseded/", ARCHIVE)',
        "LOOSE = ()",
        MOVES,
    ),
    Mutant(
        "table_read_and_written_on_two_handles",
        "runtime/registering.py",
        "    opened.register(files, until=until)",
        "    (shelf.table.open(shelf.identity.uuid) or opened).register(files, until=until)",
        TABLES,
    ),
    Mutant(
        "table_without_a_transaction",
        "adapters/delta_table.py",
        "commit_properties=signed(log, Transaction(log, until)),",
        "commit_properties=signed(log),",
        told("tests/conformance/test_table.py", "folder"),
    ),
    Mutant(
        "rows_before_their_columns",
        "runtime/registering.py",
        "    opened = _widened(shelf, opened, terms)\n",
        "",
        TABLES,
    ),
    Mutant(
        "newest_commits_are_the_next",
        "runtime/registering.py",
        "            if committed.record.seq != seq + 1:",
        "            if False:",
        told("tests/unit/runtime/test_publisher.py", "more_that_lands"),
    ),
    Mutant(
        "table_after_a_doubt_not_opened_anew",
        "adapters/delta_table.py",
        "        except Exception as error:  # noqa: BLE001  # as above; whatever it is, the commit may have come to be\n",
        "        except SystemError as error:\n",
        told("tests/conformance/test_table.py", "folder"),
    ),
    Mutant(
        "table_widened_on_a_handle_that_others_have_passed",
        "runtime/registering.py",
        "if anew is None or anew.state.seq != opened.state.seq or anew.state.table != opened.state.table:",
        "if anew is None:",
        TABLES,
    ),
    Mutant(
        "doubt_about_the_table_is_success",
        "runtime/registering.py",
        "    opened.register(files, until=until)\n",
        "    try:\n        opened.register(files, until=until)\n    except Doubtful:\n        pass\n",
        TABLES,
    ),
    Mutant(
        "objects_without_rows_registered",
        "runtime/registering.py",
        "    files = _files(shelf, filled)\n",
        "    files = _files(shelf, filled)\n    day = folder_date(taken[0].name).isoformat()\n    files += [DataFile(one.name, 1, day, 0, 0, {}) for one in taken if not one.record.rows]\n",
        TABLES,
    ),
    Mutant(
        "dropped_table_made_anew_by_itself",
        "runtime/registering.py",
        "        check_there(mark, where=shelf.where, make=shelf.table.make)\n",
        "",
        TABLES,
    ),
    Mutant(
        "restored_table_registered_on",
        "runtime/registering.py",
        "        check_operations(opened.operations(mark.version), mark, where=shelf.where, make=shelf.table.make)\n",
        "        pass\n",
        TABLES,
    ),
    Mutant(
        "table_held_up_to_what_landed_meanwhile",
        "runtime/publisher.py",
        "        self._held = head.seq\n",
        "        self._held = head.seq + 1\n",
        TABLES,
    ),
    Mutant(
        "commits_that_the_table_holds_already",
        "runtime/registering.py",
        "        if head.seq > seq:\n            yield found",
        "        if head.seq >= seq:\n            yield found",
        TABLES,
    ),
    Mutant(
        "watermark_of_another_handle",
        "runtime/registering.py",
        "    found = list(islice(_commits_after(shelf, opened, beyond=beyond)",
        "    before, opened = opened, opened and shelf.table.open(shelf.identity.uuid)\n    found = list(islice(_commits_after(shelf, before, beyond=beyond)",
        TABLES,
    ),
    Mutant(
        "retired_by_deleting",
        "runtime/retirer.py",
        "            self._housekeeping.replace(rolled.name, sink.read())\n",
        "            self._housekeeping.delete(rolled.name)\n",
        told("tests/unit/runtime/test_retirer.py", "knows_nothing"),
    ),
    Mutant(
        "retired_without_a_roll_up",
        "runtime/retirer.py",
        "            for rolled, committed in _commits_in(self._station, last):\n",
        "            from coleta.land.record import encode_record\n"
        "            store = self._station.store\n"
        "            for committed in self._station.index.commits():\n"
        "                text, size = encode_record(committed.record).decode(), store.size(committed.name) or 0\n"
        '                rolled = RolledObject(committed.name, size, "", text)\n',
        told("tests/unit/runtime/test_retirer.py", "as_far_as"),
    ),
    Mutant(
        "retired_whatever_it_is",
        "land/retire.py",
        "return is_as_written and record.rows",
        "return record.rows",
        told("tests/unit/runtime/test_retirer.py", "not_as_it_was_written"),
    ),
    Mutant(
        "retired_with_a_record_written_anew",
        "runtime/retirer.py",
        "compose_retired(footer.stored, ",
        'compose_retired(footer.stored + b" ", ',
        told("tests/unit/runtime/test_retirer.py", "as_far_as"),
    ),
    Mutant(
        "damaged_answer_asked_again_at_another_time",
        "collect/lost.py",
        "    if is_window(stream.source):\n        again =",
        "    if True:\n        again =",
        told("tests/unit/runtime/test_collector.py", "is_damaged_is_a_gap"),
    ),
    Mutant(
        "read_error_taken_for_damage",
        "adapters/disk_spool.py",
        "if isinstance(error, OSError) and error.errno != errno.ENOENT:",
        "if False and isinstance(error, OSError):",
        told("tests/unit/adapters/test_disk_spool.py", "cannot_be_read_now"),
    ),
    Mutant(
        "unread_parent_passed_over",
        "runtime/lander.py",
        "and (held is None or one.link < held)",
        "",
        told("tests/unit/runtime/test_incremental.py", "parent_the_disk"),
    ),
    Mutant(
        "repair_believes_any_copy",
        "runtime/copies.py",
        "body is not None and _has(body, sha256)",
        "body is not None",
        told("tests/unit/runtime/test_repair.py", "other_bytes_is_not_believed"),
    ),
    Mutant(
        "repair_puts_a_commit_into_another_history",
        "runtime/copies.py",
        "return bool(links) and all(links)",
        "return True",
        told("tests/unit/runtime/test_repair.py", "gone_on_without"),
    ),
    Mutant(
        "forgotten_is_not_landed",
        "runtime/recalling.py",
        "        if first >= oldest:\n            return found",
        "        if first >= 0:\n            return found",
        told("tests/simulation/test_upkeep.py", "random"),
    ),
    Mutant(
        "asked_of_another_day",
        "land/kept.py",
        "found = (kept.days[day.isoformat()].first for",
        "found = (kept.days[day.isoformat()].last + 1 for",
        told("tests/simulation/test_upkeep.py", "random"),
    ),
)


SLOW = frozenset(
    {
        "waiting_answers_not_compared",
        "placed_part_with_a_broken_record_set_aside",
        "batch_overlaps_itself",
        "paused_ticks_asked_afterwards",
        "accepted_before_it_is_archived",
        "answers_of_the_dead_not_taken_up",
    }
)
"""Those that take 20 s or more until they die: `make test` leaves them to `make mutants`."""


def hunt(mutant: Mutant) -> str | None:
    """How `mutant` was found, or None if it survives every hunt."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "src"
        shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        file = copy / "coleta" / mutant.file
        text = file.read_text(encoding="utf-8")
        if text.count(mutant.old) != 1:
            raise ValueError(f"mutant {mutant.name}: its place stands {text.count(mutant.old)} times in {mutant.file}")
        file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        for words in mutant.hunts:
            done = subprocess.run(
                [sys.executable, "-m", *_command(words)],
                cwd=SOURCE.parent,
                env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode not in (0, 1):
                raise RuntimeError(f"mutant {mutant.name} could not be hunted: {done.stdout}{done.stderr}")
            if done.returncode:
                return f"{' '.join(words)}: {_shown(done.stdout, done.stderr)[:90]}"
    return None


def _shown(out: str, err: str) -> str:
    lines = (out.strip() or err.strip()).splitlines()
    failed = [line for line in lines if line.startswith(("E  ", "FAILED"))]
    found = [line for line in lines if " worlds, " not in line]
    return (failed or found if out.strip() else lines[-1:])[0].removeprefix("E").strip()


def _command(words: Hunt) -> list[str]:
    if words[0] != "pytest":
        return ["coleta.testing.simulator", "--first", "--jobs", "1", *words]
    _, path, name = words
    return ["pytest", "-q", "-x", "-p", "no:cacheprovider", "-W", "ignore", path, *(["-k", name] if name else [])]


def main(names: Sequence[str]) -> int:
    """Hunt the mutants called `names`, or all; 1 if any survives."""
    survivors = 0
    wanted = SLOW if "--slow" in names else names
    chosen = [mutant for mutant in MUTANTS if not wanted or mutant.name in wanted]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for mutant, found in zip(chosen, pool.map(hunt, chosen), strict=True):
            survivors += found is None
            sys.stdout.write(f"{'SURVIVES' if found is None else 'killed  '}  {mutant.name:34} {found or ''}\n")
            sys.stdout.flush()
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
