"""`device.instructions`: the same bits where libraries take the processor for another maker's.

That a shim makes oneMKL do so is shown by what it computes when it is not held: other bits.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from seedwise_contract import ExitCode
from seedwise_contract.processor import HELD, has_avx2
from tests.backends.conftest import backend_python
from tests.backends.other_maker import shim
from tests.backends.workplace import INSIDE, Outcome, Workplace, backend_environment, call

pytestmark = [
    pytest.mark.minutes,
    pytest.mark.skipif(not has_avx2(), reason="no x86-64 processor with AVX2"),
]
CASES = ("hf", "fairseq")
STILL = {"recipe.dropout": {"hidden": 0.0, "attention": 0.0, "classifier": 0.0}, "recipe.epochs": 1}


@pytest.fixture(scope="module")
def pythons() -> dict[str, str]:
    return {name: backend_python(name) for name in CASES}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, pythons: dict[str, str]) -> Workplace:
    place = Workplace(tmp_path_factory.mktemp("kernels"))
    made = call([pythons["hf"], str(INSIDE / "make_models.py"), str(place.models)], "hf")
    assert made.returncode == 0, made.stderr
    return place


def products(python: str, *words: str, **more: str) -> dict[str, str]:
    """What -> digest, by a process of `python` with the variables `more`."""
    told = subprocess.run(
        [python, str(INSIDE / "products.py"), *words],
        env=backend_environment("hf") | more, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    return dict(json.loads(told.stdout))


def test_held_libraries_give_the_same_bits_whoever_made_the_processor(pythons: dict[str, str], tmp_path: Path) -> None:
    library, python = shim(tmp_path), pythons["hf"]
    if library is None:
        pytest.skip("no C compiler, to make the shim with")
    assert products(python, "avx2") == products(python, "avx2", LD_PRELOAD=library)
    free, elsewhere = products(python), products(python, LD_PRELOAD=library)
    assert free["linear"] != elsewhere["linear"], "the shim does nothing: the first line shows nothing"


@pytest.mark.parametrize("backend", CASES)
def test_runs_are_held_and_tell_so(place: Workplace, pythons: dict[str, str], backend: str) -> None:
    spec = place.spec({"backend": backend, **STILL})
    spec["device"]["instructions"] = "avx2"
    told = call(place.command(pythons[backend], f"seedwise_{backend}", "run", backend, spec), backend)
    assert told.returncode == ExitCode.COMPLETED, told.stderr
    said = json.loads((Outcome(place.out(backend)).folder / "environment.json").read_text())
    assert HELD["avx2"].items() <= said["determinism"].items()
    assert said["determinism"]["torch.cpu_capability"] == "AVX2"


def test_scikit_learn_is_held_too() -> None:
    """Its libraries of linear algebra are held to the kernels of AVX2, by the variables that a run sets before it loads them."""
    python = backend_python("sklearn")
    code = (
        "from seedwise_contract.processor import hold; hold('avx2'); import json, scipy.linalg, threadpoolctl; "
        "from numpy._core._multiarray_umath import __cpu_features__ as found; "
        "print(json.dumps([[one['architecture'] for one in threadpoolctl.threadpool_info()], found['X86_V4']]))"
    )
    told = call([python, "-c", code], "sklearn")
    assert told.returncode == 0, told.stderr
    architectures, more = json.loads(told.stdout)
    assert set(architectures) == {"Haswell"}
    assert more is False


def test_a_late_choice_is_refused() -> None:
    told = call(
        [backend_python("hf"), "-c", "import numpy; from seedwise_contract.processor import hold; hold('avx2')"], "hf"
    )
    assert told.returncode != 0
    assert "numpy chose its kernels before" in told.stderr
