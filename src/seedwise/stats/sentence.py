"""English from a verdict: it names the question and claims no more than the verdict does."""

from __future__ import annotations

import re

from .needed import MAX_EXAMPLES, MAX_SEEDS
from .verdict import Outcome, Question, Verdict


def sentence(
    verdict: Verdict, name_a: str, name_b: str, metric: str, unit: str = "points", scale: float = 100.0
) -> str:
    """Return the verdict as one or more sentences.

    Estimates are multiplied by `scale` and given in `unit`: scores between 0 and 1 become points with the
    defaults, scores already in points take scale=1. A negative scale says that scores are minus the metric, of which a
    lower value is better: what is printed is the metric's own.
    """
    return " ".join(part for part in _parts(verdict, name_a, name_b, metric, unit, scale) if part)


def format_p(p: float) -> str:
    """Return p as reports print it: ".100", ".0286", "1.1e-05", "1.000"; never "0"."""
    if p < 1e-4:
        return f"{p:.1e}"
    text = f"{p:.3f}" if p >= 0.1 else f"{p:.{_decimals(p)}f}"
    return text.removeprefix("0")


def _parts(verdict: Verdict, a: str, b: str, metric: str, unit: str, scale: float) -> list[str]:
    basis = _basis(verdict, a, b)
    if verdict.outcome is Outcome.DEGENERATE:
        return [
            f"No verdict on {a} against {b} on {metric} ({verdict.reason}): {'; '.join(verdict.notes)}.",
            _needed(verdict, a, b),
        ]
    observed = _observed(verdict, a, b, metric, unit, scale)
    if verdict.outcome is Outcome.UNATTAINABLE:
        return [
            f"This design cannot decide {_claim(verdict, a, b, unit, scale)} on {metric} at alpha = "
            f"{_level(verdict)}: with {_seeds(verdict, a, b)} the smallest p an exact test can return is "
            f"{_floor(verdict)}; {_seeds_that_do(verdict, a, b)} would do.",
            f"Described only, not decided: {observed}.",
            _exact(verdict, a, b, scale),
            _notes(verdict, a, b),
        ]
    if verdict.outcome is Outcome.INCONCLUSIVE:
        differ = "differ" if verdict.claim == "equivalence" else "are equal"
        head = f"{basis}, these data do not decide {_claim(verdict, a, b, unit, scale)}: {observed}."
        return [
            head,
            f"This is not evidence that they {differ}.",
            _exact(verdict, a, b, scale),
            _needed(verdict, a, b),
            _notes(verdict, a, b),
        ]
    if verdict.outcome is Outcome.EQUIVALENT:
        head = f"{basis}, {a} and {b} are equivalent within ±{_margin(verdict, unit, scale)}: {observed}."
    else:
        better, other = (a, b) if verdict.outcome is Outcome.A_BETTER else (b, a)
        head = f"{basis}, {better} scores higher than {other}: {observed}."
        if scale < 0.0:
            head = f"{basis}, {better} has a lower {metric} than {other}: {observed}."
    return [head, _exact(verdict, a, b, scale), _notes(verdict, a, b)]


def _basis(verdict: Verdict, a: str, b: str) -> str:
    scope = {
        Question.SEEDS_AND_EXAMPLES: "Over seeds and examples",
        Question.SEEDS: "Over seeds, on this test file only",
        Question.EXAMPLES: "Over examples, both being deterministic",
    }[verdict.question]
    examples = "" if verdict.n_examples is None else f", {verdict.n_examples} examples"
    seeds = "" if verdict.question is Question.EXAMPLES else f"{_seeds(verdict, a, b)}"
    size = f"{seeds}{examples}".removeprefix(", ")
    return f"{scope} ({size})"


def _seeds(verdict: Verdict, a: str, b: str) -> str:
    n_a, n_b = verdict.n_seeds
    if all(verdict.deterministic):
        return "no seeds"
    if verdict.paired:
        return f"{n_a} paired {_plural(n_a, 'seed')}"
    if any(verdict.deterministic):
        n, seeded, fixed = (n_b, b, a) if verdict.deterministic[0] else (n_a, a, b)
        return f"{n} {_plural(n, 'seed')} of {seeded} against the deterministic {fixed}"
    if n_a == n_b:
        return f"{n_a} {_plural(n_a, 'seed')} an arm"
    return f"{n_a} {_plural(n_a, 'seed')} of {a} and {n_b} of {b}"


