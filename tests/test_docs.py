"""The documentation leads to what is there, and its generated pages hold all that the code has.  `nox -s docs` builds the site itself."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from seedwise.cli import COMMANDS
from seedwise.study.load import load_study, study_schema
from seedwise.study.metric import METRICS
from seedwise.study.yamlfile import read_yaml
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "docs"))

import generate  # type: ignore[import-not-found]
import hooks  # type: ignore[import-not-found]

PAGES = [
    path
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "backends").glob("*/README.md")])
    if not path.relative_to(ROOT).as_posix().startswith(("docs/reference/", "docs/reports"))
]
MADE = ("reference/", "reports.md")  # by docs/generate.py, when the site is built


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [found[1].split("#")[0] for found in re.finditer(r"\]\(([^)\s]+)\)", text)]
    broken = [
        link
        for link in links
        if link and not re.match("[a-z]+:", link) and not link.startswith(MADE) and not (page.parent / link).exists()
    ]
    assert broken == []


def test_a_page_of_studies_names_its_bundles_or_says_that_there_are_none() -> None:
    results = ROOT / "docs" / "results"
    pages = {path.name: path.read_text(encoding="utf-8") for path in results.glob("*.md")}
    studies = {name: text for name, text in pages.items() if ".seedwise/reports/" in text.partition("\n")[0]}
    assert studies
    assert [
        n for n, text in studies.items() if "seedwise verify" not in text and "there is no bundle" not in text
    ] == []
    shown = " ".join(text for text in pages.values() if "seedwise verify" in text)
    assert [path.name for path in (results / "bundles").glob("*.zip") if path.stem not in shown] == []


def test_every_page_is_in_the_navigation() -> None:
    said = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in PAGES if path.is_relative_to(ROOT / "docs")]
    assert [page for page in pages if f" {page}\n" not in said] == []


def test_every_command_has_its_options_on_the_page() -> None:
    page = generate.cli_page()
    heads = set(re.findall(r"^## seedwise (.*)$", page, flags=re.MULTILINE))
    assert {head.split()[0] for head in heads} == set(COMMANDS)
    assert {"add data", "add model", "backend check"} <= heads
    for option in ("--require-exact", "--cluster", "--address", "--regression-gate"):
        assert (option in page) == (option != "--regression-gate")  # that one is pytest's


def test_every_field_of_a_study_is_on_the_page() -> None:
    page = generate.study_page()
    schema = study_schema()
    for one in (schema, *schema["$defs"].values()):
        for name in one.get("properties", {}):
            assert f"| `{name}` |" in page
    assert "| `alpha` | number above 0 below 0.5 | `0.05` |" in page
    for table in re.findall(r"(?:^\|.*\n)+", page, flags=re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_every_metric_and_file_of_the_contract_is_on_its_page() -> None:
    assert all(f"| `{name}` |" in generate.metrics_page() for name in METRICS)
    page = generate.contract_page()
    assert "## spec\n" in page
    assert "## result\n" in page


@pytest.mark.parametrize(
    ("page", "link", "target"),
    [
        (
            "tutorial.md",
            "../benchmarks/quick/pretrained-vs-random.yaml",
            "repository/benchmarks/quick/pretrained-vs-random.yaml",
        ),
        ("publishing.md", "../.github/workflows/docs.yml", "repository/github/workflows/docs.yml"),
        ("results/README.md", "bundles/lora-vs-bitfit.zip", "reports/bundles/lora-vs-bitfit.zip"),
        ("results/README.md", "../reproducibility.md", "reproducibility.md"),
        ("repository/backends/peft/README.md", "../hf/README.md", "repository/backends/hf/README.md"),
        ("repository/backends/peft/README.md", "../../docs/certificates.md", "certificates.md"),
        ("index.md", "../mlflow", "repository/mlflow/README.md"),
        ("results/glue.md", "bundles/glue-cpu.zip", "reports/bundles/glue-cpu.zip"),
        ("index.md", "https://example.org", None),
        ("index.md", "../nowhere.md", None),
        ("index.md", "../../../etc/passwd", None),
    ],
)
def test_links_out_of_the_folder_bring_their_target_along(page: str, link: str, target: str | None) -> None:
    assert hooks._target(page, link) == target


def test_the_tutorials_study_is_one(tmp_path: Path) -> None:
    """What the page says to change in a copy of the first study gives a study, with the runs of its first arm as they were."""
    page = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    block = re.search(r"```yaml\n(name: two-rates.*?)```", page, flags=re.DOTALL)
    assert block is not None
    first = ROOT / "benchmarks" / "quick" / "pretrained-vs-random.yaml"
    (tmp_path / "change.yaml").write_text(block[1])
    text = first.read_text()
    head = text.split("arms:\n")[0]
    head = re.sub(r"^name: .*$", "name: two-rates", head, flags=re.MULTILINE)
    head = head.replace("defaults:\n", "defaults:\n  initialisation: pretrained\n")
    mine = tmp_path / "mine.yaml"
    mine.write_text(re.sub(r"^title: .*$", "", head, flags=re.MULTILINE) + block[1].split("\n", 1)[1])
    study = load_study(mine).study
    assert set(read_yaml(tmp_path / "change.yaml")) == {"name", "title", "arms", "claims"}
    assert study.arms["usual"] == load_study(first).study.arms["pretrained"]
    assert study.arms["twice"].recipe is not None
    assert study.arms["usual"].recipe is not None
    assert study.arms["twice"].recipe.optimizer.lr == 2 * study.arms["usual"].recipe.optimizer.lr
