"""`seedwise.compare` on frames, arrays and files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import seedwise
from seedwise.errors import InputError
from tests.scores.field import F1, put, verdict


def test_arrays_and_frames_and_files_give_one_verdict(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    path = put(tmp_path, F1)
    want = verdict(path, "--metric", "perplexity")
    for scores in (path, pandas.read_csv(path)):
        found = seedwise.compare(scores, metric="perplexity")
        assert found.pairs[0].estimate == pytest.approx(want["estimate"])
        assert found.verdict.outcome.value == want["verdict"]
    arrays = {"base": [12.1, 12.3, 12.0, 12.2], "lora": [11.2, 11.4, 11.1, 11.3]}
    found = seedwise.compare(arrays, direction="lower", unit="own")
    assert found.verdict.p == pytest.approx(want["p"])


def test_scores_of_examples_as_arrays() -> None:
    rng = np.random.default_rng(1)
    found = seedwise.compare({"a": rng.random((3, 40)) < 0.9, "b": rng.random((3, 40)) < 0.4})
    assert (found.verdict.n_examples, found.verdict.n_seeds) == (40, (3, 3))
    with pytest.raises(InputError, match="other shapes"):
        seedwise.compare({"a": np.ones((3, 4)), "b": np.ones((3, 5))})


def test_it_shows_itself_in_a_notebook() -> None:
    found = seedwise.compare({"a<b": [0.8, 0.81, 0.82], "c": [0.7, 0.71, 0.72]})
    assert "a&lt;b" in found._repr_html_()
    assert "a<b against c: a<b better" in str(found)


def test_the_example_of_the_documentation_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[2] / "docs" / "compare.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    exec(compile(code, str(page), "exec"), {})
    assert "lora better" in capsys.readouterr().out


def test_rows_and_labels_are_chosen_as_on_the_command_line() -> None:
    scores = {
        "arm": [a for a in "abc" for _ in range(8)],
        "seed": [s for _ in "abc" for s in range(4) for _ in "xy"],
        "part": ["x", "y"] * 12,
        "accuracy": [0.8 + i / 1000 for i in range(24)],
    }
    found = seedwise.compare(scores, where={"part": "x", "arm": ["a", "b"]})
    assert [(pair.a, pair.b) for pair in found.pairs] == [("a", "b")]
    assert seedwise.compare(scores, where={"part!": "y", "arm!": "c"}).verdict == found.verdict
    said = {
        "arm": [a for a in "ab" for _ in range(40)],
        "seed": [s for _ in "ab" for s in range(2) for _ in range(20)],
        "example": list(range(20)) * 4,
        "prediction": [int(i % 20 < 15) if n < 40 else i % 2 for n, i in enumerate(list(range(20)) * 4)],
    }
    gold = {"example": list(range(20)), "label": [int(i < 15) for i in range(20)]}
    assert seedwise.compare(said, gold=gold).pairs[0].estimate == pytest.approx(0.55)
    assert seedwise.compare({"a": [0.526], "b": [0.513]}, test_size=1319).verdict.p == pytest.approx(0.505, abs=0.005)
