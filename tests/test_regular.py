"""Readers of what others wrote: a link, a FIFO, something huge, empty, unreadable, or a name that leads out."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from seedwise.regular import Irregular, copy_regular, read_regular, regular_files, set_modes, sha256_regular
from seedwise.store.store import DamagedRun, Store
from seedwise_contract.paths import below, plain


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x", "a/../../x", "a//b", "", ".", "a\\b", "a\0b", "a\nb", "x" * 300, "a/" * 900]
)
def test_names_that_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be"):
        below(name)
    with pytest.raises(Irregular):
        read_regular(tmp_path, name)


def test_a_plain_name_has_no_folder() -> None:
    assert plain("model.safetensors") == "model.safetensors"
    with pytest.raises(ValueError, match="without a folder"):
        plain("a/b")


def link(path: Path, secret: Path) -> None:
    path.symlink_to(secret)


def fifo(path: Path, secret: Path) -> None:
    os.mkfifo(path)


def folder(path: Path, secret: Path) -> None:
    path.mkdir()


def huge(path: Path, secret: Path) -> None:
    with open(path, "wb") as handle:
        handle.truncate(1 << 40)


BAD = (link, fifo, folder, huge)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("read", [read_regular, sha256_regular, lambda at, name: copy_regular(at, name, at / "copy")])
def test_only_regular_files_are_read(
    bad: Callable[[Path, Path], None], read: Callable[[Path, str], object], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    bad(tmp_path / "file", secret)
    with pytest.raises(Irregular, match="file: "):
        read(tmp_path, "file")


def test_no_link_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "file").write_text("secret")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "predictions").symlink_to(tmp_path / "away")
    with pytest.raises(Irregular, match="a link is on the way"):
        read_regular(tmp_path / "run", "predictions/file")
    assert regular_files(tmp_path / "run") == []


def test_modes_are_changed_on_what_is_ours_alone(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("secret")
    secret.chmod(0o600)
    made = tmp_path / "made"
    (made / "inner").mkdir(parents=True)
    (made / "link").symlink_to(secret)
    (made / "other-name").hardlink_to(secret)
    (made / "inner" / "file").write_text("")
    (made / "inner" / "file").chmod(0o600)
    set_modes(made, 0o755, 0o644)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE((made / "inner" / "file").stat().st_mode) == 0o644


@pytest.mark.parametrize("name", ["result.json", "spec.json", "provenance.json"])
@pytest.mark.parametrize(
    "bad", [*BAD, lambda path, secret: path.write_bytes(b""), lambda path, secret: path.write_bytes(b"\xff")]
)
def test_a_damaged_run_is_said_to_be(name: str, bad: Callable[[Path, Path], object], tmp_path: Path) -> None:
    from tests.tracker.stores import filled

    _, store, _ = filled(tmp_path)
    run = next(store.finished())
    secret = tmp_path / "secret"
    secret.write_text("{}")
    (store.folder(run) / name).unlink()
    bad(store.folder(run) / name, secret)
    with pytest.raises(DamagedRun, match=f"{name}.*move the run's folder away"):
        Store(store.root).read(run)
