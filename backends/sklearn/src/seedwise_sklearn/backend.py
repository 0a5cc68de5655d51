"""The verbs.  scikit-learn is imported only when a run begins."""

from __future__ import annotations

import os
import time
from importlib import metadata
from typing import List

from seedwise_contract import CONTRACT_VERSION, Description, Fault, RunResult, RunSpec
from seedwise_contract.backend import Roots, RunContext
from seedwise_contract.faults import shown
from seedwise_sklearn import __version__
from seedwise_sklearn.parameters import METHOD, parameter_faults

PACKAGES = ("scikit-learn", "scipy", "numpy", "pydantic")


class SklearnBackend:
    def describe(self) -> Description:
        return Description(
            contract=CONTRACT_VERSION,
            backend="sklearn",
            version=__version__,
            tasks=["classification"],
            methods=[METHOD],
            initialisations=["none"],
            precisions=[],
            devices=["cpu"],
            deterministic_methods=[METHOD],
            packages={package: metadata.version(package) for package in PACKAGES},
        )

    def check(self, spec: RunSpec, roots: Roots) -> List[Fault]:
        found = []
        if spec.model is not None:
            found.append(Fault(field="model", found=shown(spec.model.name), allowed="null: there is no model to read"))
        if spec.recipe is not None:
            found.append(Fault(field="recipe", found="a recipe", allowed="null: nothing is trained by gradient"))
        if spec.method.name == METHOD:
            found += parameter_faults(spec.method.parameters)
        return found

    def run(self, spec: RunSpec, context: RunContext) -> RunResult:
        begun = time.monotonic()
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[variable] = str(spec.device.threads)  # read once, when the libraries are imported
        from seedwise_sklearn.run import run

        return run(spec, context, begun)
