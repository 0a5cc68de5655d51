"""The methods paragraphs and the recipes, generated from the study and its plan."""

from __future__ import annotations

from collections.abc import Sequence

from seedwise.planning.plan import Plan
from seedwise.report import text
from seedwise.report.arm_rows import Recipe
from seedwise.report.comparisons import Comparison
from seedwise.stats import MIN_SEEDS
from seedwise.study.metric import METRICS
from seedwise.verdicts.comparison import StudyOutcome
from seedwise_contract.recipe import Recipe as RunRecipe
from seedwise_contract.spec import LOWER_IS_BETTER

_QUESTIONS = {
    "seeds and examples": "whether one arm is expected to beat the other for whoever repeats the training with new seeds and "
    "draws new examples of the same kind",
    "seeds": "whether one arm is expected to beat the other on this very test file for whoever repeats the training with "
    "new seeds",
    "examples": "whether one fixed system is expected to beat the other on new examples of the same kind, both being "
    "deterministic",
}


def methods(outcome: StudyOutcome, comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """Paragraphs as a paper's appendix would have them: design, question and analysis."""
    return (_design(outcome), _analysis(outcome, comparisons), _reading(outcome))


def _design(outcome: StudyOutcome) -> str:
    study, data = outcome.study, outcome.plan.data
    rows = {name: split.rows for name, split in data.splits.items()}
    seeded = [name for name, arm in study.arms.items() if not arm.deterministic]
    fixed = [name for name, arm in study.arms.items() if arm.deterministic]
    titled = "" if data.title == data.name else f" ({data.title.rstrip('.')})"
    parts = [
        f"The task is {data.name}{titled}: {text.count(rows['train'])} examples to train on, "
        f"{text.count(rows['selection'])} to select the checkpoint, {text.count(rows['test'])} to report."
    ]
    seeds = study.seeds if outcome.look is None else study.seeds[: outcome.look.seeds]
    if seeded:
        each = ("The arm", "is", "") if len(seeded) == 1 else ("The arms", "are", " each")
        parts.append(
            f"{each[0]} {text.listed(seeded)} {each[1]} trained with {text.plural(len(seeds), 'seed')}{each[2]} "
            f"({text.seeds(tuple(seeds))}); every seed gives separate streams for initialisation, data order and "
            "dropout."
        )
    if fixed:
        arms = f"The arm {fixed[0]} is" if len(fixed) == 1 else f"The arms {text.listed(fixed)} are"
        parts.append(f"{arms} deterministic and run once.")
    parts += _search(outcome.plan)
    if study.selection.rule == "best":
        direction = "lowest" if study.selection.metric in LOWER_IS_BETTER else "highest"
        rule = f"the checkpoint with the {direction} {study.selection.metric} on the selection split (the earliest of equal ones)"
    else:
        rule = "the last checkpoint"
    parts.append(
        f"The selection split is scored every epoch and {rule} is reported: the test split is scored once, with that "
        f"checkpoint. The metric is {study.task.metric}{_of_tokens(outcome)}."
    )
    if study.evaluation.curve:
        parts.append("The test split's scores by epoch are for display: selection never saw them.")
    return " ".join(parts)


def _search(plan: Plan) -> list[str]:
    """How recipes were chosen, where they were."""
    search = plan.study.search
    if search is None or not plan.tuning:
        return []
    arms = [each.arm for each in plan.tuning]
    who = f"the arm {arms[0]}" if len(arms) == 1 else f"the arms {text.listed(arms)}"
    points = text.plural(len(plan.tuning[0].points), "point")
    return [
        f"The settings of {who} are those of a search by equal budgets: {points} an arm, tried on {text.plural(len(search.seeds), 'seed')} "
        f"({text.seeds(tuple(search.seeds))}) that no report uses; the best mean {plan.study.selection.metric} on the selection split "
        "was chosen."
    ]


def _of_tokens(outcome: StudyOutcome) -> str:
    """What a perplexity is of, and what was learned."""
    task = outcome.study.task
    if task.metric != "perplexity":
        return ""
    learned = {"answer": "the answers' tokens", "prompt_and_answer": "those of prompts and answers"}
    by_arm: dict[str, list[str]] = {}
    for name, arm in outcome.study.arms.items():
        by_arm.setdefault(learned[arm.loss_on or task.loss_on or "answer"], []).append(name)
    each = "; ".join(f"{what} by {text.listed(names)}" for what, names in by_arm.items())
    return (
        ", the exponential of the mean loss of the answers' tokens over the whole split, lower being better; the loss in training "
        f"is of {next(iter(by_arm)) if len(by_arm) == 1 else each}"
    )


def _training(outcome: StudyOutcome) -> str:
    drawn = [name for name, arm in outcome.study.arms.items() if arm.draws_rows]
    if not drawn:
        return "the training set stays the same"
    return (
        f"each seed of {text.listed(drawn)} has training rows of its own, drawn with replacement from the whole training split of the "
        "data set (the bootstrap), groups of rows together"
    )


def _analysis(outcome: StudyOutcome, comparisons: Sequence[Comparison]) -> str:
    study = outcome.study
    questions = dict.fromkeys(comparison.question for comparison in comparisons)
    parts = [f"The question answered is {_QUESTIONS[question]}." for question in questions]
    claims = len(study.claims)
    if claims:
        parts.append(f"The study file declares {text.plural(claims, 'claim')}. {_declared(outcome)}")
    parts.append(
        f"Differences are estimated from {_scores(outcome)} with seeds and examples as crossed random factors, seeds nested "
        "in the arm: a t interval from the variance components of Obuchowski and Rockette and of Dorfman, Berbaum and Metz "
        "with Satterthwaite degrees of freedom over the seeds' and the examples' components, each arm's its own. It takes seeds to "
        f"scatter near normally and to be independent between arms; {_training(outcome)}."
    )
    parts += _clusters(outcome, comparisons)
    if paired := [claim.name for claim in study.claims if claim.design == "paired"]:
        parts.append(
            f"For {text.listed(paired)} seeds are pairs, and the analysis is that of their differences; the runs were checked "
            "to share their initial weights, seed streams and batches."
        )
    parts.append(
        f"Tests are two-sided at alpha = {study.alpha:g}{'' if outcome.look else _family(claims)}.{_looks(outcome)}"
    )
    if any(comparison.margin is not None for comparison in comparisons):
        parts.append(
            "Equivalence is two one-sided tests against the declared margin, each at the level at which its claim is decided."
        )
    parts.append(
        "Companions, which hold for this test file only: Welch's t interval over seeds, and the exact permutation test over "
        "seeds (sign flips against a deterministic arm) with its floor, the smallest p that it can return with so many seeds. "
        f"{_exact(outcome, comparisons)}"
    )
    if any(comparison.multi_bootstrap_p is not None for comparison in comparisons):
        parts.append(
            "The report also shows a sensitivity analysis, the multi-bootstrap over seeds and examples (Sellam et al. 2022), which "
            "rejects too rarely and decides nothing."
        )
    return " ".join(parts)


def _clusters(outcome: StudyOutcome, comparisons: Sequence[Comparison]) -> list[str]:
    """What counts as one draw of examples, where that is not each by itself."""
    counts = {(c.n_clusters, c.n_examples) for c in comparisons if c.n_clusters is not None}
    groups = outcome.plan.data.groups
    if not counts or groups is None:
        return []
    clusters, examples = next(iter(counts))
    of = f"of one {groups.column}" if groups.column else "of the same text"
    return [
        f"Examples {of} are not independent: the {text.count(examples)} examples form {text.count(clusters)} clusters, and "
        "delete-one-cluster pseudovalues take the place of the scores of examples (Miller 2024, arXiv 2411.00640, on clustered "
        "standard errors)."
    ]


def _exact(outcome: StudyOutcome, comparisons: Sequence[Comparison]) -> str:
    """What the exact test has to say in what is decided."""
    if any(comparison.require_exact for comparison in comparisons) or outcome.study.exact == "required":
        return (
            "By the study's own rule (exact: required) it has to confirm a difference; where its floor is above the level, the "
            "outcome is 'unattainable', which is a finding about the rule and the design, not about the arms."
        )
    return (
        f"A verdict takes {MIN_SEEDS} seeds in each arm that has any, and says whether the exact test confirms it or it rests on "
        "seeds that scatter near normally."
    )


def _scores(outcome: StudyOutcome) -> str:
    if METRICS[outcome.study.task.metric].route is None:
        return "per-example scores"
    return "jackknife pseudovalues of the examples"


def _looks(outcome: StudyOutcome) -> str:
    """The rule under which seeds are added, where the study declares one."""
    look, rule = outcome.look, outcome.study.looks
    if look is None or rule is None:
        return ""
    each = ", each claim with its own share of alpha" if len(outcome.study.claims) > 1 else ""
    return (
        f" The study declares looks at {text.listed([str(count) for count in rule.seeds])} seeds an arm, over which alpha is spent "
        f"by the {rule.spending} type rule of Lan and DeMets (1983, doi 10.1093/biomet/70.3.659){each}; this is look "
        f"{look.number}, which decides at {look.level:.3g}."
    )


def _declared(outcome: StudyOutcome) -> str:
    """What the runs' provenance says of when the claims were declared."""
    if not outcome.claims:
        return "None is decided yet."
    under = "the present declaration of seeds, metric, selection, margins, alpha and claims"
    others = [claim.name for claim in outcome.claims if not claim.declared]
    if not others:
        return f"Every run behind a verdict was started under {under}."
    return f"Not every run behind {text.listed(others)} was started under {under}: what they say is exploratory."


def _family(claims: int) -> str:
    return f", corrected by Holm over the {claims} declared claims" if claims > 1 else ""


def _reading(outcome: StudyOutcome) -> str:
    parts = [
        f"Arms are summarised by the mean over seeds, the sample standard deviation (n \N{MINUS SIGN} 1) and the "
        f"{text.percent(1 - outcome.study.alpha)} t interval of the mean over seeds, which holds for this test file."
    ]
    if outcome.explored:
        parts.append("Comparisons with baselines are not declared: they are exploratory and outside the family.")
    lost = "counts as all wrong" if METRICS[outcome.study.task.metric].worst is not None else "leaves no verdict"
    parts.append(f"Diverged runs stay in every figure and are flagged; one without predictions {lost}.")
    return " ".join(parts)


def recipes(plan: Plan) -> tuple[Recipe, ...]:
    """Each distinct training recipe, as planned (warm-up as a count of updates), with the arms that share it."""
    shared: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name in plan.study.arms:
        runs = plan.of_arm(name)
        if runs and runs[0].spec.recipe is not None:
            settings = _settings(runs[0].spec.recipe, runs[0].spec.total_updates)
            shared.setdefault(settings, []).append(name)
    return tuple(Recipe(arms=tuple(arms), settings=settings) for settings, arms in shared.items())


def _settings(recipe: RunRecipe, updates: int) -> tuple[tuple[str, str], ...]:
    optimizer, schedule = recipe.optimizer, recipe.schedule
    betas = [text.number(beta) for beta in optimizer.betas]
    power = f", power {text.number(schedule.power)}" if schedule.name == "polynomial" else ""
    covered = "all parameters" if optimizer.decay_on == "all" else "matrices only"
    return (
        ("optimizer", f"{optimizer.name}, betas {betas[0]} and {betas[1]}, eps {text.number(optimizer.eps)}"),
        ("learning rate", f"{text.number(optimizer.lr)}, {schedule.name}{power} to {text.number(schedule.end_lr)}"),
        ("warm-up", f"{schedule.warmup_updates:,} of {updates:,} updates"),
        ("weight decay", f"{text.number(optimizer.weight_decay)}, {covered}"),
        ("gradient clipping", "none" if recipe.clip_norm is None else f"norm {text.number(recipe.clip_norm)}"),
        ("epochs", f"{recipe.epochs}"),
        ("batch", f"{recipe.batch_size} × {recipe.accumulation} accumulated" + _grouped(recipe)),
        ("precision", recipe.precision),
        ("length", f"{recipe.max_length} tokens, truncated {recipe.truncation.replace('_', ' ')}"),
        ("dropout", ", ".join(f"{place} {text.number(value)}" for place, value in recipe.dropout.model_dump().items())),
    )


def _grouped(recipe: RunRecipe) -> str:
    return ", of rows of like length" if recipe.batching == "by_length" else ""
