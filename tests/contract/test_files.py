from __future__ import annotations

from pathlib import Path

import pytest

from seedwise_contract.events import EventLog, last_progress, read_events
from seedwise_contract.files import read_lines, tree_digest, write_whole


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    write_whole(path, "old")
    monkeypatch.setattr("os.fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_line_cut_short_by_a_crash_is_left_out_but_damage_before_it_is_named(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.start(total_updates=2, epochs=1)
    log.step(update=1, epoch=0.5, loss=0.7, lr=0.1, seconds=0.2)
    log.close()
    path = tmp_path / "events.jsonl"
    whole = path.read_text()
    path.write_text(whole + '{"event": "step", "upd')
    assert [event.event for event in read_events(path)] == ["start", "step"]
    assert (last_progress(path) or {})["update"] == 1
    path.write_text('{"event": "unknown"}\n' + whole)
    with pytest.raises(ValueError, match=r"events\.jsonl:1"):
        read_events(path)


def test_bad_json_lines_name_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\nnope\n')
    with pytest.raises(ValueError, match=r"rows\.jsonl:2"):
        list(read_lines(path))


def test_tree_digest_sees_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = tree_digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    second = tree_digest(tmp_path)
    (tmp_path / "b").write_text("2")
    assert len({first, second, tree_digest(tmp_path)}) == 3
