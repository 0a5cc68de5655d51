from __future__ import annotations

import os

import pytest

from seedwise_contract import BackendError, processor


def test_a_processor_without_avx2_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "model name": "Old One",
        "vendor_id": "GenuineIntel",
        "cpu family": "6",
        "model": "42",
        "flags": "sse4_2 avx",
    }
    monkeypatch.setattr(processor, "_told", lambda: told)
    with pytest.raises(BackendError, match=r"AVX2; found Old One \(GenuineIntel, family 6, model 42\)"):
        processor.hold("avx2")
    processor.hold(None)
    assert not processor.HELD["avx2"].items() <= os.environ.items()


def test_a_machine_that_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "_told", dict)
    assert not processor.has_avx2()
    with pytest.raises(BackendError, match="needs an x86-64 processor with AVX2"):
        processor.hold("avx2")
