"""Odd calls, each made once: names of folders, variables, options, stores that are half there, MLflow's addresses."""

# ruff: noqa: E501 - tables of inputs
from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.chaos.case import STUDY
from benchmarks.chaos.odd import GONE, NEEDLE, Arrange, Odd, nothing, set_variables
from tests.conftest import Small


def odd_calls() -> list[Odd]:
    return [*_names(), *_environments(), *_options(), *_stores(), *_servers()]


def _names() -> list[Odd]:
    """Folders and files of odd names, with whole contents: right behaviour is asked for, not a refusal."""
    names = {
        "spaces": "a b  c", "a newline": "a\nb", "accents": "é中文🙂", "a percent sign": "100%25 %s {x}", "a leading dash": "-x",
        "quotes": "it's \"so\"", "a dollar": "$(touch executed)`touch executed`", "an equals sign": "a=b", "a hash": "a#b?c&d", "200 letters": "n" * 200,
        "a colon": "a:b", "an escape": "\x1b[31mred", "no UTF-8": os.fsdecode(b"\xff\xfe"),
    }  # fmt: skip

    def moved(name: str) -> Arrange:
        def arrange(small: Small) -> None:
            place = small.project.root / name
            place.mkdir()
            shutil.copy(small.study, place / "study.yaml")
            shutil.copytree(small.project.root / "benchmarks" / "assets", place / "assets")

        return arrange

    def home(name: str) -> Arrange:
        return lambda small: {
            "SEEDWISE_HOME": str(small.project.root / name / "home"),
            "SEEDWISE_CACHE": str(small.project.root / name / "cache"),
        }

    def out(name: str) -> tuple[tuple[str, ...], ...]:
        return (
            ("bundle", STUDY, "--out", f"./{name}.zip"), ("publish", STUDY, "--out", f"./{name}-site"),
            ("run", STUDY, "--arm", "quick", "--out", f"./{name}-run"),
        )  # fmt: skip

    return [
        *(Odd("name", f"a study's folder of {what}", moved(name), (("plan", f"./{name}/study.yaml"),), False) for what, name in names.items()),
        *(Odd("name", f"a home of {what}", home(name), (("bench", STUDY, "-q"), ("track", STUDY)), False) for what, name in names.items()),
        *(Odd("name", f"a target of {what}", nothing, out(name), False) for what, name in names.items()),
    ]  # fmt: skip


