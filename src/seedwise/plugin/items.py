"""What pytest collects from a study file: an item a run, then an item a claim."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seedwise.errors import SeedwiseError
from seedwise.escaping import plain
from seedwise.plugin import SESSION_KEY
from seedwise.secrets import masked
from seedwise.study.load import StudyFile, load_studies
from seedwise.study.metric import METRICS
from seedwise.study.model import Claim, Study

if TYPE_CHECKING:
    from seedwise.verdicts.comparison import ClaimOutcome


class StudyCollector(pytest.File):
    def collect(self) -> Iterator[StudyItem]:
        try:
            study_files = load_studies(self.path)
        except SeedwiseError as error:
            raise self.CollectError(plain(masked(str(error)))) from None
        for study_file in study_files:
            yield from self._runs(study_file)
        for study_file in study_files:  # after the runs of every task, since all claims are one family
            yield from self._claims(study_file)
        suite = study_files[0].suite
        for claim in suite.claims if suite is not None else ():
            yield SuiteClaimItem.from_parent(self, name=f"claim[{claim.name}]", study_file=study_files[0], claim=claim)

    def _runs(self, study_file: StudyFile) -> Iterator[StudyItem]:
        study, task = study_file.study, _task(study_file)
        for seed in self._seeds(study):
            for arm in study.arms:
                if seed in study.seeds_of(arm):
                    yield RunItem.from_parent(
                        self, name=f"{task}{arm}[seed={seed}]", study_file=study_file, arm=arm, seed=seed
                    )

    def _claims(self, study_file: StudyFile) -> Iterator[StudyItem]:
        study, task = study_file.study, _task(study_file)
        pairs = {
            ",".join(sorted({study.arms[claim.a].backend, study.arms[claim.b].backend})): None for claim in study.claims
        }
        for pair in pairs:
            if "," in pair:
                yield CertificateItem.from_parent(
                    self, name=f"{task}certificate[{pair}]", study_file=study_file, pair=pair
                )
        for claim in study.claims:
            yield ClaimItem.from_parent(self, name=f"{task}claim[{claim.name}]", study_file=study_file, claim=claim)
        if self.config.getoption("--seedwise-regression-gate") is not None:
            for name, declared in study.arms.items():
                if not declared.baseline:
                    yield RegressionItem.from_parent(
                        self,
                        name=f"{task}regression[{name}]",
                        study_file=study_file,
                        arm=name,
                        margin=self._margin(study),
                    )

    def _margin(self, study: Study) -> float:
        margin = float(self.config.getoption("--seedwise-regression-gate"))
        if METRICS[study.task.metric].unit and not 0.0 < margin < 1.0:
            raise self.CollectError(
                f"--regression-gate {margin:g}: a margin between 0 and 1 is needed; 0.01 is one point"
            )
        if not 0.0 < margin < float("inf"):
            raise self.CollectError(
                f"--regression-gate {margin:g}: a positive margin is needed, in {study.task.metric}"
            )
        return margin

    def _seeds(self, study: Study) -> list[int]:
        """The study's seeds, up to the look that `--look` names; of a folder's studies, those without looks have every seed."""
        number = self.config.getoption("--seedwise-look")
        if number is None or (study.looks is None and not self.session.isinitpath(self.path)):
            return study.seeds
        if study.looks is None:
            raise self.CollectError(f"--look {number}: {self.path} declares no looks; leave the option out")
        if not 1 <= number <= len(study.looks.seeds):
            raise self.CollectError(f"--look {number}: {self.path} declares {len(study.looks.seeds)} looks")
        return study.seeds[: study.looks.seeds[number - 1]]


_EVERY_ROW = 100_000  # how many those are is known only when the data are there


def training_work(study: Study) -> int:
    """How long the study's training takes, in passes of an example through a model, to put studies in order.

    A step of full fine-tuning is a forward pass and two of its length backward, for inputs and for weights; one that leaves
    the weights as they are takes one backward.
    """
    rows = study.task.rows.train if study.task.rows is not None else _EVERY_ROW
    return sum(
        len(study.seeds_of(name)) * arm.recipe.epochs * rows * (3 if arm.method.name == "full" else 2)
        for name, arm in study.arms.items()
        if arm.recipe is not None
    )


def _task(study_file: StudyFile) -> str:
    """What stands before the names of a task's items where a file has several."""
    part = study_file.study.part
    return "" if part is None else f"{part.task}/"


