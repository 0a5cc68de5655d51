"""Which base is built on, and why."""

from __future__ import annotations

import pytest

from seedwise.errors import ImageError
from seedwise.images.bases import allowed, choose_base
from seedwise.images.definition import Base
from tests.images.conftest import FakeEngine

OFFICIAL, LOCAL = "python:3.11-slim-bookworm", "seedwise-base:debian-bookworm"
BASE = Base(reference=OFFICIAL, local=LOCAL, python="3.11", glibc="2.36")
PINNED = "python@sha256:" + "d" * 64


def choose(engine: FakeEngine, pinned: str | None = None) -> tuple[str, str]:
    chosen = choose_base(engine, "python-3.11", BASE, pinned, lambda line: None)  # type: ignore[arg-type]
    return chosen.identity.reference, chosen.why


def test_the_official_image_where_it_is_here(engine: FakeEngine) -> None:
    engine.add([OFFICIAL], number=1, repo_digests=(PINNED,))
    engine.add([LOCAL], number=2)
    assert choose(engine) == (OFFICIAL, "the official image, already here")


def test_the_pinned_digest_before_the_tag(engine: FakeEngine) -> None:
    engine.add([OFFICIAL], number=1)
    engine.add([PINNED], number=2, repo_digests=(PINNED,))
    chosen = choose_base(engine, "python-3.11", BASE, PINNED, lambda line: None)  # type: ignore[arg-type]
    assert chosen.identity.id == f"sha256:{2:064x}"
    assert chosen.identity.repo_digest == PINNED


def test_the_local_base_where_nothing_can_be_pulled(engine: FakeEngine) -> None:
    engine.add([LOCAL], number=2)
    reference, why = choose(engine)
    assert reference == LOCAL
    assert "cannot be pulled (no such host)" in why


def test_the_one_command_where_there_is_no_base_at_all(engine: FakeEngine) -> None:
    with pytest.raises(ImageError, match=r"'sudo sh docker/debian-base\.sh' builds seedwise-base:debian-bookworm"):
        choose(engine)


def test_the_base_asked_for_and_no_other(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.add([OFFICIAL], number=1)
    monkeypatch.setenv("SEEDWISE_BASE_PYTHON_3_11", "mirror/python:3.11")
    assert allowed("python-3.11", BASE) == ["mirror/python:3.11"]
    with pytest.raises(ImageError, match="asked for by SEEDWISE_BASE_PYTHON_3_11"):
        choose(engine)
    engine.add(["mirror/python:3.11"], number=3)
    assert choose(engine) == ("mirror/python:3.11", "SEEDWISE_BASE_PYTHON_3_11 asks for it")
