"""Bundles of real runs of the fake backend: made, checked elsewhere, changed in every way that one can think of."""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import stat
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
from tests.bundle.archives import Files, files_of, relisted
from tests.conftest import ROOT, Small
from tests.report.outcomes import Lab


@pytest.fixture
def finished(small: Small) -> Path:
    """The bundle of a study that is finished in `small`."""
    out = small.project.root / "evidence.zip"
    assert small.pytest("benchmarks/small.yaml", "--no-record").returncode == 0
    answer = small.here("bundle", "benchmarks/small.yaml", "--out", str(out))
    assert answer.exit_code == 0, answer.stderr
    return out


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A bundle made of run folders that obey the contract, without running anything."""
    lab = Lab(tmp_path_factory.mktemp("lab"), name="small", seeds=4, examples=40, baseline=False)
    lab.run()
    source = lab.root / "small.yaml"
    source.write_text(lab.study().model_dump_json(indent=1))
    lab.store.declare(lab.study().declaration())
    return pack([(lab.plan(), source)], lab.store)


@pytest.fixture
def bundle(made: bytes, tmp_path: Path) -> Path:
    copy = tmp_path / "evidence.zip"
    copy.write_bytes(made)
    return copy


def run_with(files: Files, arm: str, seed: int) -> str:
    plan = json.loads(files["studies/small/plan.json"])
    return next(str(run["run_id"]) for run in plan["runs"] if (run["arm"], run["seed"]) == (arm, seed))


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


def edited(files: Files, name: str, old: str, new: str) -> Files:
    text = files[name].decode()
    assert old in text
    return files | {name: text.replace(old, new, 1).encode()}


def test_a_verdict_that_does_not_follow_is_refuted(bundle: Path) -> None:
    files = files_of(bundle)
    verdicts = json.loads(files["studies/small/verdicts.json"])
    verdicts["claims"]["pretraining-helps"]["verdict"]["p"] /= 2
    bundle.write_bytes(relisted(files | {"studies/small/verdicts.json": json.dumps(verdicts).encode()}))
    with pytest.raises(
        RefutedBundle, match=r"verdicts\.json: claims\.pretraining-helps\.verdict\.p says .*predictions give"
    ):
        verify(bundle)


def test_other_versions_may_differ_in_words_and_draws_but_in_no_figure(bundle: Path) -> None:
    files = files_of(bundle)
    verdicts = json.loads(files["studies/small/verdicts.json"])
    claim = verdicts["claims"]["pretraining-helps"]
    claim["sensitivity"]["interval"][0] += 1e-3
    claim["sentence"] = "In other words."
    del claim["verdict"]["notes"]
    changed = files | {"studies/small/verdicts.json": json.dumps(verdicts).encode()}
    bundle.write_bytes(relisted(changed))
    with pytest.raises(RefutedBundle, match=r"sensitivity\.interval\.0 says"):
        verify(bundle)
    manifest = json.loads(files["manifest.json"])
    manifest["versions"] |= {"seedwise": "0.0.1", "numpy": "1.0"}
    changed["manifest.json"] = json.dumps(manifest).encode()
    bundle.write_bytes(relisted(changed))
    (note,) = verify(bundle).notes
    assert "3 sentences or resampled figures are those of seedwise 0.0.1, numpy 1.0" in note
    for place, value in (("estimate", 0.5), ("outcome", "B better"), ("interval", [0.0, 1.0])):
        claim["verdict"][place], kept = value, claim["verdict"][place]
        bundle.write_bytes(relisted(changed | {"studies/small/verdicts.json": json.dumps(verdicts).encode()}))
        with pytest.raises(RefutedBundle, match=rf"verdict\.{place}.* says"):
            verify(bundle)
        claim["verdict"][place] = kept


def test_better_predictions_need_more_than_a_new_manifest(bundle: Path) -> None:
    files = files_of(bundle)
    run = run_with(files, "random", 1)
    name = f"runs/{run}/predictions/test.jsonl"
    rows = [json.loads(line) for line in files[name].decode().splitlines()]
    for row in rows:
        row["scores"] = [1.0, 0.0] if row["label"] == 0 else [0.0, 1.0]
    files[name] = "".join(json.dumps(row) + "\n" for row in rows).encode()
    bundle.write_bytes(relisted(files))
    with pytest.raises(RefutedBundle, match="changed since the run ended"):
        verify(bundle)
    result = json.loads(files[f"runs/{run}/result.json"])
    result["files"]["predictions/test.jsonl"] = hashlib.sha256(files[name]).hexdigest()
    bundle.write_bytes(relisted(files | {f"runs/{run}/result.json": json.dumps(result).encode()}))
    with pytest.raises(RefutedBundle) as found:
        verify(bundle)
    assert f"runs/{run}/result.json: accuracy" in str(found.value)
    assert "arms.random.scores.1 says" in str(found.value)
    assert "claims.pretraining-helps.signature says" in str(found.value)


def test_runs_under_another_arms_name_are_refuted(bundle: Path) -> None:
    files = files_of(bundle)
    plan = json.loads(files["studies/small/plan.json"])
    for run in plan["runs"]:
        run["arm"] = {"pretrained": "random", "random": "pretrained"}[run["arm"]]
    bundle.write_bytes(relisted(files | {"studies/small/plan.json": json.dumps(plan).encode()}))
    with pytest.raises(RefutedBundle, match="random, seed 0: its initialisation is not what the study says"):
        verify(bundle)


def test_runs_of_no_study_and_runs_left_out_are_refuted(bundle: Path) -> None:
    files = files_of(bundle)
    run = run_with(files, "pretrained", 3)
    stray = {name.replace(run, "0" * 20): data for name, data in files.items() if run in name}
    bundle.write_bytes(relisted(files | stray))
    with pytest.raises(RefutedBundle, match=r"runs/0{20}/spec\.json: of a run that no study in here has"):
        verify(bundle)
    bundle.write_bytes(relisted({name: data for name, data in files.items() if run not in name}))
    with pytest.raises(RefutedBundle, match="pretrained, seed 3: its run is neither in here nor listed as missing"):
        verify(bundle)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("studies/small/study.yaml", '"alpha": 0.05', '"alpha": 0.1', "study.yaml: does not say what study.json says"),
        ("studies/small/study.json", '"alpha": 0.05', '"alpha": 0.1', "not that of study.json"),
        ("studies/small/study.json", '"name": "small"', '"name": ["small"]', "not what this version of Seedwise reads"),
        ("studies/small/data.json", '"rows": 40', '"rows": 99999999999', "rows are not checked"),
        ("declarations.jsonl", '"number": 0', '"number": 9', "declared says true"),
    ],
)
def test_a_study_that_is_another_is_refuted(bundle: Path, name: str, old: str, new: str, said: str) -> None:
    files = files_of(bundle)
    if name == "declarations.jsonl":  # nor may the runs themselves say that they were started under it
        for file in [file for file in files if file.endswith("/provenance.json")]:
            value = json.loads(files[file])
            files[file] = json.dumps({**value, "declaration": "0" * 64}).encode()
    bundle.write_bytes(relisted(edited(files, name, old, new)))
    with pytest.raises(RefutedBundle, match=said):
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


def member(name: str, data: bytes = b"x", mode: int = stat.S_IFREG | 0o644, kind: int = zipfile.ZIP_STORED) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr, info.compress_type = mode << 16, kind
        archive.writestr(info, data)
    return written.getvalue()


def claims_to_be_huge() -> bytes:
    packed = bytearray(member("manifest.json"))
    place = packed.rindex(b"PK\x01\x02") + 24
    packed[place : place + 4] = (0xFFFFFFF0).to_bytes(4, "little")
    return bytes(packed)


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (member("../manifest.json"), "is none that a bundle has"),
        (member("/etc/passwd"), "is none that a bundle has"),
        (member("runs/../../x"), "is none that a bundle has"),
        (member("C:\\x"), "is none that a bundle has"),
        (member("a\nb"), "is none that a bundle has"),
        (member("folder/"), "is none that a bundle has"),
        (member("manifest.json", b"/etc/passwd", stat.S_IFLNK | 0o777), "is a link or a device"),
        (member("manifest.json", b"x", stat.S_IFIFO | 0o644), "is a link or a device"),
        (member("manifest.json", kind=zipfile.ZIP_LZMA), "encrypted, or packed in a way"),
        (claims_to_be_huge(), "a file has at most 64"),
        (b"no archive", "found no ZIP archive"),
        (b"", "found no ZIP archive"),
    ],
)
def test_malicious_archives_are_refused_before_anything_is_unpacked(tmp_path: Path, archive: bytes, said: str) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(archive)
    with pytest.raises(NotABundle) as found:
        verify(path)
    assert said in str(found.value)
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", "{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("manifest.json", "{}")
    with pytest.raises(NotABundle, match="twice"):
        verify(path)


def test_more_bytes_than_listed_are_not_read(tmp_path: Path) -> None:
    packed = bytearray(member("manifest.json", b"0" * 50_000_000, kind=zipfile.ZIP_DEFLATED))
    place = packed.rindex(b"PK\x01\x02") + 24
    packed[place : place + 4] = (10).to_bytes(4, "little")
    path = tmp_path / "bomb.zip"
    path.write_bytes(packed)
    with pytest.raises(DamagedBundle, match=r"manifest\.json: damaged"):
        verify(path)


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


def refuted(files: Files, path: Path) -> str:
    path.write_bytes(relisted(files))
    with pytest.raises(RefutedBundle) as caught:
        verify(path)
    return str(caught.value)


@pytest.mark.parametrize("star", ["# an *important* one\n", "# * *\n", ""])
def test_a_study_file_that_says_something_else_is_refuted_whatever_its_comments_say(star: str, bundle: Path) -> None:
    files = files_of(bundle)
    said = json.loads(files["studies/small/study.yaml"])
    said["title"] = "another"
    files["studies/small/study.yaml"] = f"{star}{json.dumps(said)}".encode()
    assert "study.yaml: does not say what study.json says" in refuted(files, bundle)


def test_a_study_file_that_grows_without_end_is_refuted(bundle: Path) -> None:
    files = files_of(bundle)
    lines = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    files["studies/small/study.yaml"] = lines.encode()
    assert "study.yaml: does not say what study.json says" in refuted(files, bundle)


@pytest.mark.parametrize("name", ["environment.json", "parameters.json"])
@pytest.mark.parametrize("data", [b"{}", b"\xff\x00 no JSON", None])
def test_records_are_held_to_the_result_that_names_them(name: str, data: bytes | None, bundle: Path) -> None:
    files = files_of(bundle)
    place = next((place for place in sorted(files) if place.endswith(f"/{name}")), None)
    assert place is not None
    if data is None:
        del files[place]
    else:
        files[place] = data
    assert place in refuted(files, bundle)


@pytest.mark.parametrize("data", [b"{}", b"\xff\x00 no JSON", b"[" * 5000])
def test_records_that_say_nothing_are_refuted_even_where_the_result_agrees(data: bytes, bundle: Path) -> None:
    files = files_of(bundle)
    place = next(place for place in sorted(files) if place.endswith("/environment.json"))
    result = place.replace("environment.json", "result.json")
    said = json.loads(files[result])
    said["files"]["environment.json"] = hashlib.sha256(data).hexdigest()
    files[place], files[result] = data, json.dumps(said).encode()
    assert "not what the contract says" in refuted(files, bundle)


def test_a_study_is_counted_once(bundle: Path) -> None:
    files = files_of(bundle)
    manifest = json.loads(files["manifest.json"])
    files["manifest.json"] = json.dumps({**manifest, "studies": ["small", "small"]}).encode()
    bundle.write_bytes(relisted(files))
    with pytest.raises(DamagedBundle, match="names a study twice"):
        verify(bundle)


@pytest.mark.parametrize("run", ["../../../outside", "/etc", "x"])
def test_a_run_outside_the_bundle_is_not_opened(run: str, bundle: Path) -> None:
    files = files_of(bundle)
    plan = json.loads(files["studies/small/plan.json"])
    plan["runs"][0]["run_id"] = run
    files["studies/small/plan.json"] = json.dumps(plan).encode()
    assert "plan.json: not what this version" in refuted(files, bundle)


@pytest.mark.parametrize(
    "data", [b"[]", b"{}", b"\xff", b'{"claims": {"a": {}}, "explored": {}}', b"[" * 5000, b"9" * 5000]
)
def test_verdicts_that_are_none_are_refuted(data: bytes, bundle: Path) -> None:
    files = files_of(bundle)
    files["studies/small/verdicts.json"] = data
    assert "verdicts.json" in refuted(files, bundle)


def test_what_unpacks_to_a_thousand_times_its_size_is_not_unpacked(bundle: Path) -> None:
    with zipfile.ZipFile(bundle, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", bytes(60 << 20))
    with pytest.raises(NotABundle, match="times its size"):
        verify(bundle)


def test_more_predictions_than_rows_are_refuted(bundle: Path) -> None:
    files = files_of(bundle)
    place = next(place for place in sorted(files) if place.endswith("/test.jsonl"))
    result = place.replace("predictions/test.jsonl", "result.json")
    files[place] = files[place] * 20000
    said = json.loads(files[result])
    said["files"]["predictions/test.jsonl"] = hashlib.sha256(files[place]).hexdigest()
    files[result] = json.dumps(said).encode()
    assert "more lines than" in refuted(files, bundle)


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
