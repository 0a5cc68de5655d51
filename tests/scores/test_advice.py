"""Advice in errors of `seedwise compare`: whoever follows it gets a verdict."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.scores.field import F1, F13, labelled, one_run_each, passages, put, run, seeds

GRID = [(a, s) for a in "ab" for s in range(4)]
SCORES = {"a": (81.2, 80.4, 81.9, 80.8), "b": (83.1, 82.7, 83.4, 82.9)}


def table(head: str, form: str) -> str:
    """A row a seed."""
    return "\n".join([head, *(form.format(arm=a, seed=s, value=SCORES[a][s]) for a, s in GRID)]) + "\n"


def examples(head: str, form: str, n: int = 20) -> str:
    """A row an example: right or wrong, and answers of three classes."""
    lines = [head]
    for a, s in GRID:
        for i in range(n):
            right = (i * 7 + s * 3) % 10 < (8 if a == "a" else 5)
            label = ("no", "yes")[i % 2]
            said = label if right else ("yes", "no")[i % 2]
            lines.append(form.format(arm=a, seed=s, example=i, right=int(right), label=label, said=said, real=i / 7))
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Case:
    """`files` by name; `said` is the advice in the error, `follow` what it says to add; `given` come before, or the first file."""

    files: dict[str, str]
    said: str
    follow: list[str]
    given: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)


LOGS = {
    f"{a}{t}.jsonl": "\n".join(
        json.dumps(
            {
                "doc_id": i,
                "uid": f"{t}.{i}",
                "doc_hash": f"{t}:{i}",
                "acc": float((i + ord(a)) % (3 + int(t))),
                "metrics": ["acc"],
            }
        )
        for i in range(12)
    )
    for a in "ab"
    for t in "01"
}
FILTERS = {
    f"{a}{s}.jsonl": "\n".join(
        json.dumps(
            {"doc_id": i, "target": str(i), "filter": f, "metrics": ["em"], "em": float((i + s + ord(a)) % 3 > 0)}
        )
        for i in range(12)
        for f in ("strict", "flexible")
    )
    for a in "ab"
    for s in range(3)
}
CASES = {
    "arm": Case({"s.csv": table("who,seed,score", "{arm},{seed},{value}")}, "--arm COLUMN names it", ["--arm", "who"]),
    "seed": Case({"s.csv": table("arm,go,score", "{arm},{seed},{value}")}, "--seed COLUMN names it", ["--seed", "go"]),
    "several columns of an arm": Case(
        {"s.csv": table("arm,size,seed,score", "{arm},1,{seed},{value}") + "a,2,0,80\na,2,1,81\na,2,2,82\na,2,3,81\n"},
        "--arm (several)",
        ["--arm", "arm", "--arm", "size"],
    ),
    "rows of one size": Case(
        {"s.csv": table("arm,size,seed,score", "{arm},1,{seed},{value}") + "a,2,0,80\n"},
        "--where",
        ["--where", "size=1"],
    ),
    "example": Case(
        {"s.csv": examples("arm,seed,nr,score", "{arm},{seed},{example},{right}")}, "--example", ["--example", "nr"]
    ),
    "example of labels": Case(
        {"s.csv": examples("arm,seed,nr,label,prediction", "{arm},{seed},{example},{label},{said}")},
        "--example",
        ["--example", "nr"],
    ),
    "a task in a column": Case(
        {"s.csv": F13.replace("task", "suite") + F13.split("\n", 1)[1].replace("rte", "mrpc")},
        "--task",
        ["--task", "suite"],
    ),
    "common examples": Case({"s.csv": passages().rsplit("\n", 1)[0]}, "--on common", ["--on", "common"]),
    "f1 of a class": Case(
        {"s.csv": examples("arm,seed,example,label,prediction", "{arm},{seed},{example},{label},{said}")},
        "--positive (labels: no, yes)",
        ["--positive", "yes"],
        ["--metric", "f1"],
    ),
    "f1 of a class that is none": Case(
        {"s.csv": examples("arm,seed,example,label,prediction", "{arm},{seed},{example},{label},{said}")},
        "labels: no, yes",
        ["--positive", "no"],
        ["--metric", "f1", "--positive", "maybe"],
    ),
    "macro-f1 instead": Case(
        {"s.csv": examples("arm,seed,example,label,prediction", "{arm},{seed},{example},{label},{said}")},
        "take macro-f1",
        ["--metric", "macro-f1"],
        ["--metric", "f1"],
    ),
    "several metrics": Case(
        {"s.csv": table("arm,seed,dev acc,test acc", "{arm},{seed},{value},{value}")},
        "--metric; found dev acc, test acc",
        ["--metric", "test acc"],
    ),
    "a metric in a column of another name": Case(
        {"s.csv": table("arm,seed,points", "{arm},{seed},{value}")},
        "--score names the column",
        ["--score", "points"],
        ["--metric", "bleu"],
    ),
    "filters": Case(
        FILTERS, "--where filter=flexible", ["--where", "filter=flexible"], sources=["a=a*.jsonl", "b=b*.jsonl"]
    ),
    "epochs": Case(
        {"s.csv": table("arm,seed,epoch,score", "{arm},{seed},1,{value}\n{arm},{seed},2,{value}")},
        "--at last",
        ["--at", "last"],
    ),
    "the best epoch": Case(
        {"s.csv": table("arm,seed,epoch,score", "{arm},{seed},1,{value}\n{arm},{seed},2,{value}")},
        "--at best",
        ["--at", "best"],
    ),
    "one epoch": Case(
        {"s.csv": table("arm,seed,epoch,score", "{arm},{seed},1,{value}\n{arm},{seed},2,{value}")},
        "--where epoch=2",
        ["--where", "epoch=2"],
    ),
    "units": Case(
        {"s.csv": seeds(a=[0.79, 0.80, 0.81], b=[79, 80, 81])}, "state --unit", ["--unit", "own"], ["--metric", "score"]
    ),
    "numbers as labels": Case(
        {"s.csv": examples("arm,seed,example,label,prediction", "{arm},{seed},{example},{real},{right}")},
        "--metric pearson, spearman or mse",
        ["--metric", "spearman"],
    ),
    "classes beside numbers": Case(
        {"s.csv": examples("arm,seed,example,label,class,prediction", "{arm},{seed},{example},{real},{label},{said}")},
        "--label",
        ["--label", "class"],
    ),
    "empty arms": Case(
        {"s.csv": table("arm,seed,score", "{arm},{seed},{value}") + ",9,80\n"}, "--where 'arm!='", ["--where", "arm!="]
    ),
    "words as scores": Case(
        {"s.csv": table("arm,seed,score", "{arm},{seed},{value}") + "a,9,crashed\n"},
        "--where 'score!=crashed'",
        ["--where", "score!=crashed"],
    ),
    "another column of scores": Case(
        {"s.csv": table("arm,seed,score,points", "{arm},{seed},high,{value}")},
        "--score names another column",
        ["--score", "points"],
    ),
    "other items under one id": Case(
        LOGS, "--pattern", ["--pattern", "{arm}{task}.jsonl"], ["--metric", "acc"], sources=["a=a*.jsonl", "b=b*.jsonl"]
    ),
    "equivalence": Case(
        {"s.csv": table("arm,seed,score", "{arm},{seed},{value}")},
        "needs a --margin",
        ["--margin", "1"],
        ["--claim", "equivalence"],
    ),
    "single numbers": Case({"s.csv": "arm,accuracy\na,0.5\nb,0.6\nc,0.7\n"}, "--test-size N", ["--test-size", "500"]),
    "means told apart": Case(
        {"s.csv": "arm,size,mean,sd,n\na,1,80,.5,3\na,2,81,.5,3\nb,1,82,.5,3\nb,2,83,.5,3\n"},
        "--arm",
        ["--arm", "arm", "--arm", "size"],
    ),
    "means of some rows": Case(
        {"s.csv": "arm,size,mean,sd,n\na,1,80,.5,3\na,2,81,.5,3\nb,1,82,.5,3\nb,2,83,.5,3\n"},
        "--where",
        ["--where", "size=2"],
    ),
    "a sample log": Case(
        FILTERS,
        "ARM=",
        [],
        ["--where", "filter=strict"],
        sources=["a0.jsonl", "b0.jsonl"],
    ),
}


def arguments(case: Case, folder: Path) -> list[str]:
    if not case.sources:
        return [str(folder / next(iter(case.files)))]
    return [f"{s.split('=')[0]}={folder / s.split('=')[1]}" if "=" in s else str(folder / s) for s in case.sources]


@pytest.mark.parametrize("name", CASES)
def test_advice_that_is_followed_works(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    for file, text in case.files.items():
        put(tmp_path, text, file)
    sources = arguments(case, tmp_path)
    answer = run(*sources, *case.given)
    assert answer.exit_code == 2, answer.output
    assert case.said in answer.stderr, answer.stderr
    if name == "a sample log":
        sources = [f"{Path(source).stem[0]}={source}" for source in sources]
    if "--pattern" in case.follow:
        sources = [str(tmp_path / "*.jsonl")]
    replaced = [option for option in case.follow if option.startswith("--") and option in case.given]
    kept = [word for place, word in enumerate(case.given) if not {word, case.given[place - 1]} & set(replaced)]
    followed = run(*sources, *kept, *case.follow)
    assert followed.exit_code == 0, followed.output
    assert " against " in followed.stdout


@pytest.mark.parametrize(
    ("text", "options", "said", "follow"),
    [
        (labelled(), [], "--score score takes it", ["--score", "score"]),
        (passages(), [], "--cluster none takes examples as independent", ["--cluster", "none"]),
        (F1.replace("perplexity", "zorp"), [], "--direction lower if it is not", ["--direction", "lower"]),
        (one_run_each(), ["--b", "base"], "verdict on the methods takes 3 seeds an arm", []),
        ("arm,accuracy\na,0.5\nb,0.6\n", [], "--test-size N", ["--test-size", "500"]),
    ],
)
def test_what_a_verdict_offers_works_too(
    text: str, options: list[str], said: str, follow: list[str], tmp_path: Path
) -> None:
    path = put(tmp_path, text)
    answer = run(path, *options)
    assert answer.exit_code == 0, answer.output
    assert said in answer.stdout
    followed = run(path, *options, *follow)
    assert followed.exit_code == 0, followed.output
    assert not follow or followed.stdout != answer.stdout


def test_several_values_and_values_left_out(tmp_path: Path) -> None:
    rows = [f"{a},{s},{t},{SCORES['ab'[a > 'b']][s]}" for a in "abc" for s in range(4) for t in ("x", "y", "z")]
    path = put(tmp_path, "\n".join(["arm,seed,part,accuracy", *rows]))
    kept = ["--where", "part=x", "--where", "arm=a", "--where", "arm=b"]
    assert "a against b" in run(path, *kept).stdout
    left = ["--where", "part!=y", "--where", "part!=z", "--where", "arm!=c"]
    assert run(path, *left).stdout == run(path, *kept).stdout
    assert "it holds x, y, z" in run(path, "--where", "part=w").stderr
    assert "no row is left" in run(path, "--where", "arm=a", "--where", "arm!=a").stderr
