"""The README's picture is of the page as it is, its transcript of the evidence beside it, and it leads to files that are there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.pictures import (
    BUNDLE,
    PICTURES,
    RECORD,
    SCHEMES,
    chromium,
    digest,
    first_screen,
    page,
    photograph,
    size,
)
from seedwise_contract.files import sha256_file

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SAID = json.loads((PICTURES / RECORD).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def drawn() -> str:
    return page()


def test_pictures_are_of_the_page_as_it_is_now(drawn: str) -> None:
    assert SAID["bundle"] == sha256_file(BUNDLE)
    assert SAID["first_screen"] == digest(drawn), "the report's first screen has changed: run `nox -s pictures`"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pictures_are_the_ones_that_were_taken(scheme: str) -> None:
    picture = PICTURES / f"report-{scheme}.png"
    assert SAID["pictures"][picture.name] == {"sha256": sha256_file(picture), "pixels": list(size(picture))}
    assert f"docs/pictures/{picture.name}" in README


def test_another_word_or_colour_on_the_screen_is_noticed_and_what_lies_below_is_not(drawn: str) -> None:
    assert digest(drawn.replace("pretrained better", "random better")) != digest(drawn)
    assert digest(drawn.replace("--paper: #ffffff", "--paper: #fffffe")) != digest(drawn)
    assert digest(drawn.replace(">Methods</h", ">Means</h")) == digest(drawn)
    assert "<svg" in drawn
    assert "<svg" not in first_screen(drawn)


@pytest.mark.skipif(chromium() is None, reason="no Chromium here")
def test_a_picture_can_be_taken(drawn: str, tmp_path: Path) -> None:
    source = tmp_path / "report.html"
    source.write_text(drawn, encoding="utf-8")
    program = chromium()
    assert program is not None
    pictures = []
    for scheme in SCHEMES:
        photograph(program, source, tmp_path / f"{scheme}.png", scheme)
        assert list(size(tmp_path / f"{scheme}.png")) == SAID["pictures"][f"report-{scheme}.png"]["pixels"]
        pictures.append((tmp_path / f"{scheme}.png").read_bytes())
    assert pictures[0] != pictures[1]


def test_the_readme_is_short_and_leads_somewhere() -> None:
    assert len(README.splitlines()) <= 120
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", README) + re.findall(r'(?:src|srcset)="([^"]+)"', README)
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readmes_transcript_is_what_the_evidence_says() -> None:
    from seedwise.bundle import verify

    found = verify(BUNDLE)
    (claim,) = found.outcomes[0].claims
    block = re.search(r"```console\n(.*?)\n```", README, flags=re.DOTALL)
    assert block is not None
    lines = block[1].splitlines()
    assert 5 <= len(lines) <= 8
    assert claim.status is not None
    assert lines[1].startswith(f"{claim.name}: {claim.status.value}: ")
    told = " ".join(line.strip() for line in lines[1:-1])
    said = f"{claim.name}: {claim.status.value}: {claim.sentence}"
    assert said.startswith(told.removesuffix(" …"))
    assert lines[-1].startswith(
        f"verified: {found.figures} figures of 1 study recomputed from the predictions of {found.runs} runs"
    )
    assert lines[-1].endswith(f"bundle {found.name[:16]}")
