"""`make proof` is worth something only if it strikes where it says, and counts what is lost, doubled or passed over."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from proof.__main__ import main
from proof.books import accepted_ids, tally
from proof.kills import Strikes
from proof.parts import Part
from proof.report import Figure, Line, Report, Tally
from proof.sites import Grounds, Site, evenly, obstacle, sites, struck
from proof.stages import FirstStart, make_log
from proof.work import Skipped, Work
from tests.end_to_end.ledger_api import LedgerApi, Sent
from tests.end_to_end.program import Project

TRACE = """\
7 openat(AT_FDCWD</home/me>, "/usr/lib/python3/os.py", O_RDONLY) = 3</usr/lib/python3/os.py>
7 openat(AT_FDCWD</home/me>, "/p/.coleta/s/lock", O_RDWR|O_CREAT, 0600) = 3</p/.coleta/s/lock>
7 fsync(9</p/lake/s/data> <unfinished ...>
8 fsync(5</p/.coleta/s/waiting>) = 0
7 <... fsync resumed>) = 0
8 fsync(6</p/.coleta/s/parts/1.part>) = 0
8 connect(7<TCP:[1]>, {sa_family=AF_INET, sin_port=htons(8333), sin_addr=inet_addr("127.0.0.1")}, 16) = 0
8 sendto(7<TCP:[127.0.0.1:4000->127.0.0.1:9999]>, ""..., 5, 0, NULL, 0) = 5
7 +++ killed by SIGKILL +++
"""
GROUNDS = Grounds([(Path("/p/.coleta"), "spool"), (Path("/p/lake"), "store")], [(8333, "store's line")])


def test_sites_are_calls_in_spool_and_store_counted_in_each_thread() -> None:
    assert sites(TRACE, GROUNDS) == [
        Site("openat", 2, "spool"),
        Site("fsync", 1, "store"),
        Site("fsync", 2, "spool"),
        Site("connect", 1, "store's line"),
    ]


def test_where_a_run_was_struck_is_what_the_first_thread_to_get_so_far_did() -> None:
    assert struck(TRACE, Site("fsync", 1, "spool"), GROUNDS) == Site("fsync", 1, "store")
    assert struck(TRACE, Site("openat", 1, "spool"), GROUNDS) == Site("openat", 1, "elsewhere")
    assert struck(TRACE, Site("fsync", 3, "spool"), GROUNDS) is None


@pytest.mark.parametrize(("count", "drawn"), [(2, [0, 2]), (5, [0, 1, 2, 3, 4]), (7, [0, 1, 2, 3, 4, 0, 1])])
def test_sites_are_drawn_evenly_and_again_from_the_first_where_there_are_too_few(count: int, drawn: list[int]) -> None:
    assert evenly(range(5), count) == drawn


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, list[Sent]]:
    """A log of two ticks, with one between them that nothing is known of, and an answer that waits."""
    folder = tmp_path_factory.mktemp("kept")
    first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=12)
    make_log(folder / "lake", "s", first_tick=first)
    with LedgerApi(seed=1, steady=True) as api:
        project = Project(folder / "project", api.url, folder / "lake", every="1h")
        for hours in (0, 1, 3):
            tick = (first + timedelta(hours=hours)).strftime("%Y%m%dT%H%M%SZ")
            assert project.call("run", "s", "--tick", tick).status in (0, 65)
        project.lake.rename(folder / "away")
        assert project.call("run", "s", "--now").status == 75
        (folder / "away").rename(project.lake)
        return project, api.sent


def _count(project: Project, lake: Path, sent: list[Sent], *, cuts: int = 0) -> Tally:
    accepted = accepted_ids([project.spool()])
    found, _ = tally(lake, "s", sent, [project.spool()], accepted=accepted, cuts=cuts)
    return found


def _lose_what_waits(project: Project, lake: Path) -> None:
    shutil.rmtree(project.spool())


def _supersede_what_was_landed(project: Project, lake: Path) -> None:
    (lake / "s/_superseded").mkdir()
    shutil.copy(project.waiting()[0], lake / "s/_superseded/a.spool")


def _break_the_log(project: Project, lake: Path) -> None:
    next(lake.glob("s/data/*/*1.parquet")).unlink()


def test_a_tick_that_nothing_is_known_of_is_counted_as_silent(kept: tuple[Project, list[Sent]]) -> None:
    project, sent = kept
    found = _count(project, project.lake, sent)
    assert (found.lost, found.doubled, found.silent, found.wrong) == (0, 0, 1, 0)
    assert not found.sound


@pytest.mark.parametrize(
    ("damage", "lost", "doubled", "wrong"),
    [(_lose_what_waits, 1, 0, 0), (_supersede_what_was_landed, 0, 3, 0), (_break_the_log, 0, 0, 1)],
)
def test_what_is_lost_or_doubled_is_counted(
    kept: tuple[Project, list[Sent]],
    tmp_path: Path,
    damage: Callable[[Project, Path], None],
    lost: int,
    doubled: int,
    wrong: int,
) -> None:
    project, sent = kept
    shutil.copytree(project.folder, tmp_path / "project")
    lake = shutil.copytree(project.lake, tmp_path / "lake")
    copy = Project(tmp_path / "project", project.api, lake, every="1h")
    accepted = accepted_ids([copy.spool()])
    damage(copy, lake)

    found, _ = tally(lake, "s", sent, [copy.spool()], accepted=accepted, cuts=1)

    assert (found.lost, found.doubled, found.wrong) == (lost, doubled, wrong)


def test_of_answers_never_seen_in_the_spool_only_as_many_as_were_cut_off_may_be_missing(
    kept: tuple[Project, list[Sent]],
) -> None:
    project, sent = kept
    cut = [Sent("/s", (1_000 + number,), frozenset()) for number in range(2)]

    assert _count(project, project.lake, [*sent, *cut], cuts=2).lost == 0
    assert _count(project, project.lake, [*sent, *cut], cuts=1).lost == 1


def test_runs_are_struck_at_distinct_sites_and_their_books_balance(tmp_path: Path) -> None:
    why = obstacle(tmp_path)
    if why is not None:
        pytest.skip(why)

    line = Strikes("signal=KILL", [FirstStart], tmp_path).line(4)

    assert line.tally.sound, line.tally.said
    assert line.tally.runs == 4
    assert line.note.startswith("4 struck, at 4 distinct sites of ")


@pytest.mark.parametrize("what", ["lost", "doubled", "silent", "wrong"])
def test_a_report_with_anything_lost_doubled_or_silent_is_not_sound(what: str) -> None:
    one = Tally(runs=5, said=["it is gone"])
    setattr(one, what, 2)
    report = Report([Line("kills", Tally(runs=3), 1.0), Line("outages", one, 2.0)])

    assert not report.sound
    assert json.loads(report.json())["sound"] is False
    assert "- outages: it is gone" in report.markdown()


def test_a_figure_that_misses_its_target_says_so() -> None:
    report = Report(figures=[Figure("acceptance", 25.0, "ms", "< 20 ms", met=False)])

    assert "| acceptance | 25 ms | < 20 ms | NO |" in report.markdown()


def _sound(work: Work, report: Report) -> None:
    report.lines.append(Line("sound", Tally(runs=1), 0.1))


def _lossy(work: Work, report: Report) -> None:
    report.lines.append(Line("lossy", Tally(runs=1, lost=1), 0.1))


def _broken(work: Work, report: Report) -> None:
    raise AssertionError("it never came")


def _impossible(work: Work, report: Report) -> None:
    raise Skipped("there is no strace")


@pytest.mark.parametrize(
    ("part", "status", "said"),
    [
        (_sound, 0, "| sound | 1 | 0 | 0 | 0 | 0 |"),
        (_lossy, 1, "| lossy | 1 | 1 | 0 | 0 | 0 |"),
        (_broken, 1, "it broke off: AssertionError: it never came"),
        (_impossible, 0, "Skipped: one: there is no strace"),
    ],
)
def test_the_exit_status_says_whether_all_parts_are_sound_and_none_keeps_the_others_from_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], part: Part, status: int, said: str
) -> None:
    figures = tmp_path / "figures.json"

    assert main(["--folder", str(tmp_path), "--json", str(figures)], {"one": part, "two": _sound}) == status

    out = capsys.readouterr().out
    assert said in out
    assert "| sound |" in out
    assert json.loads(figures.read_text(encoding="utf-8"))["sound"] is (status == 0)


def test_a_second_process_in_one_spool_is_proved_to_be_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["spool", "--folder", str(tmp_path)]) == 0
    assert "| two processes, one spool | 3 | 0 | 0 | 0 | 0 |" in capsys.readouterr().out


def test_a_part_that_there_is_not_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["killz"])

    assert ended.value.code == 2
    assert "there are: kills, eio, enospc" in capsys.readouterr().err
