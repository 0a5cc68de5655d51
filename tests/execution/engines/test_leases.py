from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from seedwise.errors import EngineError
from seedwise.execution.engines.leases import LeasePool, gpu_bytes, usable_gpus


@pytest.mark.parametrize(
    ("inherited", "expected"),
    [("2,3", ("2", "3")), ("GPU-ab, 1", ("GPU-ab", "1")), ("", ()), ("-1", ()), ("0,-1,1", ("0",))],
)
def test_gpus_come_from_the_inherited_list(
    monkeypatch: pytest.MonkeyPatch, inherited: str, expected: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", inherited)
    assert usable_gpus() == expected


def test_no_core_or_gpu_is_ever_lent_twice() -> None:
    pool = LeasePool((0, 1, 2), ("4", "7"))
    held: list[int | str] = []
    worst: list[int] = []
    lock, never = threading.Lock(), threading.Event()

    def use(cores: int, gpus: int) -> None:
        for _ in range(20):
            with pool.lease(cores, gpus, never) as lease:
                assert lease is not None
                mine = [*lease.cores, *lease.gpus]
                with lock:
                    held.extend(mine)
                    worst.append(len(held) - len(set(held)))
                time.sleep(0.001)
                with lock:
                    for item in mine:
                        held.remove(item)

    threads = [threading.Thread(target=use, args=need) for need in ((1, 1), (2, 0), (1, 1), (1, 0), (3, 2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(worst) == 100
    assert max(worst) == 0


def test_a_need_beyond_the_machine_is_refused_rather_than_waited_for() -> None:
    with pytest.raises(EngineError, match=r"needs 2 CPU core\(s\) and 1 GPU\(s\)"):
        LeasePool((0,), ()).refuse_impossible(2, 1)


def test_waiting_ends_when_the_session_is_stopped() -> None:
    pool, stop = LeasePool((0,), ()), threading.Event()
    with pool.lease(1, 0, stop) as first:
        assert first is not None
        threading.Timer(0.1, stop.set).start()
        with pool.lease(1, 0, stop) as second:
            assert second is None


def test_who_asks_first_is_served_first() -> None:
    pool, never = LeasePool((0, 1), ()), threading.Event()
    served: list[str] = []

    def ask(name: str, cores: int) -> None:
        with pool.lease(cores, 0, never):
            served.append(name)
            time.sleep(0.02)

    threads = [threading.Thread(target=ask, args=need) for need in (("both", 2), ("one", 1), ("another", 1))]
    with pool.lease(1, 0, never):
        for thread in threads:
            thread.start()
            time.sleep(0.1)
        assert served == [], "one core is free, but who came first needs two"
        again = threading.Thread(target=ask, args=("again", 1))
        again.start()
        time.sleep(0.1)
    for thread in (*threads, again):
        thread.join(timeout=30)
    assert served[0] == "both"
    assert served[-1] == "again", "who has just given a core back waits like anybody else"


def test_runs_share_a_gpu_up_to_the_number_and_spread_first() -> None:
    pool, never = LeasePool(tuple(range(8)), ("0", "1"), runs_per_gpu=2), threading.Event()
    with ExitStack() as held:
        gpus = []
        for _ in range(4):
            lease = held.enter_context(pool.lease(1, 1, never))
            assert lease is not None
            gpus += lease.gpus
        assert gpus == ["0", "1", "0", "1"]
        stop = threading.Event()
        threading.Timer(0.2, stop.set).start()
        with pool.lease(1, 1, stop) as fifth:
            assert fifth is None, "no GPU has a place left"
        with pool.lease(2, 0, never) as beside:
            assert beside is not None
            assert beside.gpus == ()
    with pool.lease(1, 2, never) as both:
        assert both is not None
        assert sorted(both.gpus) == ["0", "1"], "one run never holds a GPU twice"


def test_places_come_back_where_they_were_taken() -> None:
    pool, never = LeasePool(tuple(range(8)), ("a", "b"), runs_per_gpu=3), threading.Event()
    with pool.lease(1, 1, never) as first:
        assert first is not None
        with pool.lease(1, 1, never) as second:
            assert second is not None
            assert (first.gpus, second.gpus) == (("a",), ("b",))
        with pool.lease(1, 1, never) as third:
            assert third is not None
            assert third.gpus == ("b",), "the emptier one"


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [(("0",), 80 << 30), (("1",), 40 << 30), (("0", "1"), 40 << 30), (("GPU-aa",), 80 << 30), (("7",), None)],
)
def test_the_smallest_gpu_tells_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: tuple[str, ...], expected: int | None
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, GPU-aabb, 81920'\necho '1, GPU-ccdd, 40960'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert gpu_bytes(gpus) == expected


def test_no_driver_tells_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_bytes(("0",)) is None
