"""Sites of real bundles: what is in them, what is refused, and that a site is replaced as a whole or not at all."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from seedwise.bundle import pack, verify
from seedwise.bundle.faults import DamagedBundle
from seedwise.errors import InputError
from seedwise.publish import Item, publish
from tests.conftest import Small
from tests.report.outcomes import Lab
from tests.report.pages import Page


def made(folder: Path, name: str, **more: object) -> Item:
    lab = Lab(folder, name=name, seeds=4, examples=60, **more)  # type: ignore[arg-type]
    lab.run()
    source = lab.root / f"{name}.yaml"
    source.write_text(lab.study().model_dump_json(indent=1))
    lab.store.declare(lab.study().declaration())
    return Item(name, pack([(lab.plan(), source)], lab.store))


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> list[Item]:
    folder = tmp_path_factory.mktemp("labs")
    undecided = {"pretrained": 0.70, "random": 0.70}
    return [made(folder / "one", "one"), made(folder / "two", "two", accuracy=undecided, missing=(("random", 3),))]


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_a_site_has_an_index_pages_and_the_evidence(items: list[Item], tmp_path: Path) -> None:
    index = publish(items, tmp_path / "site", print, title="Ours", address="https://example.org/ours/")
    assert index == tmp_path / "site" / "index.html"
    page = Page(index.read_text(encoding="utf-8"))
    assert "Ours" in page.text
    row = page.table("claim", "reviews")["Pretraining helps"][0]
    assert "✓ supported" in row
    assert "… open" in row
    said = json.loads((tmp_path / "site" / "site.json").read_text())
    for name in ("one", "two"):
        bundle = tmp_path / "site" / "bundles" / f"{name}.zip"
        assert said["studies"][name]["digest"] == verify(bundle).name
        study = (tmp_path / "site" / name / "index.html").read_text(encoding="utf-8")
        assert f"seedwise verify {name}.zip" in study
        assert verify(bundle).name in study
        assert f'<meta property="og:url" content="https://example.org/ours/{name}/index.html">' in study
        report = json.loads((tmp_path / "site" / name / "report.json").read_text())
        assert report["studies"][0]["name"] == name
    one = (tmp_path / "site" / "one" / "index.html").read_text(encoding="utf-8")
    assert re.search(
        r'<meta property="og:description" content="Pretraining helps: ✓ supported, pretrained better, \+\d', one
    )


def test_every_reference_is_to_a_file_of_the_site(items: list[Item], tmp_path: Path) -> None:
    publish(items, tmp_path / "site", print)
    for path in (tmp_path / "site").rglob("*.html"):
        for reference in Page(path.read_text(encoding="utf-8")).references:
            if not reference.startswith("#"):
                assert (path.parent / reference).is_file(), f"{path}: {reference}"
        assert "http" not in "".join(Page(path.read_text(encoding="utf-8")).references)


def test_the_same_bundles_give_the_same_bytes_and_what_is_no_longer_published_goes(
    items: list[Item], tmp_path: Path
) -> None:
    publish(items, tmp_path / "site", print)
    first = files(tmp_path / "site")
    publish(items, tmp_path / "site", print)
    assert files(tmp_path / "site") == first
    publish(items[:1], tmp_path / "site", print)
    assert not (tmp_path / "site" / "two").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site"]


def test_nothing_appears_of_a_bundle_that_does_not_hold(items: list[Item], tmp_path: Path) -> None:
    publish(items[:1], tmp_path / "site", print)
    before = files(tmp_path / "site")
    broken = bytearray(items[1].data)
    broken[len(broken) // 2] ^= 1
    with pytest.raises(DamagedBundle):
        publish([items[0], Item("two", bytes(broken))], tmp_path / "site", print)
    assert files(tmp_path / "site") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site"]


def test_a_folder_with_other_things_is_left_alone(items: list[Item], tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    for name in ("mine", "file", "link"):
        with pytest.raises(InputError, match=name):
            publish(items[:1], tmp_path / name, print)
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "x"
    (tmp_path / "empty").mkdir()
    assert publish(items[:1], tmp_path / "empty", print).is_file()


def test_names_that_cannot_stand_beside_each_other_are_refused(items: list[Item], tmp_path: Path) -> None:
    for wrong in ([items[0], items[0]], [items[0], Item("other", items[0].data)], [Item("a b/c", items[0].data)], []):
        with pytest.raises(InputError):
            publish(wrong, tmp_path / "site", print)
    named = made(tmp_path / "lab", "bundles")
    with pytest.raises(
        InputError, match="bundles: two of the studies have this name, or it is a folder of the site's own"
    ):
        publish([named], tmp_path / "site", print)
    assert not (tmp_path / "site").exists()


def test_a_comparison_of_scores_is_no_study(small: Small, tmp_path: Path) -> None:
    rows = [f"{arm},{seed},{80 + 0.1 * seed + (5 if arm == 'a' else 0):.1f}" for arm in "ab" for seed in range(5)]
    (small.project.root / "scores.csv").write_text("\n".join(["arm,seed,accuracy", *rows]))
    assert small.here("compare", "scores.csv", "--bundle", "scores.zip").exit_code == 0
    answer = small.here("publish", "scores.zip", "--out", str(tmp_path / "site"))
    assert answer.exit_code == 2
    assert "scores.zip: holds no study but a comparison of scores" in answer.output
    assert not (tmp_path / "site").exists()


def test_the_command_takes_studies_and_bundles(small: Small, items: list[Item], tmp_path: Path) -> None:
    out = tmp_path / "site"
    none = small.here("publish", "benchmarks/small.yaml", "--out", str(out))
    assert none.exit_code != 0
    assert not out.exists()
    assert small.pytest("benchmarks/small.yaml", "--no-record").returncode == 0
    bundle = tmp_path / "one.zip"
    bundle.write_bytes(items[0].data)
    answer = small.here("publish", "benchmarks/small.yaml", str(bundle), "--out", str(out), "--title", "All of it")
    assert answer.exit_code == 0, answer.output
    assert answer.stdout.strip() == str(out / "index.html")
    assert "All of it" in (out / "index.html").read_text()
    own, of_bundle = ((out / name / "index.html").read_text() for name in ("small", "one"))
    assert "Training loss" in own  # the store has the events that a bundle leaves out
    assert "Training loss" not in of_bundle
    assert verify(out / "bundles" / "small.zip").runs == 8
    wrong = small.here("publish", "--out", str(out), "--address", "example.org")
    assert wrong.exit_code == 2
    assert "begins with https://" in wrong.output
