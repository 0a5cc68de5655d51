"""The gate on speed: ratios, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.ratios import main, ratios_of


def saved(folder: Path, name: str, **benchmarks: dict[str, Any]) -> Path:
    told = {"benchmarks": [{"name": test, "extra_info": info} for test, info in benchmarks.items()]}
    path = folder / f"{name}.json"
    path.write_text(json.dumps(told))
    return path


def test_ratios_are_found_at_any_depth_and_seconds_are_not(tmp_path: Path) -> None:
    methods = {"lora": {"over_full": 1.3, "ours_examples_per_second": 40.0}}
    path = saved(tmp_path, "new", hf={"ratio": 1.1, "ours_seconds": [1.0, 2.0]}, peft=methods)
    assert ratios_of(path) == {"hf": 1.1, "peft/lora/over_full": 1.3}


@pytest.mark.parametrize(("ratio", "code"), [(2.0, 0), (1.01, 0), (0.76, 0), (0.74, 1)])
def test_a_fall_beyond_the_tolerance_fails(
    tmp_path: Path, ratio: float, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = (
        saved(tmp_path, "old", hf={"ratio": 1.0}),
        saved(tmp_path, "new", hf={"ratio": ratio}, more={"ratio": 3.0}),
    )
    assert main([str(new), "--against", str(old)]) == code
    assert ("FELL" in capsys.readouterr().out) == bool(code)


def test_what_holds_no_ratio_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([str(saved(tmp_path, "new", hf={"seconds": 1.0}))])
    assert "no ratio in it" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="cannot be read"):
        main([str(tmp_path / "absent.json")])
