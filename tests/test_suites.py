"""A study of several tasks, from its file to the verdicts over them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seedwise.bundle import verify
from seedwise.bundle.faults import DamagedBundle, RefutedBundle
from seedwise.errors import InputError
from seedwise.stats import Outcome, Question
from seedwise.study.load import load_studies, load_study
from seedwise.verdicts.signature import parse_signature
from tests.bundle.archives import files_of, relisted
from tests.conftest import ROOT, STUDY, Small

TASKS = """
tasks:
  - {name: one, data: toy, rows: {train: 60, selection: 20, test: 40}}
  - {name: two, data: toy-two, rows: {train: 60, selection: 20, test: 30}, recipe: {epochs: 1, optimizer: {lr: 0.01}}}
"""
CLAIMS = """
claims:
  - {name: learning-helps, a: quick, b: frozen}
  - {name: over-both, a: quick, b: frozen, scope: suite}
"""


def suite_text(tasks: str = TASKS, claims: str = CLAIMS) -> str:
    begin, rest = STUDY.split("task:\n", 1)
    rest = rest.split("seeds: 4", 1)[1]
    return begin + tasks.strip("\n") + "\nseeds: 4" + rest.split("claims:")[0] + claims.strip("\n") + "\n"


def make_suite(small: Small, text: str | None = None) -> Path:
    assets = small.project.root / "benchmarks" / "assets"
    (assets / "toy-two.yaml").write_text((assets / "toy.yaml").read_text().replace("name: toy", "name: toy-two"))
    small.study.write_text(suite_text() if text is None else text)
    return small.study


def test_a_file_of_several_tasks_is_a_study_each(small: Small) -> None:
    files = load_studies(make_suite(small))
    assert [file.study.name for file in files] == ["small.one", "small.two"]
    one, two = (file.study for file in files)
    assert [claim.name for claim in one.claims] == ["learning-helps"]
    assert (one.family, two.family) == (3, 3)
    recipes = [study.arms["quick"].recipe for study in (one, two)]
    assert [recipe.epochs for recipe in recipes if recipe is not None] == [2, 1]
    assert [recipe.optimizer.lr for recipe in recipes if recipe is not None] == [1e-3, 1e-2]
    assert files[0].suite is not None
    assert [claim.name for claim in files[0].suite.claims] == ["over-both"]
    assert not files[0].suite.standardised
    with pytest.raises(InputError, match="has 2 tasks"):
        load_study(small.study)


def test_the_declaration_is_of_the_whole_file(small: Small) -> None:
    before = [file.study.declaration() for file in load_studies(make_suite(small))]
    small.edit("epochs: 1", "epochs: 3")  # of the second task
    after = [file.study.declaration() for file in load_studies(small.study)]
    assert all(old != new for old, new in zip(before, after, strict=True))
    small.edit("A small study", "Other words")
    assert [file.study.declaration() for file in load_studies(small.study)] == after


def test_an_arm_may_say_what_is_other_on_a_task(small: Small) -> None:
    path = make_suite(small)
    small.edit("frozen: {method", "frozen: {tasks: {two: {recipe: {batch_size: 7}}}, method")
    arms = [file.study.arms for file in load_studies(path)]
    assert [each["frozen"].recipe.batch_size for each in arms if each["frozen"].recipe] == [4, 7]
    assert [each["quick"].recipe.batch_size for each in arms if each["quick"].recipe] == [4, 4]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: two", "name: one", "tasks.1.name: found one; each task has its own name"),
        ("name: two", "name: Two Words", "tasks.1.name: found"),
        ("name: two, data: toy-two", "name: two, data: toy", "tasks.1.data: found toy; data of its own"),
        ("name: two,", "name: two, seeds: 3,", "tasks.1.seeds: found 3; nothing: the seeds of the study"),
        ("name: two,", "name: two, colour: red,", "tasks.1.colour"),
        ("name: two,", "name: two, metric: beauty,", "tasks.1.metric"),
        ("epochs: 1,", "epochs: 0,", "tasks.1.recipe.epochs"),
        ("frozen: {method", "frozen: {tasks: [one], method", "arms.frozen.tasks: found no two; every task"),
        ("frozen: {method", "frozen: {tasks: {three: {}}, method", "arms.frozen.tasks: found"),
        ("frozen: {method", "frozen: {tasks: {two: null}, method", "an arm is run on every task"),
        ("scope: suite", "scope: tasks-like-these", "claims.1.scope: found tasks-like-these; suite, or 5 tasks"),
        ("scope: suite", "scope: all", "claims.1.scope"),
        ("a: quick, b: frozen, scope", "a: quick, b: ghost, scope", "claims.1.b: found ghost"),
        ("name: over-both", "name: learning-helps", "claims.1.name"),
        ("seeds: 4", "seeds: 4\nlooks: {seeds: [3, 4]}", "looks: found looks; nothing where there are several tasks"),
        ("seeds: 4", "seeds: 4\ntask: {data: toy}", "task: found task beside tasks"),
        ("seeds: 4", "seeds: 4\npart: {suite: a, task: b, family: 1, declaration: c}", "part"),
    ],
)
def test_what_contradicts_itself_is_told_with_its_line(small: Small, old: str, new: str, said: str) -> None:
    make_suite(small)
    small.edit(old, new)
    with pytest.raises(InputError) as error:
        load_studies(small.study)
    assert said in str(error.value)
    assert str(error.value).startswith(f"{small.study}:")


def test_a_task_quotes_numbers_of_its_own(small: Small) -> None:
    make_suite(small)
    before = [file.study.declaration() for file in load_studies(small.study)]
    small.edit("test: 40}}", "test: 40}, reported: [{source: a, arm: quick, values: [70]}]}")
    files = load_studies(small.study)
    assert [len(file.study.reported) for file in files] == [1, 0]
    assert [file.study.declaration() for file in files] == before  # words for readers
    small.edit("arm: quick, values", "arm: ghost, values")
    with pytest.raises(InputError, match=r"tasks\.0\.reported\.0\.arm: found ghost"):
        load_studies(small.study)


@pytest.mark.parametrize(
    "tasks", ["tasks: []", "tasks: [one, two]", "tasks: {one: {data: toy}}", "tasks: 3", "tasks: null"]
)
def test_tasks_that_are_no_list_of_two_are_refused(small: Small, tasks: str) -> None:
    make_suite(small, suite_text(tasks))
    with pytest.raises(InputError, match="tasks"):
        load_studies(small.study)


def test_a_study_of_one_task_has_no_scope(small: Small) -> None:
    small.edit("b: frozen}", "b: frozen, scope: suite}")
    with pytest.raises(InputError, match=r"claims\.0\.scope: found suite; nothing"):
        load_studies(small.study)


def test_from_the_file_to_the_page(small: Small) -> None:
    quoted = "test: 40}, reported: [{source: A paper, arm: quick, values: [11.5]}]}"
    make_suite(small, suite_text(TASKS.replace("test: 40}}", quoted)))
    planned = small.here("plan", str(small.study))
    assert planned.exit_code == 0, planned.output
    assert "over-both: on these 2 tasks" in planned.output
    done = small.pytest(str(small.study), timeout=400)
    assert done.returncode == 0, done.stdout
    assert "one/quick[seed=0]" in done.stdout
    assert "two/claim[learning-helps]" in done.stdout
    assert "claim[over-both] supported" in done.stdout
    assert "On these 2 tasks, over seeds and examples (4 seeds an arm, 70 examples)" in done.stdout
    assert "adjusted p of the claim" in done.stdout
    folder = small.project.reports
    values = json.loads((folder / "small" / "report.json").read_text())
    assert values["bands"] == []  # of two arms there is the one claim
    assert [column["task"] for column in values["tasks"]] == ["one", "two"]
    assert {arm: [cell["n"] for cell in cells] for arm, cells in values["matrix"].items()} == {
        "quick": [4, 4], "frozen": [4, 4],
    }  # fmt: skip
    (claim,) = values["claims"]
    assert (claim["outcome"], claim["question"], claim["n_tasks"]) == (Outcome.A_BETTER.value, Question.TASKS.value, 2)
    assert claim["family_size"] == 3
    for page in ("small", "small.one", "small.two"):
        assert (folder / page / "report.html").is_file()
    (said,) = values["tasks"][0]["reported"]
    assert (said["source"], said["ours"]) == ("A paper", values["matrix"]["quick"][0]["mean"])
    assert values["source"]["command"] == "nox -s bench -- benchmarks/small.yaml --runtime venv"
    page = (folder / "small" / "report.html").read_text()
    for words in (said["statement"], values["source"]["command"], "test: 40}, reported: [{source: A paper"):
        assert words in page
        assert words in (folder / "small" / "report.md").read_text() or words.startswith("test: 40")
    index = (folder / "index.html").read_text()
    assert 'href="small/report.html"' in index
    assert 'href="small.two/report.html"' in index
    again = small.pytest(str(small.study), "--gate", "--no-record")
    assert again.returncode == 0, again.stdout
    assert "(done before)" in again.stdout
    told = small.here("report", str(small.study))
    assert "over-both: supported" in told.output
    _with_its_evidence(small)


def _with_its_evidence(small: Small) -> None:
    """The bundle holds the claims over the tasks to their predictions, and the site has a page of them."""
    packed = small.project.root / "small.zip"
    assert small.here("bundle", str(small.study), "--out", str(packed)).exit_code == 0
    checked = small.here("verify", str(packed))
    assert checked.exit_code == 0, checked.output
    assert "over-both: supported: On these 2 tasks" in checked.output
    (claim,) = json.loads((small.project.reports / "small" / "report.json").read_text())["claims"]
    signature = claim["signature"]
    assert signature in (small.project.reports / "small" / "report.md").read_text()
    fields = parse_signature(signature).fields
    assert (fields["test"], fields["family"], fields["seeds"]) == ("suite-t", "3", "0-3")
    assert [each.partition("@")[0] for each in fields["data"].split("+")] == ["toy", "toy-two"]
    assert small.here("verify", str(packed), "--signature", signature).exit_code == 0
    other = signature.replace("family:3", "family:2")
    refuted = small.here("verify", str(packed), "--signature", other)
    assert (refuted.exit_code, "the nearest, of small: over-both, differs in" in refuted.output) == (8, True)
    site = small.project.root / "site"
    published = small.here("publish", str(small.study), "--out", str(site))
    assert published.exit_code == 0, published.output
    assert [path.name for path in (site / "bundles").iterdir()] == ["small.zip"]
    assert 'href="small/index.html"' in (site / "index.html").read_text()
    assert 'href="../small.two/index.html"' in (site / "small" / "index.html").read_text()

    files = files_of(packed)
    place = "suites/small/verdicts.json"
    said = json.loads(files[place])
    said["claims"]["over-both"]["verdict"]["estimate"] += 0.01
    packed.write_bytes(relisted(files | {place: json.dumps(said).encode()}))
    with pytest.raises(RefutedBundle, match=r"suites/small/verdicts\.json: claims\.over-both\.verdict\.estimate says"):
        verify(packed)
    manifest = json.loads(files["manifest.json"])
    said = json.loads(files[place])
    told = signature.replace(f"seedwise:{manifest['versions']['seedwise']}", "seedwise:0.0.1")
    said["claims"]["over-both"]["signature"] = told
    older = manifest | {"versions": manifest["versions"] | {"seedwise": "0.0.1"}}
    packed.write_bytes(
        relisted(files | {place: json.dumps(said).encode(), "manifest.json": json.dumps(older).encode()})
    )
    assert verify(packed, parse_signature(told)).suites, "a signature of another version is the one that was cited"
    alone = {name: data for name, data in files.items() if not name.startswith("studies/small.two/")}
    alone["manifest.json"] = json.dumps(manifest | {"studies": ["small.one"]}).encode()
    packed.write_bytes(relisted(alone))
    with pytest.raises(RefutedBundle, match="not every task of it is in here"):
        verify(packed)
    unlisted = {name: value for name, value in manifest.items() if name != "suites"}
    packed.write_bytes(relisted(files | {"manifest.json": json.dumps(unlisted).encode()}))
    with pytest.raises(DamagedBundle, match=f"{place}: not one of the bundle's own files"):
        verify(packed)


def test_with_runs_missing_the_claims_over_the_tasks_stay_open(small: Small) -> None:
    make_suite(small)
    done = small.pytest(str(small.study), "-k", "one or over-both", "--no-record")
    assert "1 skipped" in done.stdout
    assert "open: quick is better than frozen; runs of some task are missing" in done.stdout
    assert "two: not among the tasks of this call" in done.stdout


def test_the_suite_of_the_lab_has_the_runs_of_its_single_studies() -> None:
    lab = ROOT / "benchmarks" / "lab"
    files = load_studies(lab / "glue-cpu.yaml")
    for file, name in zip(files, ("rte-cpu", "sst2-cpu"), strict=True):
        alone = load_study(lab / f"{name}.yaml").study
        assert (file.study.arms, file.study.task) == (alone.arms, alone.task)
        assert file.study.seeds == alone.seeds[: len(file.study.seeds)]
        assert (file.study.selection, file.study.evaluation) == (alone.selection, alone.evaluation)


def test_bands_of_arms_over_the_tasks(small: Small) -> None:
    """Three arms, two of which are one: they share a letter, and the page has the bars."""
    third = "  alike: {method: {name: perceptron, parameters: {rate: 1.0, spread: 0.4}}}\n  frozen: {method"
    make_suite(small, suite_text().replace("  frozen: {method", third))
    done = small.pytest(str(small.study), "--no-record", timeout=400)
    assert done.returncode == 0, done.stdout
    assert "arms that share a letter are not told apart" in done.stdout
    told = small.here("report", str(small.study))
    assert told.exit_code == 0, told.output
    values = json.loads((small.project.reports / "small" / "report.json").read_text())
    letters = {band["arm"]: band["letters"] for band in values["bands"]}
    assert letters["quick"] == letters["alike"] == "a"
    assert letters["frozen"] == "b"
    means = [band["mean"] for band in values["bands"]]
    assert means == sorted(means, reverse=True)
    page = (small.project.reports / "small" / "report.html").read_text()
    assert page.index("mean over these, groups") < page.index("Over the tasks")
    assert "a bar joins arms that are not told apart" in page
    assert "mean over these, groups" in (small.project.reports / "small" / "report.md").read_text()
