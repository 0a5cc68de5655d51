"""What a session over studies starts with: its studies, their plans, and what of them this machine cannot have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from seedwise.errors import InputError, NoImage, SeedwiseError, Unavailable
from seedwise.execution.workbench import Workbench, open_workbench
from seedwise.notify import Notify
from seedwise.planning.plan import Plan
from seedwise.plugin.terminal import tell
from seedwise.secrets import masked
from seedwise.store.tuning import Untuned
from seedwise.study.model import Study

if TYPE_CHECKING:
    from seedwise.plugin.items import StudyItem


def prepared(
    bench: Workbench, studies: Sequence[Study], say: Notify
) -> tuple[Workbench, dict[str, Plan], dict[str, SeedwiseError]]:
    """What `Workbench.prepare` gives, and the workbench that it is of.

    An engine that has no base image and reaches no registry can build nothing; environments need neither, and are taken
    in its place where the choice is free.
    """
    plans, refused = bench.prepare(studies, say)
    lacking = [error for error in refused.values() if isinstance(error, NoImage)]
    if plans or not lacking or bench.options.runtime != "auto" or bench.runtime.name == "venv":
        return bench, plans, refused
    bench = open_workbench(bench.project, replace(bench.options, runtime="venv"), studies, bench.cluster)
    say(f"runtime: {bench.runtime.name} (the container engine has nothing to build images on: {lacking[0]})")
    return bench, *bench.prepare(studies, say)


def skipped_of(
    config: pytest.Config, items: Sequence[StudyItem], refused: Mapping[str, SeedwiseError]
) -> frozenset[str]:
    """The studies of `refused` that are skipped: not to be had here, named by nobody, and no gate waits for them."""
    named = {item.study_file.study.name for item in items if item.session.isinitpath(item.path)}
    return frozenset(
        name
        for name, refusal in refused.items()
        if isinstance(refusal, Unavailable)
        and (isinstance(refusal, Untuned) or name not in named)
        and not config.getoption("--seedwise-gate")
    )


def not_started(config: pytest.Config, error: SeedwiseError) -> NoReturn:
    """Say why, and end the session with the error's own exit code."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    reporter.ensure_newline()
    tell(reporter, masked(str(error)), red=True)
    pytest.exit("the studies were not started (see above)", returncode=error.exit_code)


def hopeless_of(items: Sequence[StudyItem], require_exact: bool) -> dict[str, SeedwiseError]:
    """Studies with a selected claim that no data could decide: under --gate they are refused before anything is run."""
    from seedwise.forecast.attainable import unattainable_claims
    from seedwise.plugin.items import ClaimItem

    studies = {item.study_file.study.name: item.study_file.study for item in items if isinstance(item, ClaimItem)}
    lines = {name: unattainable_claims(study, require_exact=require_exact) for name, study in studies.items()}
    return {name: InputError("\n".join(said)) for name, said in lines.items() if said}


def studies_of(items: Sequence[StudyItem]) -> list[Study]:
    """The items' studies, once each; two files of one name would mix their histories."""
    files = {item.study_file.study.name: item.study_file for item in items}
    for item in items:
        other = files[item.study_file.study.name]
        if other.path != item.study_file.path:
            raise InputError(
                f"{other.path} and {item.study_file.path} both name their study {other.study.name}; rename one"
            )
    return [study_file.study for study_file in files.values()]
