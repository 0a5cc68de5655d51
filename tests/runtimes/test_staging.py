"""Folders lent and taken back, whenever the harness is killed in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedwise.runtimes.staging import FOLDER, lend, recover, take_back


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = tmp_path / "runs" / "abc"
    run.mkdir(parents=True)
    (run / "events.jsonl").write_text("1\n")
    return run


@pytest.fixture
def place(run: Path) -> Path:
    place = run.parent / FOLDER / "server"
    place.mkdir(parents=True)
    return place


def test_a_lent_folder_is_read_where_it_was_and_comes_back(run: Path, place: Path) -> None:
    lend(run, place)
    assert [entry.name for entry in place.iterdir()] == ["abc"]
    (place / "abc" / "events.jsonl").write_text("1\n2\n")
    assert (run / "events.jsonl").read_text() == "1\n2\n"
    take_back(run)
    assert not run.is_symlink()
    assert (run / "events.jsonl").read_text() == "1\n2\n"
    assert list(place.iterdir()) == []
    take_back(run)  # harmless
    assert run.is_dir()


@pytest.mark.parametrize("killed", ["while it was lent", "before the link", "after the link was taken away"])
def test_what_a_killed_harness_had_lent_is_found(run: Path, place: Path, killed: str) -> None:
    lend(run, place)
    if killed != "while it was lent":
        run.unlink()
    recover(run)
    assert not run.is_symlink()
    assert (run / "events.jsonl").read_text() == "1\n"
    assert not place.exists()


def test_other_runs_folders_are_left_where_they_are(run: Path, place: Path) -> None:
    other = run.with_name("other")
    other.mkdir()
    lend(other, place)
    lend(run, place)
    recover(run)
    assert (place / "other").is_dir()
    recover(run.with_name("never there"))
    assert not run.with_name("never there").exists()


def test_what_a_run_put_in_its_folders_place_is_not_taken(run: Path, place: Path, tmp_path: Path) -> None:
    lend(run, place)
    secret = tmp_path / "secret"
    secret.mkdir()
    (place / "abc").rename(place / "hidden")
    (place / "abc").symlink_to(secret)
    take_back(run)
    assert not run.exists()
    assert not run.is_symlink()