class StudyItem(pytest.Item):
    def __init__(self, *, study_file: StudyFile, **rest: Any) -> None:
        super().__init__(**rest)
        self.study_file = study_file

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, self.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, RunFailed | ClaimFailed | SeedwiseError):
            return plain(masked(str(excinfo.value)))
        return super().repr_failure(excinfo, style)


class RunFailed(Exception):
    """A run left no result; the message has its typed reason and the end of its log."""


class ClaimFailed(Exception):
    """Under --gate: a declared claim that the runs contradict or do not decide."""


class RunItem(StudyItem):
    def __init__(self, *, arm: str, seed: int, **rest: Any) -> None:
        super().__init__(**rest)
        self.arm = arm
        self.seed = seed
        self.extra_keyword_matches.update({arm, f"seed{seed}"})  # -k has no "=": -k "lora and seed3"

    def runtest(self) -> None:
        bench = self.config.stash[SESSION_KEY]
        outcome = bench.wait_for(self)
        if outcome.result is None:
            reason = outcome.reason.value if outcome.reason else "unknown"
            raise RunFailed(f"{self.name} failed ({reason}): {outcome.message}\nA next call runs it again.")
        self.user_properties.append(("seedwise", bench.words(self, outcome)))


class CertificateItem(StudyItem):
    """Proof that two backends do the same work; after the runs, so that its probes disturb none."""

    def __init__(self, *, pair: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.pair = pair

    def runtest(self) -> None:
        bench = self.config.stash[SESSION_KEY]
        self.user_properties.append(("seedwise", bench.certify(self.study_file.study.name, self.pair)))


class DeclaredItem(StudyItem):
    """A declared claim, decided by what its runs gave."""

    def __init__(self, *, claim: Claim, **rest: Any) -> None:
        super().__init__(**rest)
        self.claim = claim

    def judge(self, claims: Sequence[ClaimOutcome], waits_for: str) -> None:
        """Passes, or with `--gate` fails, by the claim's outcome among `claims`; without one it stays open, and `waits_for` says why."""
        from seedwise.stats import ClaimStatus

        gate = bool(self.config.getoption("--seedwise-gate"))
        decided = next((outcome for outcome in claims if outcome.name == self.claim.name), None)
        if decided is None:
            if gate:
                raise ClaimFailed(f"claim {self.claim.name} is undecided: {waits_for}")
            pytest.skip(f"the claim stays open: {waits_for}")
        if gate and decided.status is not ClaimStatus.SUPPORTED:
            status = decided.verdict.claim_status.value
            raise ClaimFailed(f"claim {self.claim.name} ({decided.statement}) is {status}: {decided.sentence}")
        if gate and not decided.declared:
            raise ClaimFailed(f"claim {self.claim.name} was not declared before its runs: {'; '.join(decided.notes)}")
        self.user_properties.append(
            ("seedwise", f"{decided.verdict.claim_status.value} ({decided.verdict.outcome.value})")
        )


class ClaimItem(DeclaredItem):
    def runtest(self) -> None:
        found = self.config.stash[SESSION_KEY].compared(self.study_file.study.name)
        for refused in found.refused:
            if refused.claim.name == self.claim.name:
                raise ClaimFailed(f"claim {self.claim.name} is {refused.reason}")
        missing = [run for run in found.missing if run.arm in (self.claim.a, self.claim.b)]
        self.judge(found.claims, f"{len(missing)} runs are missing")


class SuiteClaimItem(DeclaredItem):
    """A claim over the tasks of a file, after every run of all of them."""

    def runtest(self) -> None:
        assert self.study_file.suite is not None
        found = self.config.stash[SESSION_KEY].compared_over(self.study_file.suite)
        self.judge(found.claims, "runs of some task are missing")


class RegressionItem(StudyItem):
    """Under --regression-gate: an arm against its earlier runs."""

    def __init__(self, *, arm: str, margin: float, **rest: Any) -> None:
        super().__init__(**rest)
        self.arm = arm
        self.margin = margin

    def runtest(self) -> None:
        from seedwise.verdicts.regression import Gate

        found = self.config.stash[SESSION_KEY].regression(self.study_file.study.name, self.arm, self.margin)
        if found is None:
            pytest.skip(f"runs of {self.arm} are missing")
        if found.gate is Gate.NO_REFERENCE:
            pytest.skip(found.words)
        if found.gate is not Gate.PASSED:
            raise ClaimFailed(f"regression gate ({found.gate.value}): {found.words}")
        self.user_properties.append(("seedwise", found.gate.value))
