"""Nothing that is printed of an address lets anybody in."""

from __future__ import annotations

import pytest

from seedwise.secrets import masked

NEEDLE = "hunter2secret"


@pytest.mark.parametrize(
    "text",
    [
        f"http://u:{NEEDLE}@host:5000/x",
        f"https://{NEEDLE}@host",
        f"postgresql+psycopg://u:{NEEDLE}/with/slash@host/db",
        f"postgresql://u:{NEEDLE}@ss@host/db",
        f"https://host/x?access_token={NEEDLE}&y=1",
        f"failed: (http://u:{NEEDLE}@h/) and 'https://a:{NEEDLE}@b'",
        f"Authorization: Bearer {NEEDLE}",
        f"PGPASSWORD={NEEDLE} psql",
        f"api_key: {NEEDLE}",
    ],
)
def test_what_lets_in_is_masked(text: str) -> None:
    assert NEEDLE not in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:5000/#/experiments/1",
        "sqlite:////home/a b/mlflow.db",
        "https://host/a@b/c",
        "a run of 5 seeds: fine",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert masked(text) == text
