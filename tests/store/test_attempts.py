"""Attempts of several hosts at one run: whoever is first with a whole one has made the run, and nobody else ever does."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from seedwise.store import attempts
from seedwise.store.attempts import FOLDER, attempts_of, begin, publish
from seedwise.store.ledger import declare, read_ledger
from seedwise.store.store import Store
from tests.store.test_store import finish, planned, provenance

RUN = "a" * 64
WRITERS, RACES = 6, 60


@pytest.fixture(autouse=True)
def own_disk(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host's own disk, so that what is tested here leaves nothing in the user's."""
    monkeypatch.setenv("SEEDWISE_NODE_LOCAL", str(tmp_path_factory.mktemp("disk")))


def on_another_host(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("SEEDWISE_NODE_LOCAL", str(folder))


def whole(attempt: Path, writer: object = 0) -> Path:
    for number in range(5):
        (attempt / f"file-{number}").write_text(str(writer))
    (attempt / "result.json").write_text(json.dumps({"status": "completed", "writer": writer}))
    return attempt


def race(root: str, disk: str, writer: int, gate: Any, wins: Any) -> None:
    """One host in each of the races, with a disk of its own."""
    os.environ["SEEDWISE_NODE_LOCAL"] = disk
    for number in range(RACES):
        identity = f"{number:064x}"
        attempt = whole(begin(Path(root), identity), writer)
        gate.wait()
        if publish(Path(root), identity, attempt):
            wins.put((number, writer))


def test_one_of_the_hosts_that_end_at_once_has_made_the_run(tmp_path: Path) -> None:
    """Also where an older version left a folder half done in the run's place."""
    context = multiprocessing.get_context("spawn")
    gate, wins = context.Barrier(WRITERS), context.Queue()
    root = tmp_path / "runs"
    for number in range(0, RACES, 2):
        half = root / f"{number:064x}"
        half.mkdir(parents=True)
        (half / "events.jsonl").write_text("half")
    disks = [str(tmp_path / f"disk-{writer}") for writer in range(WRITERS)]
    writers = [
        context.Process(target=race, args=(str(root), disk, writer, gate, wins)) for writer, disk in enumerate(disks)
    ]
    for process in writers:
        process.start()
    won = dict(wins.get(timeout=60) for _ in range(RACES))
    for process in writers:
        process.join(60)
        assert process.exitcode == 0
    assert wins.empty(), "two hosts were told that theirs is the run"
    assert sorted(won) == list(range(RACES))
    for number, writer in won.items():
        place = root / f"{number:064x}"
        assert json.loads((place / "result.json").read_text())["writer"] == writer
        assert {(place / f"file-{part}").read_text() for part in range(5)} == {str(writer)}, "two attempts are mixed"
        assert not place.is_symlink()


def test_a_late_attempt_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that was cut off and comes back with an old attempt."""
    runs = tmp_path / "runs"
    late = whole(begin(runs, RUN), "late")
    on_another_host(monkeypatch, tmp_path / "other")
    assert publish(runs, RUN, whole(begin(runs, RUN), "first"))
    assert late.is_dir(), "it may be at work"
    monkeypatch.undo()
    assert not publish(runs, RUN, late)
    assert json.loads((runs / RUN / "result.json").read_text())["writer"] == "first"
    assert not late.exists()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_last_state_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool) -> None:
    """Moved where the writer is known to be gone; copied where it may live on a host that was cut off."""
    runs = tmp_path / "runs"
    first = begin(runs, RUN)
    (first / "state" / "update-1").mkdir(parents=True)
    (first / "state" / "update-1" / "progress.json").write_text("1")
    (first / "events.jsonl").write_text("one\n")
    (first / "failure.json").write_text("{}")
    if elsewhere:
        on_another_host(monkeypatch, tmp_path / "other")
    second = begin(runs, RUN)
    assert (second / "state" / "update-1" / "progress.json").read_text() == "1"
    assert (second / "events.jsonl").read_text() == "one\n"
    assert not (second / "failure.json").exists()
    assert first.exists() == elsewhere
    assert attempts_of(runs, RUN)[-1] == second


def test_the_newest_state_counts_and_a_link_is_none(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for number, name in enumerate(("old", "new", "link")):
        left = runs / FOLDER / f"{RUN}.{number + 1}.elsewhere.{name}"
        left.mkdir(parents=True)
        if name == "link":
            (tmp_path / "secret").mkdir()
            (left / "state").symlink_to(tmp_path / "secret")
            continue
        (left / "state").mkdir()
        (left / "state" / "name").write_text(name)
        os.utime(left / "state", ns=(number, number))
    attempt = begin(runs, RUN)
    assert (attempt / "state" / "name").read_text() == "new"


def test_a_state_that_changes_while_it_is_copied_is_copied_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    left = runs / FOLDER / f"{RUN}.1.elsewhere.x"
    (left / "state").mkdir(parents=True)
    (left / "state" / "update-1").write_text("1")
    copies = []

    def copy(source: Path, target: Path, **options: Any) -> Path:
        copies.append(target)
        made = shutil.copytree(source, target, **options)
        if len(copies) == 1:  # its writer lives, and is one state further
            (left / "state" / "update-2").write_text("2")
            (left / "state" / "update-1").unlink()
        return made

    monkeypatch.setattr(attempts, "shutil", type("S", (), {**vars(shutil), "copytree": staticmethod(copy)}))
    attempt = begin(runs, RUN)
    assert len(copies) == 2
    assert [path.name for path in (attempt / "state").iterdir()] == ["update-2"]


def test_what_an_older_version_left_in_a_runs_place_is_gone_on_with(tmp_path: Path) -> None:
    """Its half done folders, and those that a killed harness had lent to a warm container, with a link in their place."""
    runs = tmp_path / "runs"
    for identity in (RUN, "b" * 64):
        half = runs / identity if identity == RUN else runs / ".warm" / "server" / identity
        (half / "state").mkdir(parents=True)
        (half / "state" / "kept").write_text("kept")
    (runs / ("b" * 64)).symlink_to(Path(".warm") / "server" / ("b" * 64))
    for identity in (RUN, "b" * 64):
        attempt = begin(runs, identity)
        assert (attempt / "state" / "kept").read_text() == "kept"
        assert not (runs / identity).exists()
        assert publish(runs, identity, whole(attempt))
        assert (runs / identity / "result.json").is_file()


def test_an_attempt_that_a_killed_harness_had_lent_is_found(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    first = begin(runs, RUN)
    (first / "state").mkdir()
    server = first.parent / ".warm-0123"
    server.mkdir()
    first.rename(server / first.name)
    second = begin(runs, RUN)
    assert (second / "state").is_dir()
    assert attempts_of(runs, RUN) == [second]


def test_a_damaged_run_is_not_replaced(tmp_path: Path) -> None:
    """What is there was a run once; its user decides."""
    runs = tmp_path / "runs"
    attempt = whole(begin(runs, RUN))
    (runs / RUN).mkdir()
    (runs / RUN / "result.json").write_text("{")
    assert not publish(runs, RUN, attempt)
    assert (runs / RUN / "result.json").read_text() == "{"


def declare_many(root: str, writer: int, gate: Any) -> None:
    for number in range(20):
        gate.wait()
        declare(Path(root), f"{writer}-{number}", "2026-01-01T00:00:00+00:00")
        declare(Path(root), f"shared-{number}", "2026-01-01T00:00:00+00:00")


def test_declarations_of_several_hosts_have_one_order(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(4)
    writers = [context.Process(target=declare_many, args=(str(tmp_path), writer, gate)) for writer in range(4)]
    for process in writers:
        process.start()
    for process in writers:
        process.join(60)
        assert process.exitcode == 0
    ledger = read_ledger(tmp_path)
    assert len(ledger.declared) == 4 * 20 + 20
    numbers = [number for number, _ in ledger.declared.values()]
    assert len(set(numbers)) == len(numbers)
    assert max(numbers) < ledger.length


def test_a_ledger_of_an_older_version_comes_first(tmp_path: Path) -> None:
    """Runs that were started under it are placed by its lines; what was cut short by a crash is no entry."""
    store, run = Store(tmp_path), planned()
    early = [{"declaration": "before", "time": "2099-01-01T00:00:00+00:00"}, {"run": run.run_id, "time": "t"}]
    (tmp_path / ".declarations.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in early) + '{"declaration": "cut'
    )
    finish(store, run)
    place = store.folder(run.run_id or "") / "provenance.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "ledger_length": None}))
    store.declare("after")
    stored = store.read(run.run_id or "")
    assert store.declared_before("before", stored)
    assert not store.declared_before("after", stored)
    assert not store.declared_before("cut", stored)
    lines = [json.loads(line) for line in store.ledger_lines({"after", run.run_id or ""}).splitlines()]
    assert [line.get("declaration", line.get("run")) for line in lines] == [run.run_id, "after"]
    assert provenance(run).ledger_length is None
