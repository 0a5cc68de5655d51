"""Study files that nobody would write by hand: each is one typed sentence, soon, and names the file."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from seedwise.errors import InputError
from seedwise.study.load import load_study
from seedwise.study.yamlfile import read_yaml
from tests.conftest import STUDY

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MERGES = "a0: &a0 {k: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: *a{n - 1}, x: *a{n - 1}, y: *a{n - 1}}}\n" for n in range(1, 40)
)
TEXTS = {
    "lists": BOMB,
    "merges": MERGES,
    "itself": "a: &a {b: *a}\n",
    "deep lists": "a: " + "[" * 500 + "]" * 500,
    "deep maps": "a: " + "{a: " * 500 + "1" + "}" * 500,
    "deep blocks": "".join(" " * n + "a:\n" for n in range(500)),
    "comment": "# " + "x" * (5 << 20),
    "digits": "a: " + "9" * 5000,
    "hexadecimal": "a: 0x" + "f" * 5000,
    "list as key": "? [a, b]\n: 1\n",
    "map as key": "{{x}}: 1\n",
    "tag": "a: !foo b\n",
    "binary": "a: !!binary aGVsbG8=\n",
    "python": "a: !!python/object:os.system x\n",
    "nothing": "",
    "scalar": "just words",
    "two documents": "a: 1\n---\nb: 2\n",
    "control": "a: \x07\n",
    "tab": "a:\n\t- b\n",
    "unknown alias": "a: *b\n",
    "key twice": "a: 1\na: 2\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_yaml_has_bounds(name: str, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(TEXTS[name])
    begun = time.process_time()
    with pytest.raises(InputError, match=r"study\.yaml") as caught:
        load_study(path)
    assert time.process_time() - begun < 5
    assert len(str(caught.value)) < 10_000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("seeds: 4", "seeds: 100000000"),
        ("seeds: 4", "seeds: 1e30"),
        ("seeds: 4", f"seeds: {'9' * 4000}"),
        ("seeds: 4", f"seeds: [{', '.join(['x'] * 20000)}]"),
        ("version: 1", "version: true"),
        ("version: 1", "version: 1.0"),
        ("title: A small study", "title: 2026-01-01"),
        ("lr: 1e-3", "lr: .nan"),
        ("lr: 1e-3", "lr: .inf"),
        ("rate: 1.0", "rate: .nan"),
        ("rate: 1.0", "rate: [1, -.inf]"),
        ("title: A small study", 'title: "a\\0b"'),
        ("title: A small study", 'title: "\\ud800"'),
        ("title: A small study", 'title: "\\e]0;x"'),
        ("title: A small study", f"title: {'x' * 600}"),
        ("title: A small study", f"title: A small study\ndescription: {'x' * 30_000}"),
        ("defaults:\n", "defaults: 5\nx:\n"),
        ("defaults:\n", "defaults: text\nx:\n"),
        ("defaults:\n", "defaults: []\nx:\n"),
        ("metric: accuracy}", "metric: [accuracy]}"),
        ("parameters: {rate: 1.0}", "parameters: &p {rate: *p}"),
    ],
)
def test_fields_have_bounds(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    assert old in STUDY
    path.write_text(STUDY.replace(old, new, 1))
    begun = time.process_time()
    with pytest.raises(InputError, match=r"study\.yaml") as caught:
        load_study(path)
    assert time.process_time() - begun < 10
    assert str(caught.value).count("\n") <= 20


def test_parts_repeated_by_name_are_read(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("# *important*\na: &a {b: 1}\nc: *a\nd: {<<: *a, e: 2}\n")
    assert read_yaml(path)["c"]["b"] == 1


@pytest.mark.parametrize("what", ["fifo", "folder", "nothing", "a name that is too long", "no text"])
def test_files_that_are_none(what: str, tmp_path: Path) -> None:
    path = tmp_path / ("x" * 300 if what == "a name that is too long" else "study.yaml")
    if what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "no text":
        path.write_bytes(b"a: \xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        read_yaml(path)
