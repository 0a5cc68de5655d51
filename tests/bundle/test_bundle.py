"""Bundles of real runs of the fake backend: made, checked elsewhere, changed in every way that one can think of."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from seedwise.bundle import pack, verify
from seedwise.bundle.archive import NotABundle, archive_bytes
from seedwise.bundle.faults import DamagedBundle, RefutedBundle
from seedwise.cli import app
from seedwise.errors import InputError
from seedwise.study.model import Looks, Study
from seedwise.verdicts.signature import parse_signature
from tests.bundle.archives import Files, files_of, relisted, run_with
from tests.conftest import ROOT, Small
from tests.report.outcomes import Lab


def test_a_bundle_is_checked_without_the_project(small: Small, finished: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.move(finished, elsewhere / "b.zip")
    shutil.rmtree(small.project.root)
    shutil.rmtree(small.project.home)
    program = "import sys; sys.argv[0] = 'seedwise'; from seedwise.cli import app\n"
    program += "try: app()\nfinally: print(sorted({'torch', 'mlflow', 'matplotlib'} & set(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", program, "verify", "b.zip"], cwd=elsewhere, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert "learning-helps: supported: Over seeds and examples (4 seeds an arm, 40 examples)" in answer.stdout
    assert "recomputed from the predictions of 8 runs" in answer.stdout
    assert answer.stdout.endswith("[]\n")


def test_the_same_store_gives_the_same_bytes_and_no_texts(small: Small, finished: Path) -> None:
    first = finished.read_bytes()
    again = small.here("bundle", "--all", "--out", str(finished))
    assert finished.read_bytes() == first
    ((_, signature),) = verify(finished).signatures
    assert f"learning-helps: {signature}" in again.stdout.splitlines()
    said = {"seeds": "0-3", "n": "40", "a": "quick", "b": "frozen", "test": "crossed-t"}
    assert said.items() <= signature.fields.items()
    held = b"\n".join(files_of(finished).values())
    assert b"lovely" not in held
    assert b"awful" not in held
    assert b"Licence of the data: none." in files_of(finished)["README.md"]


def test_any_changed_byte_is_found(bundle: Path, tmp_path: Path) -> None:
    whole = bundle.read_bytes()
    changed = tmp_path / "changed.zip"
    places = {0, 5, 10, len(whole) - 1, len(whole) - 50, len(whole) - 100, len(whole) - 110, len(whole) - 200}
    places |= set(random.Random(3).sample(range(len(whole)), 120))
    for place in places:
        broken = bytearray(whole)
        broken[place] ^= 0x10
        changed.write_bytes(broken)
        with pytest.raises((DamagedBundle, NotABundle)):
            verify(changed)


def test_a_changed_byte_of_a_file_is_named(bundle: Path, tmp_path: Path) -> None:
    files = files_of(bundle)
    name = f"runs/{run_with(files, 'pretrained', 2)}/predictions/test.jsonl"
    with zipfile.ZipFile(bundle) as archive:
        member = archive.getinfo(name)
    broken = bytearray(bundle.read_bytes())
    broken[member.header_offset + 30 + len(name) + member.compress_size // 2] ^= 0x01
    changed = tmp_path / "changed.zip"
    changed.write_bytes(broken)
    with pytest.raises(DamagedBundle) as found:
        verify(changed)
    assert str(found.value).count("\n") == 0
    assert name in str(found.value)


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_file_changed_and_zipped_again_by_another_tool_is_named(bundle: Path, packing: int) -> None:
    files = files_of(bundle)
    name = f"runs/{run_with(files, 'random', 1)}/predictions/test.jsonl"
    files[name] = files[name].replace(b"1", b"0", 1)
    with zipfile.ZipFile(bundle, "w", packing) as archive:
        for member, data in files.items():
            archive.writestr(member, data)
    with pytest.raises(DamagedBundle) as found:
        verify(bundle)
    packed, changed = str(found.value).splitlines()
    assert packed.endswith("or it was packed anew")
    assert f"{name}: changed: its sha256 is" in changed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda files: files | {"README.md": files["README.md"] + b" "}, "README.md: changed: its sha256 is"),
        (lambda files: {n: d for n, d in files.items() if n != "declarations.jsonl"}, "declarations.jsonl: missing"),
        (lambda files: files | {"extra.txt": b"x"}, "extra.txt: not one of the bundle's own files"),
        (lambda files: {n: d for n, d in files.items() if n != "manifest.json"}, "manifest.json: missing"),
        (lambda files: files | {"manifest.json": b"{}"}, "manifest.json: not a bundle's manifest"),
        (lambda files: files | {"manifest.json": b'{"format": 2}'}, "format 2, but this version reads 1"),
        (lambda files: files | {"manifest.json": b"[" * 100_000}, "manifest.json: not a bundle's manifest"),
    ],
)
def test_changed_missing_and_extra_files_are_named(bundle: Path, change: Callable[[Files], Files], said: str) -> None:
    bundle.write_bytes(archive_bytes(change(files_of(bundle))))
    with pytest.raises(DamagedBundle, match=said):
        verify(bundle)


def test_a_claim_across_backends_takes_its_certificate_along(small: Small) -> None:
    root = small.project.root
    shutil.copy(ROOT / "tests/fakes/probing_backend.py", root / "fakes/probing_backend.py")
    with open(root / "docker/images.yaml", "a", encoding="utf-8") as handle:
        for name in ("one", "two"):
            handle.write(f"  {name}: {{kind: command, command: [python, fakes/probing_backend.py, {name}, none]}}\n")
    small.edit("arms:\n  quick: {", "arms:\n  quick: {backend: one, ")
    small.edit("  frozen: {", "  frozen: {backend: two, ")
    small.edit("parameters: {rate: 0.0}", "parameters: {rate: 1.0}")
    assert small.pytest("benchmarks/small.yaml", "--no-record").returncode == 0
    out = root / "b.zip"
    assert small.here("bundle", "benchmarks/small.yaml", "--out", str(out)).exit_code == 0
    files = files_of(out)
    (certificate,) = [name for name in files if name.startswith("certificates/")]
    assert verify(out).outcomes[0].refused == ()
    out.write_bytes(relisted({name: data for name, data in files.items() if name != certificate}))
    with pytest.raises(
        RefutedBundle, match=r"refused\.learning-helps says nothing, but the predictions give .*no certificate"
    ):
        verify(out)


class Looking(Lab):
    """Six seeds, looked at after four of them."""

    def study(self) -> Study:
        return super().study().model_copy(update={"looks": Looks(seeds=[4, 6])})


def test_a_look_is_bundled_as_a_look(tmp_path: Path) -> None:
    late = tuple((arm, seed) for arm in ("pretrained", "random") for seed in (4, 5))
    lab = Looking(tmp_path, name="small", seeds=6, examples=40, baseline=False, missing=late)
    lab.run()
    source, out = tmp_path / "small.yaml", tmp_path / "b.zip"
    source.write_text(lab.study().model_dump_json(indent=1))
    out.write_bytes(pack([(lab.plan(), source)], lab.store))
    found = verify(out)
    ((_, signature),) = found.signatures
    assert signature.fields["look"] == "1of2"
    assert signature.fields["seeds"] == "0-3"
    assert float(signature.fields["alpha"]) < 0.05
    assert parse_signature(str(signature)) == signature


def test_exit_codes_and_the_signature(bundle: Path) -> None:
    def check(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["verify", str(bundle), *arguments])

    ((_, signature),) = verify(bundle).signatures
    line = str(signature)
    good = check("--signature", line.replace("|", "|\n "))
    assert good.exit_code == 0
    assert "the signature is that of one of these verdicts" in good.stdout
    other = check("--signature", line.replace("alpha:0.05", "alpha:0.01"))
    assert other.exit_code == 8
    assert "alpha: 0.05, not 0.01" in other.stderr
    bundle.write_bytes(archive_bytes(files_of(bundle) | {"extra.txt": b"x"}))
    assert check().exit_code == 6
    bundle.write_bytes(b"PK")
    assert check().exit_code == 2


def test_nothing_finished_is_nothing_to_bundle(small: Small) -> None:
    for arguments in (["benchmarks/small.yaml"], ["--all"], ["--all", "benchmarks/small.yaml"]):
        answer = small.here("bundle", *arguments, "--out", "b.zip")
        assert answer.exit_code == 2, answer.stdout
        assert "Traceback" not in answer.stderr


def test_an_unfinished_study_is_bundled_with_its_open_claim(small: Small) -> None:
    small.pytest("benchmarks/small.yaml", "--no-record", "-k", "seed0 or quick")
    answer = small.here("bundle", "benchmarks/small.yaml", "--out", "b.zip")
    assert answer.exit_code == 0, answer.stderr
    assert "3 of 8 runs are missing" in answer.stderr
    checked = small.here("verify", "b.zip")
    assert checked.exit_code == 0, checked.stderr
    assert "learning-helps: open; 3 of 8 runs are missing" in checked.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda line: line.replace("alpha:0.05", "alpha:high"), "alpha is 'high'"),
        (lambda line: line.replace("|n:", "|m:"), "found 'm:40'"),
        (lambda line: line + "|n:40", "the field n is given twice"),
        (lambda line: line[: line.index("|test")], "no test, alpha, family in it; is it cut short"),
        (lambda line: "", "found ''"),
    ],
)
def test_a_faulty_signature_names_its_field(change: Callable[[str], str], said: str) -> None:
    line = (
        "seedwise:0.1.0|study:small@01234567|claim:superiority|a:quick|b:frozen|metric:accuracy|data:toy@89abcdef|n:40|"
        "seeds:0-3,7/0|images:fake@00112233+hf@44556677|predictions:0123456789abcdef|test:crossed-t|alpha:0.05|family:1"
    )
    assert str(parse_signature(line)) == line
    with pytest.raises(InputError) as found:
        parse_signature(change(line))
    assert said in str(found.value)


def test_clusters_are_in_the_bundle_and_are_recomputed_with(tmp_path: Path) -> None:
    """The groups ride in data.json, without any text, and a bundle with others does not give the same figures."""
    lab = Lab(tmp_path / "lab", name="small", seeds=4, examples=60, baseline=False, films=4)
    lab.run()
    source = lab.root / "small.yaml"
    source.write_text(lab.study().model_dump_json(indent=1))
    lab.store.declare(lab.study().declaration())
    path = tmp_path / "evidence.zip"
    path.write_bytes(pack([(lab.plan(), source)], lab.store))
    (outcome,) = verify(path).outcomes
    verdict = outcome.claims[0].verdict
    assert (verdict.n_examples, verdict.n_clusters) == (60, 15)
    files = files_of(path)
    data = json.loads(files["studies/small/data.json"])
    assert "film 3" not in files["studies/small/data.json"].decode()
    data["groups"]["of"] = {}
    files["studies/small/data.json"] = json.dumps(data).encode()
    path.write_bytes(relisted(files))
    with pytest.raises(RefutedBundle, match="n_clusters says 15"):
        verify(path)
