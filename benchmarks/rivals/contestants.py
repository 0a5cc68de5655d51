"""Each way of comparing, by the package that offers it, in the mode that suits seeds and examples best.

    python contestants.py NAME OUT.json SECONDS CASES.npz…

in that package's environment, for so many seconds at most; a further call goes on where OUT.json ends.
`CASES.npz` holds arrays [repetitions, 2, seeds, examples] of right (1) and wrong (0) answers. For each repetition the answer is
p (or None), the interval's bounds (or None), the winner (-1 the first arm, 1 the second, 0 none) and the seconds it took.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ALPHA = 0.05
Answer = tuple[float | None, float | None, float | None, int]


def winner(p: float, difference: float) -> int:
    return int(np.sign(difference)) if p <= ALPHA else 0


def seedwise(right: Any) -> Answer:
    from seedwise.stats import Outcome, decide_crossed

    verdict = decide_crossed(right[1], right[0])
    sign = {Outcome.A_BETTER: 1, Outcome.B_BETTER: -1}.get(verdict.outcome, 0)
    low, high = verdict.interval or (None, None)
    return verdict.p, low, high, sign


def t_test(right: Any) -> Answer:
    """Welch's, over the runs' accuracies."""
    from scipy import stats

    first, second = right.mean(axis=2)
    found = stats.ttest_ind(second, first, equal_var=False)
    low, high = found.confidence_interval(1 - ALPHA)
    return float(found.pvalue), float(low), float(high), winner(found.pvalue, second.mean() - first.mean())


def mcnemar(right: Any) -> Answer:
    """Exact, of the first run of each arm: the test is of two checkpoints."""
    from statsmodels.stats.contingency_tables import mcnemar as test

    first, second = right[0, 0], right[1, 0]
    table = [[int(((first == a) & (second == b)).sum()) for b in (1, 0)] for a in (1, 0)]
    p = float(test(table, exact=True).pvalue)
    return p, None, None, winner(p, second.mean() - first.mean())


def evalstats(right: Any) -> Answer:
    """`compare` of models with runs, which it nests in the items; methods as it chooses them itself."""
    import evalstats as package
    import pandas as pd

    arm, seed, item = (index.ravel() for index in np.indices(right.shape))
    frame = pd.DataFrame(
        {"model": np.array(["first", "second"])[arm], "item": item, "run": seed, "score": right.ravel().astype(float)}
    )
    (pair,) = package.compare(package.load_from(frame), factors="model", alpha=ALPHA).to_dict()["pairwise"]
    turned = 1 if pair["a"] == "second" else -1
    low, high = sorted((turned * pair["ci_low"], turned * pair["ci_high"]))
    sign = int(np.sign(turned * pair["diff"])) if pair["significant"] else 0
    return pair["p_value"], low, high, sign


def mlflow(right: Any) -> Answer:
    """`compare_evaluations` with a feedback a seed on each row, which it averages. The rows are handed in where it would read them
    from a server's traces; everything after that is its own."""
    import mlflow.genai
    from mlflow.entities.assessment import Feedback
    from mlflow.genai.evaluation.comparison import comparison
    from mlflow.genai.evaluation.comparison.utils import _EvalRow

    def rows(run: str) -> list[Any]:
        scores = right[int(run)]
        return [
            _EvalRow(
                trace_id=f"{run}-{item}",
                eval_request_id=str(item),
                inputs_hash=None,
                inputs_hash_unstable=False,
                feedbacks={"right": [Feedback(name="right", value=float(value)) for value in scores[:, item]]},
            )
            for item in range(scores.shape[1])
        ]

    made = {run: rows(run) for run in ("0", "1")}
    comparison._load_eval_rows = made.__getitem__
    begun = time.perf_counter()
    found = mlflow.genai.compare_evaluations("1", "0").scorers["right"]
    mlflow_seconds.append(time.perf_counter() - begun)
    return found.p_value, found.ci_low, found.ci_high, winner(found.p_value, found.diff)


mlflow_seconds: list[float] = []  # without the making of rows


