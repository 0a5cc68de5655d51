from __future__ import annotations

import pytest

from seedwise_contract import schemas


@pytest.mark.parametrize("name", sorted(schemas.current()))
def test_schema_file_matches_its_model(name: str) -> None:
    text = (schemas.FOLDER / name).read_text(encoding="utf-8")
    assert text == schemas.text(schemas.current()[name]), "run: python -m seedwise_contract.schemas"


def test_no_schema_file_is_left_over() -> None:
    assert {path.name for path in schemas.FOLDER.glob("*.json")} == set(schemas.current())
