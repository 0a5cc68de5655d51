"""Making a certificate: the probes of each backend, one after the other in its own image, both backends side by side."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from seedwise.assets.prepare import data_root, models_root
from seedwise.errors import EngineError, InputError
from seedwise.execution.engines.leases import LeasePool
from seedwise.notify import Notify
from seedwise.project import Project
from seedwise.runtimes.base import Launch, Lease, Runtime
from seedwise.verdicts.certificates.certificate import FORMAT, Certificate, setup_of, sha256_of
from seedwise.verdicts.certificates.certificate import Side as Told
from seedwise.verdicts.certificates.measure import Probe, Side, checks, unequal
from seedwise.verdicts.certificates.need import UNPROVED, Need
from seedwise_contract import RunSpec, canonical_json
from seedwise_contract.files import read_record, write_json
from seedwise_contract.probe import HIDDEN, LOGITS, REQUEST, RESULT, VERB, ProbeRequest, ProbeResult
from seedwise_contract.recipe import Recipe

ROWS, UPDATES = 64, 20
EFFECTS = 10  # updates that show how large an effect is; nothing passes or fails by them
_SECONDS, _POLL_SECONDS = 900, 0.05
_PREFIX = ".probe-"
_NOTHING = ProbeRequest(rows=0, updates=0)
_TRAIN = ProbeRequest(rows=0, updates=EFFECTS)
_STILL = {"hidden": 0.0, "attention": 0.0, "classifier": 0.0}


class Certifier:
    """Runs probes with a runtime whose backends are prepared, on what `pool` lends: never beside more runs than it allows."""

    def __init__(self, project: Project, runtime: Runtime, pool: LeasePool, memory_gib: float, say: Notify) -> None:
        self._project = project
        self._runtime = runtime
        self._memory = int(memory_gib * (1 << 30))
        self._say = say
        self._pool = pool

    def make(self, need: Need) -> Certificate:
        """Probe both backends; `InputError` where one has no probe or the task is another, `EngineError` where one ends badly."""
        if need.spec.task.kind != "classification":
            raise InputError(f"arm {need.arm}: {UNPROVED}")
        for backend, _ in need.backends:
            if VERB not in self._runtime.describe(backend).verbs:
                raise InputError(
                    f"backend '{backend}' cannot be certified: its description has no verb '{VERB}' (docs/contract.md)"
                )
        self._sweep()
        cancelled = threading.Event()
        with ThreadPoolExecutor(len(need.backends), thread_name_prefix="probes") as together:
            try:
                begun = [
                    together.submit(self._side, need, backend, digest, cancelled) for backend, digest in need.backends
                ]
                sides = [future.result() for future in begun]
            except BaseException:
                cancelled.set()
                raise
        told = [
            Told(backend=name, digest=digest or "", packages=side.still.result.packages)
            for (name, digest), side in zip(need.backends, sides, strict=True)
        ]
        setup = setup_of(need.spec)
        return Certificate(
            format=FORMAT,
            sides=(told[0], told[1]),
            setup=setup,
            setup_sha256=sha256_of(setup),
            checks=checks(sides[0], sides[1], need.spec.initialisation),
            unequal=unequal(sides[0], sides[1]),
        )

    def _sweep(self) -> None:
        """Remove what harnesses left that were killed; no probe lasts so long that it could be another one's."""
        for left in self._project.runs.glob(f"{_PREFIX}*"):
            with suppress(FileNotFoundError):  # another one's, at its end
                if time.time() - left.stat().st_mtime > 2 * _SECONDS:
                    shutil.rmtree(left, ignore_errors=True)

    def _side(self, need: Need, backend: str, digest: str | None, cancelled: threading.Event) -> Side:
        if digest is None:
            raise EngineError(f"backend '{backend}' is not built: 'seedwise images build' builds it")
        if need.spec.recipe is None:
            raise InputError(f"arm {need.arm} has no recipe: only backends that train by gradient can be certified")

        device = need.spec.device
        with self._pool.lease(device.threads, int(device.kind == "cuda"), cancelled) as lease:
            if lease is None:
                raise EngineError(f"the probes of backend '{backend}' were stopped")
            return self._probes(need, need.spec.recipe, backend, digest, lease, cancelled)

    def _probes(
        self, need: Need, recipe: Recipe, backend: str, digest: str, lease: Lease, cancelled: threading.Event
    ) -> Side:
        def probe(what: str, spec: RunSpec, request: ProbeRequest, changes: Mapping[str, Any]) -> Probe:
            self._say(f"probe {backend}: {what}")
            return self._probe(_changed(spec, backend, changes), request, digest, lease, cancelled)

        spec, other = need.spec, need.other
        still, optimizer = {"dropout": _STILL}, recipe.optimizer.model_dump()
        noisy = again = None
        if any(recipe.dropout.model_dump().values()):
            noisy = probe("with dropout", spec, _TRAIN, {})
            seeds = spec.seeds.model_copy(update={"dropout": other.seeds.dropout})
            again = probe("with dropout, another seed", spec.model_copy(update={"seeds": seeds}), _TRAIN, {})
        return Side(
            still=probe("without dropout", spec, ProbeRequest(rows=ROWS, updates=UPDATES), still),
            other=probe("another seed", other, _NOTHING, still),
            tiny_eps=probe("epsilon 1e-30", spec, _TRAIN, {**still, "optimizer": {**optimizer, "eps": 1e-30}}),
            noisy=noisy,
            noisy_again=again,
        )

    def _probe(
        self, spec: RunSpec, request: ProbeRequest, digest: str, lease: Lease, cancelled: threading.Event
    ) -> Probe:
        # Among the runs, so that a warm backend of theirs answers; the store overlooks names that begin with a dot.
        place = self._project.runs
        place.mkdir(parents=True, exist_ok=True)
        out = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        try:
            out.chmod(0o755)
            write_json(out / "spec.json", spec)
            write_json(out / REQUEST, request)
            launch = Launch(
                backend=spec.backend,
                digest=digest,
                run_id=out.name,
                out=out,
                data=data_root(self._project),
                models=models_root(self._project),
                lease=lease,
                memory_bytes=self._memory,
                verb=VERB,
                cold=spec.device.instructions is not None,
            )
            process = self._runtime.start(launch)
            end = time.monotonic() + _SECONDS
            while (ended := process.poll()) is None:
                if cancelled.wait(_POLL_SECONDS) or time.monotonic() > end:
                    process.stop(5.0)
            if ended.code != 0:
                tail = "\n".join(ended.log.strip().splitlines()[-15:])
                raise EngineError(
                    f"the probe of backend '{spec.backend}' ended with exit code {ended.code}; its log ends:\n{tail}"
                )
            try:
                result = ProbeResult.model_validate_json(read_record(out / RESULT))
                return Probe(
                    result, np.load(out / HIDDEN, allow_pickle=False), np.load(out / LOGITS, allow_pickle=False)
                )
            except (OSError, ValueError, ValidationError) as error:
                raise EngineError(f"the probe of backend '{spec.backend}' left no readable answer: {error}") from None
        finally:
            shutil.rmtree(out, ignore_errors=True)


def _changed(spec: RunSpec, backend: str, recipe: Mapping[str, Any]) -> RunSpec:
    """The spec for `backend`, with fields of its recipe replaced, validated anew."""
    value = spec.model_dump(mode="json")
    value["backend"] = backend
    value["recipe"].update(recipe)
    return RunSpec.model_validate_json(canonical_json(value))