def deepsig(right: Any) -> Answer:
    """Almost stochastic order over the runs' accuracies, both ways; better where the violation ratio is below .2, as its authors advise.

    `multi_aso` draws once for both ways. Its correction for several comparisons is off: of one comparison it makes a level of 1.
    With its 1,000 iterations one comparison takes half a minute; 200 estimate the same standard deviation.
    """
    from deepsig import multi_aso

    arms = dict(zip(("first", "second"), right.mean(axis=2), strict=True))
    ratios = multi_aso(
        arms, use_bonferroni=False, num_bootstrap_iterations=200, show_progress=False, seed=0, return_df=True
    )
    ahead, behind = ratios.loc["second", "first"], ratios.loc["first", "second"]
    return None, None, None, 1 if ahead < 0.2 else -1 if behind < 0.2 else 0


def multiberts(right: Any) -> Answer:
    """`multibootstrap`, unpaired seeds, 500 samples (its default), by the interval that its `report_ci` gives."""
    import multibootstrap as package
    import pandas as pd

    seeds = right.shape[1]
    runs = pd.DataFrame({"seed": list(range(seeds)) * 2, "intervention": [False] * seeds + [True] * seeds})
    predictions, labels = right.reshape(2 * seeds, -1), np.ones(right.shape[2], dtype=right.dtype)
    samples = package.multibootstrap(
        runs, predictions, labels, lambda gold, said: float((gold == said).mean()), rng=0, verbose=False
    )
    with contextlib.redirect_stdout(io.StringIO()):
        found = package.report_ci(samples)["delta"]
    sign = 1 if found["low"] > 0 else -1 if found["high"] < 0 else 0
    return None, float(found["low"]), float(found["high"]), sign


CONTESTANTS: dict[str, tuple[str | None, Callable[[Any], Answer]]] = {
    "seedwise": ("seedwise", seedwise),
    "t_test": ("scipy", t_test),
    "mcnemar": ("statsmodels", mcnemar),
    "mlflow": ("mlflow", mlflow),
    "evalstats": ("evalstats", evalstats),
    "deepsig": ("deepsig", deepsig),
    "multiberts": (None, multiberts),
}


def versions(package: str) -> str:
    """Of the package, and of its own parts where these are of another release."""
    version = importlib.metadata.version(package)
    parts = {
        found.name: found.version
        for found in importlib.metadata.distributions()
        if found.name.startswith(f"{package}-") and not found.name.endswith("-stubs") and found.version != version
    }
    return version + "".join(f"; {name} {other}" for name, other in sorted(parts.items()))


def write(out: str, text: str) -> None:
    new = Path(f"{out}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(out)


def main() -> None:
    name, out, most, *sources = sys.argv[1:]
    package, ask = CONTESTANTS[name]
    warnings.simplefilter("ignore")
    cases: dict[str, Any] = {}
    for source in sources:
        with np.load(source) as file:
            cases |= {case: file[case] for case in file.files}
    answers: dict[str, list[Any]] = {case: [] for case in cases}
    if Path(out).is_file():
        kept = json.loads(Path(out).read_text(encoding="utf-8"))["answers"]
        answers |= {
            case: kept[case] for case in cases if case in kept and len(cases[case]) > 1
        }  # own runs may be others by now
    version = versions(package) if package else None
    ask(next(iter(cases.values()))[0])  # imports, and what a first call makes
    mlflow_seconds.clear()
    end = time.monotonic() + float(most)
    written = time.monotonic()
    for repetition in range(max(map(len, cases.values()))):
        for case, drawn in cases.items():
            if len(answers[case]) <= repetition < len(drawn) and time.monotonic() < end:
                begun = time.perf_counter()
                found = ask(drawn[repetition])
                seconds = mlflow_seconds.pop() if mlflow_seconds else time.perf_counter() - begun
                answers[case].append([*found, seconds])
        if time.monotonic() > written + 30:  # what a kill may cost
            write(out, json.dumps({"version": version, "answers": answers}))
            written = time.monotonic()
    write(out, json.dumps({"version": version, "answers": answers}))


if __name__ == "__main__":
    main()
