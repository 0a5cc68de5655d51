"""Archives through the user's own pip configuration: here a folder, and no index."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from seedwise.errors import ImageError
from seedwise.images.build import context_stream
from seedwise.images.definition import load_definition
from seedwise.images.sources import sources_of
from seedwise.images.wheels import Sdist, Target, archives, download, split, wheelhouse
from seedwise.project import Project
from seedwise_contract.files import sha256_file
from tests.conftest import ROOT

TARGET = Target("3.11", "x86_64", "2.28")


def make_wheel(folder: Path, name: str, tag: str = "py3-none-any") -> str:
    """An empty wheel; its requirement line."""
    path = folder / f"{name}-1.0-{tag}.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")
    return f"{name}==1.0 --hash=sha256:{sha256_file(path)}"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_fetched_by_the_users_configuration(shelf: Path, tmp_path: Path) -> None:
    lines = [make_wheel(shelf, "one"), make_wheel(shelf, "two")]
    download(lines, tmp_path / "here")
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == [
        "one-1.0-py3-none-any.whl",
        "two-1.0-py3-none-any.whl",
    ]


def test_the_targets_wheels_not_this_interpreters(shelf: Path, tmp_path: Path) -> None:
    line = make_wheel(shelf, "one", "cp39-cp39-manylinux_2_17_aarch64")
    download([line], tmp_path / "here", Target("3.9", "aarch64", "2.28"))
    assert len(list((tmp_path / "here").iterdir())) == 1
    with pytest.raises(ImageError, match=r"has 'one==1\.0' for this platform"):
        download([line], tmp_path / "there", TARGET)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("absent==1.0 --hash=sha256:" + "0" * 64, "no index or folder that pip is configured with has 'absent==1.0'"),
        ("one==1.0 --hash=sha256:" + "0" * 64, "sha256 is not the pinned one"),
        ("one", "every line needs '==version' and '--hash=sha256:…'"),
    ],
)
def test_what_cannot_be_had_is_named(shelf: Path, tmp_path: Path, line: str, said: str) -> None:
    make_wheel(shelf, "one")
    with pytest.raises(ImageError) as caught:
        download([line], tmp_path / "here")
    assert said in str(caught.value)
    assert "pip said:" in str(caught.value)


def test_an_unreachable_index_is_called_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_FIND_LINKS": "",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "1",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImageError, match=r"the package index could not be reached for 'one==1\.0'\. Offline"):
        download(["one==1.0 --hash=sha256:" + "0" * 64], tmp_path / "here")


def test_a_wheelhouse_is_fetched_once_and_mended(shelf: Path, project: Project) -> None:
    (project.root / "toy.lock").write_text(make_wheel(shelf, "one") + "\n")
    (project.root / "docker" / "build.lock").write_text(make_wheel(shelf, "pip") + "\n")
    sources = sources_of(project, load_definition(project), "toy", "cpu")
    said: list[str] = []
    folder = wheelhouse(project, sources, TARGET, said.append)
    assert [path.name for path in archives(folder)] == ["one-1.0-py3-none-any.whl", "pip-1.0-py3-none-any.whl"]
    assert said == ["toy (cpu): fetching the 1 packages of toy.lock"]
    assert wheelhouse(project, sources, TARGET, said.append) == folder
    assert len(said) == 1
    archives(folder)[0].unlink()
    wheelhouse(project, sources, TARGET, said.append)
    assert archives(folder)[0].is_file()
    assert len(said) == 2


def test_sdists_are_named_by_the_lock() -> None:
    lock = (
        "--no-binary old,older\nnew==1 --hash=sha256:{0}\nold==2 \\\n    --hash=sha256:{0} \\\n    --hash=sha256:{1}\n"
    )
    wheels, sdists = split(lock.format("0" * 64, "1" * 64).splitlines())
    assert wheels == ["new==1 --hash=sha256:" + "0" * 64]
    assert sdists == [Sdist("old", "2", ("0" * 64, "1" * 64))]


def fetch_sdist(shelf: Path, folder: Path, *sha256: str) -> subprocess.CompletedProcess[str]:
    """The script, with the pip of this interpreter in place of the pinned one."""
    pip = importlib.util.find_spec("pip")
    if pip is None or pip.origin is None:
        pytest.skip("this interpreter has no pip")
    script, place = ROOT / "src/seedwise/images/fetch_sdist.py", Path(pip.origin).parents[1]
    command = [sys.executable, str(script), str(place), str(folder), "old", "1.0", *sha256]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_sdist_is_fetched_by_hash_and_not_run(shelf: Path, tmp_path: Path) -> None:
    with tarfile.open(shelf / "old-1.0.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("old-1.0/setup.py")
        code = f"open({str(tmp_path / 'ran')!r}, 'w')".encode()
        info.size = len(code)
        archive.addfile(info, io.BytesIO(code))
    folder = tmp_path / "here"
    folder.mkdir()
    wrong = fetch_sdist(shelf, folder, "0" * 64)
    assert wrong.returncode != 0
    assert "HASHES" in wrong.stderr or "No matching distribution" in wrong.stderr
    assert list(folder.iterdir()) == []
    right = fetch_sdist(shelf, folder, sha256_file(shelf / "old-1.0.tar.gz"))
    assert right.returncode == 0, right.stderr
    assert [path.name for path in folder.iterdir()] == ["old-1.0.tar.gz"]
    assert not (tmp_path / "ran").exists()


def test_a_failed_wheelhouse_names_the_lock_and_goes_on_later(shelf: Path, project: Project) -> None:
    line = make_wheel(shelf, "one")
    (project.root / "toy.lock").write_text(line + "\n")
    (shelf / "one-1.0-py3-none-any.whl").rename(shelf / "hidden")
    (project.root / "docker" / "build.lock").write_text(make_wheel(shelf, "pip") + "\n")
    sources = sources_of(project, load_definition(project), "toy", "cpu")
    with pytest.raises(ImageError, match=r"toy\.lock: .*'one==1\.0'"):
        wheelhouse(project, sources, TARGET, lambda line: None)
    (shelf / "hidden").rename(shelf / "one-1.0-py3-none-any.whl")
    assert len(archives(wheelhouse(project, sources, TARGET, lambda line: None))) == 2


def test_a_build_context_holds_nothing_of_this_machine(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for path in (first, second):
        path.write_text("same")
    second.chmod(0o600)
    assert b"".join(context_stream({"x": first, "y/z": first})) == b"".join(
        context_stream({"y/z": second, "x": second})
    )
