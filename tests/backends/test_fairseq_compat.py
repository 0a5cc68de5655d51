"""fairseq's last release behind the compatibility module: what stands in for its compiled parts, and what is refused."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path

import pytest

from tests.backends.conftest import BackendPython
from tests.backends.workplace import INSIDE

pytestmark = pytest.mark.minutes


@pytest.fixture(scope="module")
def fairseq() -> BackendPython:
    return BackendPython("fairseq")


def test_stand_ins_do_what_the_compiled_parts_do_and_refuse_all_else(fairseq: BackendPython) -> None:
    told = fairseq(str(INSIDE / "compat_cases.py"))
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout.splitlines()[-1])
    assert found["slices"]
    assert found["batches"]
    assert all("compiled parts are not installed" in words for words in found["refused"])
    assert found["restored"], "dataclasses.dataclass is the standard library's again"
    assert found["main"].startswith("fairseq 0.13.0 is installed, and this backend is made for fairseq 0.12.2")


def test_fairseq_train_starts(fairseq: BackendPython) -> None:
    told = fairseq("-m", "seedwise_fairseq.launcher", "--help")
    assert told.returncode == 0, told.stderr
    assert "--restore-file" in told.stdout


MAKE = """
import pathlib, sys, tarfile, torch
place = pathlib.Path(sys.argv[1])
torch.jit.save(torch.jit.trace(torch.nn.Linear(1, 1), torch.zeros(1, 1)), str(place / "script.pt"))
torch.save({"model": {}, "args": pathlib.PurePosixPath("x")}, str(place / "global.pt"))
with tarfile.open(place / "tar.pt", "w") as archive:
    archive.addfile(tarfile.TarInfo("sys_info"))
"""
READ = """
import sys, pathlib
from seedwise_contract import DataError
from seedwise_fairseq.checkpoint import Checkpoint
for name in sys.argv[1:]:
    for trust in (False, True):
        try:
            Checkpoint(pathlib.Path(name), trust)
            print(name, "READ")
        except DataError as error:
            print(name, "refused:", str(error).replace("\\n", " "))
"""


def test_what_is_no_checkpoint_of_fairseqs_is_refused_by_name(fairseq: BackendPython, tmp_path: Path) -> None:
    made = fairseq("-c", MAKE, str(tmp_path))
    assert made.returncode == 0, made.stderr
    # A TorchScript archive by its parts alone, a pickle of Python 2's, a cut zip, a text, nothing at all.
    with zipfile.ZipFile(tmp_path / "parts.pt", "w") as archive:
        archive.writestr("model/code/__torch__.py", "def forward(self): pass")
        archive.writestr("model/version", "3\n")
        archive.writestr("model/data.pkl", pickle.dumps({}))
    (tmp_path / "two.pt").write_bytes(b"(dp0\nS'model'\np1\n(dp2\nS'\\xe9'\np3\nI1\nss.")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "global.pt").read_bytes()[:300])
    # The end of an archive's directory named once more in its comment: Python's reader takes it for none, torch's does not.
    ended = bytearray((tmp_path / "script.pt").read_bytes())
    ended[-2:] = (8).to_bytes(2, "little")
    (tmp_path / "comment.pt").write_bytes(bytes(ended) + b"PK\x05\x06 end")
    assert not zipfile.is_zipfile(tmp_path / "comment.pt")
    (tmp_path / "text.pt").write_text("no weights")
    (tmp_path / "empty.pt").write_bytes(b"")
    names = ["script", "comment", "parts", "global", "tar", "two", "cut", "text", "empty"]
    told = fairseq("-W", "ignore", "-c", READ, *(str(tmp_path / f"{name}.pt") for name in names))
    assert told.returncode == 0, told.stderr
    lines = {(Path(line.split()[0]).stem, n % 2 == 1): line for n, line in enumerate(told.stdout.splitlines())}
    assert not [name for (name, trust), line in lines.items() if "READ" in line and not trust]
    for trust in (False, True):
        assert "a TorchScript archive is a program" in lines["script", trust]
        assert "a TorchScript archive is a program" in lines["comment", trust]
        assert "a TorchScript archive is a program" in lines["parts", trust]
        assert "a tar, as torch before 0.4 wrote" in lines["tar", trust]
    assert "asks for pathlib.PurePosixPath" in lines["global", False]
