"""Which certificates a study's claims need, and which of them are on the shelf."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from seedwise.planning.plan import Plan, derive_seeds
from seedwise.study.metric import METRICS
from seedwise.study.model import Claim
from seedwise.verdicts.certificates.certificate import FORMAT, Certificate, setup_of, sha256_of
from seedwise_contract import RunSpec
from seedwise_contract.files import read_record, write_json

UNPROVED = (
    "a certificate is of classifiers: that two backends do the same work on a language model cannot be proved; compare arms of one "
    "backend"
)


@dataclass(frozen=True, slots=True)
class Need:
    """A setup (that of `spec`) in two backends: (name, digest) each, by name.  `digest` is None where it is not built."""

    backends: tuple[tuple[str, str | None], tuple[str, str | None]]
    spec: RunSpec
    other: RunSpec
    """The same setup with another seed."""
    arm: str

    @property
    def name(self) -> str:
        decides = [FORMAT, sha256_of(setup_of(self.spec)), [list(pair) for pair in self.backends]]
        return sha256_of(decides)[:20]

    @property
    def pair(self) -> str:
        return ",".join(name for name, _ in self.backends)


def needs_of(plan: Plan) -> list[Need]:
    """What the study's claims across backends need, once each."""
    found = {need.name: need for claim in plan.study.claims for need in needs_of_claim(plan, claim)}
    return list(found.values())


def needs_of_claim(plan: Plan, claim: Claim) -> list[Need]:
    """Both arms' setups, each in both backends; nothing where the arms share a backend."""
    runs = [plan.of_arm(claim.a)[0], plan.of_arm(claim.b)[0]]
    if runs[0].spec.backend == runs[1].spec.backend:
        return []
    first, second = sorted((run.spec.backend, run.digest) for run in runs)
    found: dict[str, Need] = {}
    for run in runs:
        other = derive_seeds(run.seed + 1)
        need = Need((first, second), run.spec, run.spec.model_copy(update={"seeds": other}), run.arm)
        found.setdefault(need.name, need)
    return list(found.values())


class Shelf:
    """Certificates as JSON files, by the digest of what they are about."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def beside(cls, runs: Path) -> Shelf:
        """The shelf of the home whose runs lie in `runs`."""
        return cls(runs.parent / "certificates")

    def path(self, need: Need) -> Path:
        return self.root / f"{need.name}.json"

    def find(self, need: Need) -> Certificate | None:
        """The certificate of exactly these digests and this setup, passed or not; None where there is none."""
        try:
            certificate = Certificate.model_validate_json(read_record(self.path(need)))
        except (OSError, ValidationError):
            return None
        sides = tuple((side.backend, side.digest) for side in certificate.sides)
        told = sha256_of(certificate.setup)
        right = told == certificate.setup_sha256 == sha256_of(setup_of(need.spec))
        return certificate if right and sides == need.backends else None

    def put(self, need: Need, certificate: Certificate) -> None:
        write_json(self.path(need), certificate)

    def refusal(self, plan: Plan, claim: Claim) -> str | None:
        """Why a claim across backends cannot be decided, and how to get there; None where nothing stands against it."""
        if METRICS[plan.study.task.metric].kind != "classification" and needs_of_claim(plan, claim):
            return f"refused: {UNPROVED}"
        how = "'seedwise certify' with the study's file makes the certificate"
        for need in needs_of_claim(plan, claim):
            pair = " and ".join(name for name, _ in need.backends)
            about = f"between {pair} for the setup of arm {need.arm}"
            certificate = self.find(need)
            if certificate is None:
                return f"refused: no certificate {about} with the backends as they are now; {how}"
            if not certificate.passed:
                failed = ", ".join(certificate.failed)
                return f"refused: the certificate {about} failed ({failed}); {how} shows the figures"
        return None

    def certificates(self, plan: Plan) -> tuple[Certificate, ...]:
        return tuple(found for need in needs_of(plan) if (found := self.find(need)) is not None)
