"""The pytest plug-in: hooks and options only.  `pytest benchmarks/quick` collects study files and runs them.

It is loaded at every start of pytest wherever Seedwise is installed: until a study is collected it imports nothing slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seedwise.errors import SeedwiseError
from seedwise.escaping import plain
from seedwise.plugin.guest import is_short, is_study, with_prefixes
from seedwise.secrets import masked

if TYPE_CHECKING:
    from seedwise.plugin.session import BenchSession

SESSION_KEY: pytest.StashKey[BenchSession] = pytest.StashKey()
COLLECTED_KEY: pytest.StashKey[bool] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup(
        "seedwise", "Seedwise studies (inside a Seedwise project without the prefix too: --device, --gate, …)"
    )
    group.addoption(
        "--seedwise-runtime",
        choices=("auto", "docker", "podman", "apptainer", "venv"),
        default=None,
        help="how backends are started: docker (where an engine answers), podman, apptainer, or venv; default: auto, or SEEDWISE_RUNTIME",
    )
    group.addoption(
        "--seedwise-device",
        choices=("auto", "cpu", "cuda"),
        default=None,
        help="where runs train, for studies that leave it open; default: auto, or SEEDWISE_DEVICE",
    )
    group.addoption(
        "--seedwise-engine",
        default=None,
        metavar="ENGINE",
        help="where runs are executed: local (this machine), ray or ray://ADDRESS, slurm, or one that a package adds; default: "
        "SEEDWISE_ENGINE, or local",
    )
    group.addoption(
        "--seedwise-jobs",
        type=int,
        default=None,
        metavar="N",
        help="runs at once; default: as cores, memory and GPUs allow",
    )
    group.addoption(
        "--seedwise-runs-per-gpu",
        type=int,
        default=1,
        metavar="N",
        help="runs that share a GPU, as its memory allows; default: 1",
    )
    group.addoption(
        "--seedwise-cold",
        action="store_true",
        help="start a backend for every run instead of keeping backends up between runs; the same as SEEDWISE_WARM=0",
    )
    group.addoption(
        "--seedwise-gate", action="store_true", help="a declared claim that is contradicted or undecided fails"
    )
    group.addoption(
        "--seedwise-require-exact",
        action="store_true",
        help="an exact test over seeds has to confirm a difference, as where a study says `exact: required`",
    )
    group.addoption(
        "--seedwise-regression-gate",
        type=float,
        default=None,
        metavar="MARGIN",
        help="an arm that is not shown to be no worse than its earlier runs in the store, by MARGIN (0.01 is one point), fails",
    )
    group.addoption(
        "--seedwise-look",
        type=int,
        default=None,
        metavar="N",
        help="run the seeds of look N only, of studies that declare looks; default: every seed",
    )
    group.addoption("--seedwise-no-record", action="store_true", help="leave out the MLflow import and the report")


@pytest.hookimpl(hookwrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Iterator[None]:
    """Inside a Seedwise project, options may be written without their prefix, where nobody else has declared such a one."""
    yield
    if any(is_short(word) for word in args):
        args[:] = with_prefixes(args, early_config)


def pytest_configure(config: pytest.Config) -> None:
    if getattr(config.option, "numprocesses", None) and any(map(_has_study, config.args)):
        raise pytest.UsageError(
            "studies are not run under pytest-xdist: the engine runs them side by side itself (--jobs); leave -n out, or say -n 0"
        )


def _has_study(argument: str) -> bool:
    path = Path(argument.split("::")[0]).absolute()
    files = path.rglob("*.y*ml") if path.is_dir() else [path]
    try:
        return any(is_study(file, named=file == path) for file in files)
    except SeedwiseError:  # faulty settings of the project: said where studies are collected
        return False


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if hasattr(parent.config, "workerinput"):  # a worker of pytest-xdist: the controller says why
        return None
    try:
        if not is_study(file_path, named=parent.session.isinitpath(file_path)):
            return None
    except SeedwiseError as error:  # faulty settings of the project
        raise pytest.Collector.CollectError(plain(masked(str(error)))) from None
    import seedwise.threads  # noqa: F401
    from seedwise.extras import missing

    try:
        from seedwise.plugin.items import StudyCollector
    except ImportError as error:
        raise missing(error) or error from None
    parent.config.stash[COLLECTED_KEY] = True
    return StudyCollector.from_parent(parent, path=file_path)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Start the selected runs together, before pytest goes through the items."""
    if COLLECTED_KEY not in session.config.stash:
        return
    from seedwise.plugin.items import RunItem, StudyItem

    items = [item for item in session.items if isinstance(item, StudyItem)]
    if session.config.option.collectonly or not items:
        return
    if session.testsfailed and not session.config.option.continue_on_collection_errors:
        return  # pytest stops at once: a study file is faulty
    from seedwise.plugin.session import BenchSession

    bench = BenchSession.start(session.config, items)
    session.config.stash[SESSION_KEY] = bench
    bench.submit([item for item in items if isinstance(item, RunItem)])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A line a run, where the user has not asked for less."""
    if COLLECTED_KEY not in config.stash:
        return
    from seedwise.plugin.items import StudyItem, training_work

    if any(isinstance(item, StudyItem) for item in items):
        found = [item for item in items if isinstance(item, StudyItem)]
        if len(found) == len(items) and not any(item.session.isinitpath(item.path) for item in found):
            # Studies of a folder: the shortest answers first; the tasks of one file stay together.
            studies = {item.study_file.study.name: (item.path, item.study_file.study) for item in found}
            work: dict[Path, int] = {}
            for path, study in studies.values():
                work[path] = work.get(path, 0) + training_work(study)
            items.sort(key=lambda item: work[item.path])
        # Of MLflow's own models, nothing a user can do.  Left to pytest: filters set in a thread (early records) do not
        # outlast the item that pytest is at.
        config.addinivalue_line("filterwarnings", "ignore:.*noload.*:DeprecationWarning")
        if config.option.verbose == 0:
            config.option.verbose = 1


def pytest_report_teststatus(report: pytest.TestReport | pytest.CollectReport) -> tuple[str, str, Any] | None:
    words = dict(getattr(report, "user_properties", ())).get("seedwise")
    if words is None or not report.passed or getattr(report, "when", None) != "call":
        return None
    return "passed", ".", (words, {"yellow": True} if words.startswith("DIVERGED") else {"green": True})


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop what still runs: after the last item there is nothing, after -x or an interrupt there may be."""
    bench = session.config.stash.get(SESSION_KEY, None)
    if bench is not None:
        bench.close()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    bench = config.stash.get(SESSION_KEY, None)
    if bench is not None:
        bench.summarise(terminalreporter)
