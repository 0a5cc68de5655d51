"""Installed, the plug-in is a guest: other people's tests see nothing of it, and pay next to nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import STUDY, Small

CONFTEST = """
def pytest_addoption(parser):
    for name in ("device", "runtime", "jobs", "gate", "cold", "look", "no-record"):
        parser.addoption(f"--{name}", default="theirs")
"""
TEST = """
def test_theirs(request):
    assert request.config.getoption("--device") == "tpu"
    assert request.config.getoption("--gate") == "theirs"
"""


@pytest.mark.parametrize("marked", [False, True])
def test_options_of_others_keep_their_names_also_inside_a_project(pytester: pytest.Pytester, marked: bool) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TEST)
    if marked:
        pytester.path.joinpath("seedwise.toml").write_text("")
    answer = pytester.runpytest_subprocess("-p", "no:benchmark", "--device", "tpu")
    answer.assert_outcomes(passed=1)


def test_short_options_are_unknown_outside_a_project(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_one(): pass")
    answer = pytester.runpytest_subprocess("--gate")
    assert answer.ret == pytest.ExitCode.USAGE_ERROR
    answer.stderr.fnmatch_lines(["*unrecognized arguments: --gate*"])
    pytester.runpytest_subprocess("--seedwise-gate").assert_outcomes(passed=1)


def test_yaml_of_others_is_left_alone(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("benchmarks")
    folder.joinpath("values.yaml").write_text("a: [1\n")
    pytester.makepyfile("def test_one(): pass")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
    folder.joinpath("study.yaml").write_text(STUDY)
    outside = pytester.runpytest_subprocess("benchmarks/study.yaml", "--seedwise-runtime", "venv")
    outside.stdout.fnmatch_lines(["*no Seedwise project here*seedwise init*"])
    assert outside.ret == 2


def test_nothing_slow_is_imported_before_a_study_is_collected(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import sys\n"
        "def test_one():\n"
        "    slow = {'pydantic', 'numpy', 'scipy', 'ruamel', 'docker', 'mlflow', 'typer', 'rich', 'seedwise_contract'}\n"
        "    assert not slow & set(sys.modules)\n"
    )
    only = ("-p", "seedwise")
    pytester.plugins = []
    answer = pytester.run(
        sys.executable,
        "-c",
        "import os, sys; os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'; import pytest; sys.exit(pytest.main(sys.argv[1:]))",
        *only,
    )
    answer.stdout.fnmatch_lines(["*1 passed*"])


def test_faulty_settings_are_one_sentence(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("seedwise.toml").write_text('studys = "x"\n')
    pytester.path.joinpath("a.yaml").write_text("a: 1\n")
    answer = pytester.runpytest_subprocess()
    assert answer.ret == pytest.ExitCode.INTERRUPTED
    answer.stdout.no_fnmatch_line("*Traceback*")
    answer.stdout.fnmatch_lines(["*seedwise.toml: studys: is no setting; allowed are studies, assets, backends*"])


def own_project(small: Small) -> Path:
    """The small project as somebody's own repository: marked, no `docker/`, studies, manifests and a backend of its own."""
    root = small.project.root
    (root / "docker" / "images.yaml").unlink()
    (root / "seedwise.toml").write_text("")
    (root / "studies").mkdir()
    (root / "benchmarks" / "small.yaml").rename(root / "studies" / "small.yaml")
    (root / "benchmarks" / "assets").rename(root / "assets")
    (root / "backends" / "fake").mkdir(parents=True)
    (root / "fakes" / "fake_backend.py").rename(root / "backends" / "fake" / "fake_backend.py")
    (root / "backends" / "fake" / "backend.yaml").write_text("command: [python, fake_backend.py]\n")
    (root / "pytest.ini").write_text("[pytest]\naddopts = --strict-config --maxfail=3\n")
    (root / "conftest.py").write_text("def pytest_addoption(parser):\n    parser.addoption('--jobs', default='')\n")
    return root


def test_a_repository_of_ones_own_is_benched_by_both_commands(small: Small) -> None:
    root = own_project(small)
    first = small.seedwise("bench", "--no-record", "--seedwise-jobs", "2", "--gate")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "studies/small.yaml::quick[seed=3] accuracy" in first.stdout
    assert "9 passed" in first.stdout
    assert (root / "backends" / "fake").is_dir()
    again = small.pytest("studies/", "--no-record")
    assert again.stdout.count("(done before)") == 8, again.stdout
    assert "small: A small study" in small.seedwise("plan").stdout


def test_bench_names_a_study_that_is_not_there(small: Small) -> None:
    answer = small.seedwise("bench", "nowhere.yaml", "--no-record")
    assert answer.returncode == 2
    assert answer.stderr == "nowhere.yaml: no such file; give a study file (YAML) or a folder of them\n"
