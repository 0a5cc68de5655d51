"""The signature of a verdict: one short line that says what was compared, on what, and how; for papers and for checking.

It names the verdict's inputs, never its result, so that whoever has the predictions can check both.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from seedwise.bounded import reason
from seedwise.errors import InputError
from seedwise.regular import read_regular
from seedwise.stats import Question, Verdict
from seedwise.store.store import DamagedRun
from seedwise.verdicts.arms import ArmScores
from seedwise.verdicts.comparison import REPORTED_SPLIT, ClaimOutcome, StudyOutcome
from seedwise.verdicts.over_tasks import SuiteOutcome
from seedwise.version import __version__
from seedwise_contract.environment import Environment

SHORT = 8  # digits of what only has to be told apart
LONG = 16  # of the predictions, which the verdict hangs on

# In this order; those in OPTIONAL are left out where there is nothing to say.
FIELDS = (
    "seedwise",
    "study",
    "claim",
    "a",
    "b",
    "margin",
    "metric",
    "data",
    "n",
    "clusters",
    "seeds",
    "images",
    "processors",
    "predictions",
    "test",
    "exact",
    "alpha",
    "family",
    "look",
    "declared",
)
OPTIONAL = ("margin", "clusters", "exact", "look", "declared", "processors")
_TESTS = {Question.SEEDS_AND_EXAMPLES: "crossed-t", Question.SEEDS: "welch-t", Question.EXAMPLES: "examples-t"}
_NAME = r"[a-z0-9][a-z0-9_.-]{0,63}"
_NUMBER = r"[0-9]+(\.[0-9]+)?(e-?[0-9]+)?"
_SEEDS = r"([0-9]+(-[0-9]+)?)(,[0-9]+(-[0-9]+)?)*"
_PATTERNS = {
    "seedwise": r"[0-9A-Za-z.+]+",
    "study": rf"{_NAME}@[0-9a-f]{{{SHORT}}}",
    "claim": r"superiority|equivalence",
    "a": _NAME,
    "b": _NAME,
    "margin": _NUMBER,
    "metric": r"[a-z0-9_-]+(\+[a-z0-9_-]+)*",
    "data": rf"{_NAME}@[0-9a-f]{{{SHORT}}}(\+{_NAME}@[0-9a-f]{{{SHORT}}})*",
    "n": r"[0-9]+|-",
    "clusters": rf"[0-9]+@[0-9a-f]{{{SHORT}}}",
    "seeds": rf"{_SEEDS}(/{_SEEDS})?",
    "images": rf"{_NAME}@[0-9a-z]{{1,{SHORT}}}(\+{_NAME}@[0-9a-z]{{1,{SHORT}}})*",
    "processors": rf"{_NAME}(\+{_NAME})*",
    "predictions": rf"[0-9a-f]{{{LONG}}}",
    "test": r"[a-z-]+",
    "exact": r"required",
    "alpha": _NUMBER,
    "family": r"[0-9]+",
    "look": r"[0-9]+of[0-9]+",
    "declared": r"no",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """Field → value, in the order of `FIELDS`; `str()` gives the line."""

    fields: Mapping[str, str]

    def __str__(self) -> str:
        return "|".join(f"{name}:{value}" for name, value in self.fields.items())

    def answers(self, wanted: Signature) -> bool:
        """Whether this is the verdict that `wanted` names; lines of earlier versions do not say `processors`."""
        return all(
            self.fields.get(name) == wanted.fields.get(name)
            for name in FIELDS
            if name in wanted.fields or name != "processors"
        )

    def differences(self, other: Signature) -> tuple[str, ...]:
        """The fields in which the two differ, as 'field: ours, not theirs'."""
        names = [name for name in FIELDS if self.fields.get(name) != other.fields.get(name)]
        return tuple(f"{name}: {self.fields.get(name, 'none')}, not {other.fields.get(name, 'none')}" for name in names)


def sign(outcome: StudyOutcome, claim: ClaimOutcome) -> Signature:
    """The signature of one decided claim (or exploratory comparison) of `outcome`."""
    study, verdict, look = outcome.study, claim.verdict, outcome.look
    is_claim = any(claim.name == declared.name for declared in study.claims)
    arms = (outcome.arms[claim.a], outcome.arms[claim.b])
    return Signature(
        _ordered(
            _common(claim, (outcome,))
            | {
                "study": f"{study.name}@{study.declaration()[:SHORT]}",
                "clusters": _clusters(outcome, verdict),
                "predictions": predictions_digest(arms)[:LONG],
                "test": ("paired-" if verdict.paired else "") + _TESTS[verdict.question],
                "look": None if look is None or not is_claim else f"{look.number}of{look.of}",
            }
        )
    )


def sign_over(found: SuiteOutcome, claim: ClaimOutcome) -> Signature:
    """The signature of a claim over the tasks: data, images and predictions of all of them, in the order of the file."""
    suite, verdict = found.suite, claim.verdict
    declared = next(each for each in suite.claims if each.name == claim.name)
    pairs = [(outcome.arms[claim.a], outcome.arms[claim.b]) for outcome in found.outcomes]
    predictions = "".join(f"{predictions_digest(pair)}\n" for pair in pairs)
    kinds = {"suite": "suite-t", "tasks-like-these": "tasks-t"}
    return Signature(
        _ordered(
            _common(claim, found.outcomes)
            | {
                "study": f"{suite.name}@{suite.declaration[:SHORT]}",
                "predictions": hashlib.sha256(predictions.encode()).hexdigest()[:LONG],
                "test": f"{'paired-' if verdict.paired else ''}{'standardised-' if suite.standardised else ''}{kinds[declared.scope]}",
            }
        )
    )


def _common(claim: ClaimOutcome, outcomes: Sequence[StudyOutcome]) -> dict[str, str | None]:
    """What is said alike of a claim on one study and over several, which share their seeds."""
    verdict = claim.verdict
    arms = [outcome.arms[name] for outcome in outcomes for name in (claim.a, claim.b)]
    splits = [(each.plan.data.name, each.plan.data.splits[REPORTED_SPLIT].sha256) for each in outcomes]
    return {
        "seedwise": __version__,
        "claim": verdict.claim,
        "a": claim.a,
        "b": claim.b,
        "margin": None if verdict.margin is None else f"{verdict.margin:g}",
        "metric": "+".join(dict.fromkeys(each.study.task.metric for each in outcomes)),
        "data": "+".join(f"{name}@{digest[:SHORT]}" for name, digest in splits),
        "n": "-" if verdict.n_examples is None else str(verdict.n_examples),
        "seeds": _both(arms[0].seeds, arms[1].seeds),
        "images": _images(arms),
        "processors": _processors(arms),
        "exact": "required" if verdict.require_exact else None,
        "alpha": f"{verdict.alpha:g}",
        "family": str(verdict.family_size),
        "declared": None if claim.declared else "no",
    }


def parse_signature(text: str) -> Signature:
    """The signature in `text`; blanks and line breaks, as a page's typesetting leaves them, do not count.

    `InputError` names the field that is missing, unknown, given twice or not of its form.
    """
    found: dict[str, str] = {}
    for part in re.sub(r"\s+", "", text).split("|"):
        name, colon, value = part.partition(":")
        if not colon or name not in _PATTERNS:
            raise InputError(f"signature: found {part[:80]!r}; a field is one of {', '.join(FIELDS)}, a colon, a value")
        if name in found:
            raise InputError(f"signature: the field {name} is given twice")
        if re.fullmatch(_PATTERNS[name], value) is None:
            raise InputError(f"signature: {name} is {value[:80]!r}, which is not of the form that it has")
        found[name] = value
    missing = [name for name in FIELDS if name not in found and name not in OPTIONAL]
    if missing:
        raise InputError(f"signature: no {', '.join(missing)} in it; is it cut short?")
    return Signature(_ordered(found))


def predictions_digest(arms: Iterable[ArmScores]) -> str:
    """sha256 over the lines `arm NUL seed NUL sha256 of the predictions' file LF` of the arms' runs, sorted.

    The sha256 is that in the run's result; 'none' for a diverged run that left no predictions.
    """
    name = f"predictions/{REPORTED_SPLIT}.jsonl"
    lines = sorted(
        f"{arm.name}\0{run.spec.seeds.seed}\0{run.result.files.get(name, 'none')}\n" for arm in arms for run in arm.runs
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _ordered(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name in FIELDS if (value := values.get(name)) is not None}


def _clusters(outcome: StudyOutcome, verdict: Verdict) -> str | None:
    """How many clusters the examples form, and by which groups."""
    groups = outcome.plan.data.groups
    if verdict.n_clusters is None or groups is None:
        return None
    return f"{verdict.n_clusters}@{groups.digest[:SHORT]}"


def _both(a: Sequence[int], b: Sequence[int]) -> str:
    """One list where the arms have the same seeds, else A's and B's."""
    return _seeds(a) if sorted(a) == sorted(b) else f"{_seeds(a)}/{_seeds(b)}"


def _seeds(seeds: Sequence[int]) -> str:
    """'0-5', '0-2,7'."""
    spans: list[list[int]] = []
    for seed in sorted(seeds):
        if spans and seed == spans[-1][1] + 1:
            spans[-1][1] = seed
        else:
            spans.append([seed, seed])
    return ",".join(f"{low}" if low == high else f"{low}-{high}" for low, high in spans)


def _images(arms: Iterable[ArmScores]) -> str:
    found = {(run.provenance.backend, run.provenance.digest) for arm in arms for run in arm.runs}
    return "+".join(f"{backend}@{digest.rsplit(':', 1)[-1][:SHORT]}" for backend, digest in sorted(found))


def _processors(arms: Iterable[ArmScores]) -> str | None:
    """The kinds of processor that the runs' bits were made on; None where a run does not say."""
    found = set()
    for arm in arms:
        for run in arm.runs:
            if "environment.json" not in run.result.files:
                return None
            try:
                told = Environment.model_validate_json(read_regular(run.folder, "environment.json"))
            except (OSError, ValidationError) as error:
                said = (
                    f"not an environment of the contract ({reason(error)})"
                    if isinstance(error, ValueError)
                    else str(error)
                )
                raise DamagedRun(
                    f"{run.folder / 'environment.json'}: {said}; move the run's folder away to run it again"
                ) from None
            found.add(processor_kind(told, run.spec.device.instructions))
    return "+".join(sorted(found)) or None


def processor_kind(environment: Environment, instructions: str | None) -> str:
    """What decides a run's last bits: the accelerator's name, the instruction set that it was held to, or maker and kernels.

    'nvidia-h100-pcie'; 'avx2'; 'authenticamd-avx512'.
    """
    if environment.device != "cpu":
        return _slug(environment.device)
    if instructions is not None:
        return _slug(instructions)
    maker = re.search(r"\((\w+), family ", environment.cpu or "")
    kernels = environment.determinism.get("torch.cpu_capability", "")
    return _slug(f"{maker[1] if maker else 'cpu'}-{kernels}")


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:64] or "unknown"