def _environments() -> list[Odd]:
    def gone(*names: str) -> Arrange:
        return lambda small: dict.fromkeys(names, GONE)

    def read_only(small: Small) -> None:
        for place in (small.project.cache, small.project.home):
            for path in (place, *place.rglob("*")):
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode & ~0o222)

    def dead_folder(small: Small) -> Mapping[str, str]:
        (small.project.root / "dead").mkdir()
        return {"TMPDIR": str(small.project.root / "dead" / "gone")}

    commands = (("plan", STUDY), ("report", STUDY), ("doctor",))
    settings: dict[str, Arrange] = {
        "HOME unset": gone("HOME"), "HOME and USER unset": gone("HOME", "USER", "LOGNAME"), "HOME of a file": set_variables(HOME="/etc/passwd"),
        "HOME of nothing": set_variables(HOME="/nowhere"), "TMPDIR of nothing": dead_folder, "TMPDIR of a file": set_variables(TMPDIR="/etc/passwd"),
        "LANG=C": set_variables(LANG="C", LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii"), "LANG of nothing": set_variables(LANG="xx_YY", LC_ALL="xx_YY"),
        "an empty PATH": set_variables(PATH=""), "PATH unset": gone("PATH"), "a read-only store and cache": read_only, "COLUMNS=0": set_variables(COLUMNS="0"),
        "COLUMNS of a word": set_variables(COLUMNS="wide"), "TERM unset": gone("TERM"), "TZ of nothing": set_variables(TZ="Nowhere/Never"), "TZ of a file": set_variables(TZ=":/etc/passwd"),
        "OMP_NUM_THREADS of a word": set_variables(OMP_NUM_THREADS="many"), "SOURCE_DATE_EPOCH of a word": set_variables(SOURCE_DATE_EPOCH="yesterday"),
        "CUDA_VISIBLE_DEVICES of a word": set_variables(CUDA_VISIBLE_DEVICES="GPU-x,,"), "SEEDWISE_WARM of a word": set_variables(SEEDWISE_WARM="perhaps"),
        "SEEDWISE_RUNTIME of a word": set_variables(SEEDWISE_RUNTIME="cloud"), "SEEDWISE_DEVICE of a word": set_variables(SEEDWISE_DEVICE="tpu"),
        "SEEDWISE_ENGINE of a word": set_variables(SEEDWISE_ENGINE="fog"), "SEEDWISE_ENGINE of a path": set_variables(SEEDWISE_ENGINE="../x"),
        "SEEDWISE_CAGE of a word": set_variables(SEEDWISE_CAGE="maybe"), "SEEDWISE_DATA of nothing": set_variables(SEEDWISE_DATA="/nowhere"),
        "SEEDWISE_DATA of a file": set_variables(SEEDWISE_DATA="/etc/passwd"), "empty settings": set_variables(SEEDWISE_HOME="", SEEDWISE_CACHE="", SEEDWISE_DATA=""),
        "relative settings": set_variables(SEEDWISE_HOME="../h", SEEDWISE_CACHE="./c"), "a home of /": set_variables(SEEDWISE_HOME="/proc/self/fd", SEEDWISE_CACHE="/dev/null"),
        "a proxy of a secret": set_variables(HTTPS_PROXY=f"http://u:{NEEDLE}@127.0.0.1:1", HTTP_PROXY=f"http://u:{NEEDLE}@["),
        "a DOCKER_HOST of a secret": set_variables(DOCKER_HOST=f"ssh://u:{NEEDLE}@127.0.0.1:1"), "a MPLBACKEND of nothing": set_variables(MPLBACKEND="nothing"),
        "MPLCONFIGDIR of a file": set_variables(MPLCONFIGDIR="/etc/passwd"), "XDG folders of a file": set_variables(XDG_CACHE_HOME="/etc/passwd", XDG_CONFIG_HOME="/etc/passwd"),
        "GIT_DIR of nothing": set_variables(GIT_DIR="/nowhere", GIT_CEILING_DIRECTORIES="\n"), "PYTHONPATH of nothing": set_variables(PYTHONPATH="/nowhere:\n"),
    }  # fmt: skip
    return [Odd("environment", name, arrange, commands, False) for name, arrange in settings.items()]


def _options() -> list[Odd]:
    lines = {
        "plan of nothing": "plan none.yaml", "plan of a folder of nothing": "plan fakes", "plan of a device": "plan /dev/zero",
        "plan of standard input": "plan -", "plan: sd of NaN": f"plan {STUDY} --sd-seeds nan", "plan: sd below nought": f"plan {STUDY} --sd-seeds -1",
        "plan: sd of infinity": f"plan {STUDY} --sd-seeds inf --sd-examples inf", "plan: difference of nought": "plan --sd-seeds 0.01 --difference 0",
        "plan: difference of NaN": "plan --sd-seeds 0.01 --difference nan", "plan: power of 1": "plan --sd-seeds 0.01 --difference 0.01 --power 1",
        "plan: alpha of nought": "plan --sd-seeds 0.01 --difference 0.01 --alpha 0",
        "run without an arm": f"run {STUDY} --out o", "run of an arm of nothing": f"run {STUDY} --arm x --out o", "run: a seed of 2**70": f"run {STUDY} --arm quick --seed 1180591620717411303424 --out o",
        "run into a file": f"run {STUDY} --arm quick --out pytest.ini", "run into a full folder": f"run {STUDY} --arm quick --out fakes",
        "run into /proc": f"run {STUDY} --arm quick --out /proc/x", "run of a device": "run /dev/zero --out o", "run of a study as spec": "run docker/images.yaml --out o",
        "bundle into a folder": f"bundle {STUDY} --out fakes", "bundle over the study": f"bundle {STUDY} --out {STUDY}",
        "bundle into /dev/full": f"bundle {STUDY} --out /dev/full", "bundle of another runtime's": f"bundle {STUDY} --runtime docker --out x.zip",
        "verify of nothing": "verify none.zip", "verify of a device": "verify /dev/zero", "verify of a folder": "verify fakes", "verify: a signature of nothing": "verify evidence.zip --signature x",
        "verify: a signature of 100,000 letters": f"verify evidence.zip --signature {'x' * 100_000}",
        "report of a format of nothing": f"report {STUDY} --format pdf", "publish into a file": f"publish {STUDY} --out pytest.ini", "publish into a folder that is no site": f"publish {STUDY} --out fakes",
        "publish: an address of a script": f"publish {STUDY} --out s --address javascript:alert(1)", "publish of a file of nothing": "publish none.zip --out s",
        "add model of nothing": "add model ./none", "add model of a file": "add model pytest.ini", "add model: a name that leads out": "add model ./fakes --name ../../x",
        "add model of a URL": f"add model https://u:{NEEDLE}@127.0.0.1:1/x", "add model of a hub's name that leads out": "add model ../../etc/passwd",
        "add data of nothing": "add data none.csv", "add data of a device": "add data /dev/zero", "add data: a column of nothing": "add data DATA --text nothing -y", "add data: a share of 2": "add data DATA --test-share 2 -y",
        "add data: a share of NaN": "add data DATA --test-share nan -y", "add data: a name of a path": "add data DATA --name a/b -y",
        "convert of nothing": "convert none --to hf --out o", "convert into a file": "convert fakes --to fairseq --out pytest.ini", "convert of a folder of nothing": "convert fakes --to hf --out o",
        "pretrain of a study": f"pretrain {STUDY}", "pretrain of nothing": "pretrain none.yaml", "pretrain of a device": "pretrain /dev/zero",
        "certify of nothing": "certify none.yaml", "params of nothing": "params none", "params of a folder of nothing": "params fakes",
        "params: 10**30 layers": "params --layers 1000000000000000000000000000000 --hidden 2 --feed-forward 2 --heads 1 --positions 2 --vocabulary 2",
        "backend new of a path": "backend new ../x", "backend new of a taken name": "backend new fake", "backend check of nothing": "backend check none", "backend check: settings of nothing": "backend check fake --settings none.yaml",
        "backend check: kept in a file": "backend check fake --keep pytest.ini", "images build of nothing": "images build none", "doctor of an engine of nothing": "doctor --engine fog",
        "doctor of a Ray of nothing": f"doctor --engine ray://u:{NEEDLE}@127.0.0.1:1", "ui on a port of nothing": "ui --port 65536", "init over a file": "init pytest.ini", "init into /proc": "init /proc/x",
        "bench of an option of nothing": f"bench {STUDY} --no-such-option", "bench of no jobs": f"bench {STUDY} --jobs -1", "bench of an engine of nothing": f"bench {STUDY} --engine fog",
        "bench of a look of nothing": f"bench {STUDY} --look 7", "bench of no runs a GPU": f"bench {STUDY} --runs-per-gpu 0", "bench of a test of nothing": f"bench {STUDY}::nothing",
        "track of a folder of nothing": "track fakes", "a command of nothing": "nothing", "an option of nothing": "plan --nothing",
    }  # fmt: skip

    def words(line: str) -> tuple[str, ...]:
        return tuple("../data/toy.jsonl" if word == "DATA" else word for word in line.split(" "))

    return [Odd("option", name, nothing, (words(line),)) for name, line in lines.items()]


def _stores() -> list[Odd]:
    """A store that is half there."""

    def gone(*patterns: str) -> Arrange:
        def arrange(small: Small) -> None:
            for pattern in patterns:
                for path in sorted(small.project.home.glob(pattern)):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

        return arrange

    def instead(pattern: str, make: Callable[[Path], object]) -> Arrange:
        def arrange(small: Small) -> None:
            for path in sorted(small.project.home.glob(pattern)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                make(path)

        return arrange

    def run_id_twice(small: Small) -> None:
        first, second = small.runs()[:2]
        shutil.rmtree(second)
        shutil.copytree(first, second)

    halves: dict[str, Arrange] = {
        "no predictions": gone("runs/*/predictions"), "no specs": gone("runs/*/spec.json"), "no provenance": gone("runs/*/provenance.json"), "no results of half": gone("runs/[0-7]*/result.json"), "no ledger": gone("runs/.declarations"),
        "no events": gone("runs/*/events.jsonl"), "empty results": instead("runs/*/result.json", lambda path: path.touch()), "results that are folders": instead("runs/*/result.json", Path.mkdir),
        "runs that are files": instead("runs/[0-7]*", lambda path: path.touch()), "a store that is a file": instead("runs", lambda path: path.touch()), "reports that are a file": instead("reports", lambda path: path.touch()),
        "MLflow's folder that is a file": instead("mlflow", lambda path: path.touch()), "a run that is another's copy": run_id_twice, "results of a list": instead("runs/*/result.json", lambda path: path.write_text("[]")),
        "events of NaN": instead("runs/*/events.jsonl", lambda path: path.write_text('{"loss": NaN}\n')), "a ledger of links": instead("runs/.declarations/*", lambda path: path.symlink_to("/etc/passwd")),
        "runs that link to each other": instead("runs/[0-7]*", lambda path: path.symlink_to("../runs")),
    }  # fmt: skip
    commands = (("report", STUDY), ("track", STUDY), ("bundle", STUDY, "--out", "new.zip"), ("plan", STUDY))
    return [Odd("store", name, arrange, commands, False) for name, arrange in halves.items()]


def _servers() -> list[Odd]:
    addresses = {
        "a secret at a dead server": f"http://u:{NEEDLE}@127.0.0.1:9", "a secret in the query": f"http://127.0.0.1:9/?token={NEEDLE}", "a secret in the path of a database": f"postgresql://u:{NEEDLE}@127.0.0.1:9/m",
        "a secret in a driver of nothing": f"oracle+none://u:{NEEDLE}@h/x", "a secret beside a broken bracket": f"http://u:{NEEDLE}@[::1", "a secret with an at sign": f"http://u:a@{NEEDLE}@127.0.0.1:9", "an S3 address": f"s3://{NEEDLE}:{NEEDLE}@bucket",
        "a port of 99999": "http://127.0.0.1:99999", "a host of dots": "http://....", "a host of 300 letters": f"http://{'h' * 300}", "a folder": "/etc", "a relative file": "sqlite:///none/below/x.db", "a database that is a folder": "sqlite:////etc",
        "a database in memory": "sqlite:///:memory:", "spaces": "  ", "a newline": "http://127.0.0.1:9\nX-Header: 1", "uc": "databricks-uc", "a file address": "file:///etc/passwd", "an address of no scheme": "127.0.0.1:9", "letters of no ASCII": "http://é中.example:9",
    }  # fmt: skip
    return [
        Odd(
            "MLflow's address", name, set_variables(MLFLOW_TRACKING_URI=address), (("track", STUDY), ("doctor",)), False
        )
        for name, address in addresses.items()
    ]
