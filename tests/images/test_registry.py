"""Names of registries, and which upload of an image is asked for."""

from __future__ import annotations

import pytest

from seedwise.errors import InputError
from seedwise.images.registry import prefix, uploaded
from tests.images.conftest import FakeEngine
from tests.images.test_lock import locked

UPLOAD = "sha256:" + "e" * 64


@pytest.mark.parametrize(
    "given", ["localhost:5000", "registry.example.org/team/seedwise", "10.0.0.1:443/a", " host/a/ "]
)
def test_addresses(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert prefix(given) == given.strip().rstrip("/")
    monkeypatch.setenv("SEEDWISE_REGISTRY", given)
    assert prefix() == given.strip().rstrip("/")


@pytest.mark.parametrize("given", ["", "off"])
def test_none(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDWISE_REGISTRY", given)
    assert prefix() is None


@pytest.mark.parametrize(
    "given",
    ["https://host/a", "user:secret@host/a", "Host/a", "host/A", "host//a", "host/a:tag", "host:x/a", "-h", "a b"],
)
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(InputError, match="without a scheme") as caught:
        prefix(given)
    assert "secret" not in str(caught.value)


def test_only_what_was_pushed_is_asked_for() -> None:
    attributes = FakeEngine().add([], number=1)
    never, once = locked(attributes), locked(attributes, repo_digest=f"old.example.org/seedwise-toy@{UPLOAD}")
    assert uploaded([never, once], None) == [(once, f"old.example.org/seedwise-toy@{UPLOAD}")]
    assert uploaded([once], "new.example.org/x") == [(once, f"new.example.org/x/seedwise-toy@{UPLOAD}")]
