"""The verbs.  scikit-learn is imported only when a run begins."""

from __future__ import annotations

import os
import time
from importlib import metadata

from seedwise_contract import CONTRACT_VERSION, Description, Fault, RunResult, RunSpec
from seedwise_contract.context import Roots, RunContext
from seedwise_contract.faults import shown
from seedwise_sklearn import __version__
from seedwise_sklearn.parameters import KIND_OF, parameter_faults

PACKAGES = ("scikit-learn", "scipy", "numpy", "pydantic")


class SklearnBackend:
    def describe(self) -> Description:
        return Description(
            contract=CONTRACT_VERSION,
            backend="sklearn",
            version=__version__,
            tasks=["classification", "regression"],
            methods=list(KIND_OF),
            initialisations=["none"],
            precisions=[],
            devices=["cpu"],
            deterministic_methods=list(KIND_OF),
            packages={package: metadata.version(package) for package in PACKAGES},
        )

    def check(self, spec: RunSpec, roots: Roots) -> list[Fault]:
        found = []
        if spec.model is not None:
            found.append(Fault(field="model", found=shown(spec.model.name), allowed="null: there is no model to read"))
        if spec.recipe is not None:
            found.append(Fault(field="recipe", found="a recipe", allowed="null: nothing is trained by gradient"))
        kind = KIND_OF.get(spec.method.name)
        if kind is None:
            return found
        if spec.task.kind != kind and spec.task.kind in KIND_OF.values():
            fitting = ", ".join(name for name, other in KIND_OF.items() if other == spec.task.kind)
            allowed = f"{fitting}: the task is a {spec.task.kind}"
            found.append(Fault(field="method.name", found=shown(spec.method.name), allowed=allowed))
        return found + parameter_faults(spec.method.name, spec.method.parameters)

    def warm(self, threads: int) -> None:
        _set_environment(threads)
        import seedwise_sklearn.run  # noqa: F401

    def run(self, spec: RunSpec, context: RunContext) -> RunResult:
        begun = time.monotonic()
        _set_environment(spec.device.threads)
        from seedwise_sklearn.run import run

        return run(spec, context, begun)


def _set_environment(threads: int) -> None:
    """Libraries read it once, when they are imported."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
