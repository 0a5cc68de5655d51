"""The folder of a site: there whole or as before, whatever ends the call."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from seedwise.errors import InputError
from seedwise.publish.folder import MARKER, replacing

KILLED = """
import os, signal, sys
from pathlib import Path
from seedwise.publish.folder import MARKER, replacing
renames, wanted, old = 0, int(sys.argv[2]), os.replace
def replace(*names):
    global renames
    renames += 1
    if renames == wanted:
        os.kill(os.getpid(), signal.SIGKILL)
    old(*names)
os.replace = replace
with replacing(Path(sys.argv[1])) as folder:
    (folder / MARKER).write_text("new")
"""


def site(out: Path, words: str) -> None:
    with replacing(out) as folder:
        (folder / MARKER).write_text(words)


def beside(out: Path) -> list[str]:
    return [path.name for path in out.parent.iterdir()]


def fail(out: Path) -> None:
    with replacing(out) as folder:
        (folder / MARKER).write_text("half")
        raise RuntimeError


def test_it_takes_the_place_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "site"
    for words in ("one", "two"):
        site(out, words)
        assert (out / MARKER).read_text() == words
    assert beside(out) == ["site"]
    assert out.stat().st_mode & 0o777 == 0o755


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    site(tmp_path / "site", "old")
    with pytest.raises(RuntimeError):
        fail(tmp_path / "site")
    assert (tmp_path / "site" / MARKER).read_text() == "old"


@pytest.mark.parametrize("rename", [1, 2])
def test_a_kill_between_its_renames_loses_nothing(tmp_path: Path, rename: int) -> None:
    out = tmp_path / "site"
    site(out, "old")
    ended = subprocess.run([sys.executable, "-c", KILLED, str(out), str(rename)], check=False)
    assert ended.returncode == -signal.SIGKILL
    with pytest.raises(RuntimeError):  # a next call that fails still finds the old one
        fail(out)
    assert (out / MARKER).read_text() == "old"
    site(out, "new")
    assert beside(out) == ["site"]


@pytest.mark.parametrize("name", ["site", ".site.former"])
def test_what_is_no_site_is_never_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "thesis.tex").write_text("years")
    with pytest.raises(InputError):
        site(tmp_path / "site", "new")
    assert (tmp_path / name / "thesis.tex").read_text() == "years"