def _observed(verdict: Verdict, a: str, b: str, metric: str, unit: str, scale: float) -> str:
    if verdict.estimate is None or verdict.interval is None or verdict.p is None:
        return "no estimate"
    estimate = verdict.estimate * scale
    low, high = sorted(bound * scale for bound in verdict.interval)
    items = [
        f"{_percent(1.0 - verdict.alpha)} interval {low:.2f} to {high:.2f}",
        f"p = {format_p(verdict.p)}",
    ]
    if verdict.tost is not None:
        t_low, t_high = sorted(bound * scale for bound in verdict.tost.interval)
        items.append(f"{_percent(1.0 - 2.0 * verdict.alpha)} interval {t_low:.2f} to {t_high:.2f}")
        items.append(f"equivalence within ±{_margin(verdict, unit, scale)} p = {format_p(verdict.tost.p)}")
    if verdict.p_adjusted is not None and verdict.family_size > 1:
        items.append(f"adjusted p of the claim {format_p(verdict.p_adjusted)}, Holm over {verdict.family_size}")
    elif verdict.family_size > 1:
        items.append(f"decided at {_level(verdict)}")
    return f"{metric} of {a} minus {b} is {f'{estimate:+.2f} {unit}'.strip()} ({'; '.join(items)})"


def _exact(verdict: Verdict, a: str, b: str, scale: float) -> str:
    parts = []
    if verdict.p_exact is not None and verdict.floor is not None:
        parts.append(f"test over seeds p = {format_p(verdict.p_exact)}, floor {format_p(verdict.floor)}")
    if verdict.p_a_greater_b is not None and not all(verdict.deterministic):
        over = "pairs of seeds" if verdict.paired else "seeds"
        parts.append(f"P({a} {'<' if scale < 0.0 else '>'} {b}) over the {over} at hand {verdict.p_a_greater_b:.2f}")
    return f"Companions: {'; '.join(parts)}." if parts else ""


def _claim(verdict: Verdict, a: str, b: str, unit: str, scale: float) -> str:
    if verdict.claim == "equivalence":
        return f"whether {a} and {b} are equivalent within ±{_margin(verdict, unit, scale)}"
    return f"which of {a} and {b} is better"


def _needed(verdict: Verdict, a: str, b: str) -> str:
    needed = verdict.needed
    if needed is None:
        return ""
    if not needed.approximate:
        return f"{_seeds_that_do(verdict, a, b)} would make the claim decidable."
    options = []
    if needed.seeds_per_arm is not None:
        options.append(f"about {_seeds_that_do(verdict, a, b)}")
    if needed.examples is not None:
        options.append(f"about {needed.examples} examples")
    if not options:
        limits = f"of seeds up to {MAX_SEEDS} an arm"
        if verdict.question is Question.SEEDS_AND_EXAMPLES:
            limits += f", and none of examples up to {MAX_EXAMPLES:,}, the other staying as it is,"
        elif verdict.question is Question.EXAMPLES:
            limits = f"of examples up to {MAX_EXAMPLES:,}"
        return f"If the estimate and the variances stayed as they are, no number {limits} would decide it."
    closed = ""
    if needed.seeds_per_arm is None and verdict.question is Question.SEEDS_AND_EXAMPLES:
        closed = f"; no number of seeds up to {MAX_SEEDS} would on these examples"
    if needed.examples is None and verdict.question is Question.SEEDS_AND_EXAMPLES:
        closed = "; more examples alone would not"
    choice = " or ".join(options)
    return f"If the estimate and the variances stayed as they are, {choice} would decide it{closed}."


def _seeds_that_do(verdict: Verdict, a: str, b: str) -> str:
    n = None if verdict.needed is None else verdict.needed.seeds_per_arm
    if n is None:
        return "no number of seeds"
    if any(verdict.deterministic):
        return f"{n} seeds of {b if verdict.deterministic[0] else a}"
    if verdict.paired:
        return f"{n} paired seeds"
    return f"{n} seeds an arm"


def _notes(verdict: Verdict, a: str, b: str) -> str:
    """The notes with the arms' own names, which a verdict does not know."""
    named = re.sub(r"\bof (A|B)\b", lambda side: f"of {a if side[1] == 'A' else b}", "; ".join(verdict.notes))
    return f"Note: {named}." if named else ""


def _level(verdict: Verdict) -> str:
    level = format_p(verdict.alpha / verdict.family_size).rstrip("0")
    return level if verdict.family_size == 1 else f"{level} (family of {verdict.family_size}, Holm's first step)"


def _floor(verdict: Verdict) -> str:
    return "undefined" if verdict.floor is None else format_p(verdict.floor)


def _margin(verdict: Verdict, unit: str, scale: float) -> str:
    return "" if verdict.margin is None else f"{verdict.margin * abs(scale):g} {unit}".strip()


def _percent(level: float) -> str:
    return f"{100.0 * level:g} %"


def _plural(n: int, noun: str) -> str:
    return noun if n == 1 else f"{noun}s"


def _decimals(p: float) -> int:
    """Return the decimals that show three significant digits of p in [1e-4, 0.1)."""
    decimals = 4
    while p * 10**decimals < 100.0:
        decimals += 1
    return decimals
