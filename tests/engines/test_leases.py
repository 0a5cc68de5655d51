from __future__ import annotations

import threading
import time

import pytest

from seedwise.engines.leases import LeasePool, usable_gpus
from seedwise.errors import EngineError


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
