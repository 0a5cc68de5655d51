from __future__ import annotations

import json
from pathlib import Path
from threading import Event

import pytest

from seedwise.errors import EngineError
from seedwise.planning.plan import PlannedRun
from seedwise.store.store import DamagedRun, Provenance, Store, now
from seedwise_contract import FailureReason, RunResult, RunSpec, RunStatus, run_id
from seedwise_contract.files import sha256_file, write_json
from seedwise_contract.results import Cost, Timings
from tests.contract.specs import SPEC

DIGEST = "docker:sha256:" + "a" * 64


def planned() -> PlannedRun:
    spec = RunSpec.model_validate_json(json.dumps(SPEC))
    return PlannedRun("arm", 0, spec, DIGEST, run_id(spec, DIGEST))


def provenance(run: PlannedRun) -> Provenance:
    return Provenance(
        run_id=run.run_id or "",
        backend="hf",
        digest=DIGEST,
        runtime="docker",
        declaration="d",
        study="s",
        arm="arm",
        host="h",
        git_commit=None,
        git_dirty=None,
        started=now(),
    )


def result(status: RunStatus, files: dict[str, str]) -> RunResult:
    return RunResult(
        contract=1,
        status=status,
        reason=FailureReason.INTERNAL if status is RunStatus.FAILED else None,
        message=None,
        metrics={"test": {"accuracy": 0.5}},
        selected=None,
        updates=1,
        timings=Timings(setup=0, training=0, evaluation=0, total=1),
        cost=Cost(
            train_examples_per_second=None,
            peak_host_bytes=None,
            peak_device_bytes=None,
            energy_joules=None,
            checkpoint_bytes=None,
        ),
        files=files,
    )


def finish(store: Store, run: PlannedRun, status: RunStatus = RunStatus.COMPLETED) -> Path:
    with store.attempt(run.spec, provenance(run)) as folder:
        assert folder is not None
        (folder / "a.txt").write_text("a")
        write_json(folder / "result.json", result(status, {"a.txt": sha256_file(folder / "a.txt")}))
        if status is not RunStatus.FAILED:
            assert store.publish(run.run_id or "", folder)
    return store.folder(run.run_id or "")


def test_a_run_is_done_when_its_result_is_there_and_not_failed(tmp_path: Path) -> None:
    store, run = Store(tmp_path), planned()
    assert not store.is_done(run.run_id)
    with store.attempt(run.spec, provenance(run)) as folder:
        assert folder is not None
        (folder / "events.jsonl").write_text("{}")
    assert not store.is_done(run.run_id)
    finish(store, run, RunStatus.FAILED)
    assert not store.is_done(run.run_id)
    finish(store, run, RunStatus.DIVERGED)
    assert store.is_done(run.run_id)
    assert not (store.folder(run.run_id or "") / "events.jsonl").exists()  # nothing of an earlier attempt is mixed in
    assert list(store.finished()) == [run.run_id]
    assert store.attempted(run.run_id or "") is None  # nothing is left beside it


def test_a_resumable_state_survives_to_the_next_attempt(tmp_path: Path) -> None:
    store, run = Store(tmp_path), planned()
    with store.attempt(run.spec, provenance(run)) as folder:
        assert folder is not None
        (folder / "state").mkdir()
        (folder / "events.jsonl").write_text("kept")
    with store.attempt(run.spec, provenance(run)) as folder:
        assert folder is not None
        assert (folder / "state").is_dir()
        assert (folder / "events.jsonl").read_text() == "kept"


def test_the_last_failure_is_told_until_a_next_attempt_begins(tmp_path: Path) -> None:
    store, run = Store(tmp_path), planned()
    with store.attempt(run.spec, provenance(run)) as folder:
        assert folder is not None
        store.record_failure(folder, FailureReason.BAD_DATA, "row 3", 3)
    failure = store.failure(run.run_id or "")
    assert failure is not None
    assert failure.message == "row 3"
    with store.attempt(run.spec, provenance(run)):
        assert store.failure(run.run_id or "") is None


def test_what_another_harness_has_finished_is_not_done_again(tmp_path: Path) -> None:
    store, run = Store(tmp_path), planned()
    finish(store, run)
    with Store(tmp_path).attempt(run.spec, provenance(run)) as folder:
        assert folder is None
    assert (store.folder(run.run_id or "") / "a.txt").exists()


def test_a_run_that_another_harness_holds_is_waited_for_until_stopped(tmp_path: Path) -> None:
    store, run = Store(tmp_path), planned()
    stopped = Event()
    stopped.set()
    with (
        store.attempt(run.spec, provenance(run)),
        pytest.raises(EngineError, match="another harness"),
        Store(tmp_path).attempt(run.spec, provenance(run), stopped),
    ):
        pass


def test_changed_files_and_specs_are_found(tmp_path: Path) -> None:
    store, run = Store(tmp_path), planned()
    folder = finish(store, run)
    stored = store.read(run.run_id or "")
    assert store.verified(stored, "a.txt") == folder / "a.txt"
    (folder / "a.txt").write_text("b")
    with pytest.raises(DamagedRun, match=r"a\.txt: missing, or changed"):
        store.verified(stored, "a.txt")
    value = json.loads((folder / "spec.json").read_text())
    value["seeds"]["seed"] = 9
    (folder / "spec.json").write_text(json.dumps(value))
    with pytest.raises(DamagedRun, match="do not give this run's id"):
        store.read(run.run_id or "")
    (folder / "result.json").write_text("{}")
    with pytest.raises(DamagedRun, match="not a result of the contract"):
        store.is_done(run.run_id)
