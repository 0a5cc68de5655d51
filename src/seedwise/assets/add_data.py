"""A new data set: files of the user's, or a data set of the Hub, become a manifest; what they hold is counted and told first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from seedwise.assets.guess import PARTS, Roles, guess_roles
from seedwise.assets.manifest import (
    Cut,
    HubSource,
    LocalSource,
    Manifest,
    ProjectSource,
    Source,
    SplitColumn,
    Table,
    TableColumns,
)
from seedwise.assets.records import parquet_class_names, read_records
from seedwise.assets.texts import OPENERS
from seedwise.errors import AssetError, InputError
from seedwise.project import Project
from seedwise_contract.files import sha256_file

FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
_MOST_LABELS = 200
_LONGEST_LABEL = 100
_FEW = 20  # rows of which nothing can be said
_HIDDEN = ("-1", "", "None", "nan", "?")  # how benchmarks write labels that they keep to themselves


@dataclass(frozen=True, slots=True)
class Given:
    """A file with its rows, and the split that it is, if it is known: train, selection (validation), test, or all."""

    part: str
    name: str
    path: Path
    form: str
    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Shares:
    test: float = 0.2
    selection: float = 0.1


@dataclass(frozen=True, slots=True)
class Looked:
    """What is made of the files: the table, which files it needs, and what the user is told of it."""

    table: Table
    roles: Roles
    used: tuple[Given, ...]
    lines: tuple[str, ...]


def read_given(path: Path, part: str, name: str | None = None) -> Given:
    """The rows of a table; `InputError` where its format is not known or it holds none."""
    name = name or path.name
    bare = path.with_suffix("") if path.suffix in OPENERS else path
    form = FORMATS.get(bare.suffix.lower())
    if form is None or (form == "parquet" and bare != path):
        raise InputError(f"{path}: a table is needed: {', '.join(FORMATS)} (texts also packed: {', '.join(OPENERS)})")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    rows = [row for _, row in read_records(path, form)]
    if not rows:
        raise InputError(f"{path}: holds no row, so that there is nothing to learn from or to report on")
    return Given(part, name, path, form, rows)


def part_of(path: Path, alone: bool) -> str:
    """The split that a file's name says; 'all' for one that is `alone` and says none."""
    words = re.split(r"[^a-z]+", path.name.lower())
    found = next((PARTS[word] for word in words if word in PARTS), None)
    if alone:
        return "all"
    if found is None:
        raise InputError(
            f"{path}: which split is it? With several files each is named after its split: train, validation (or dev), test"
        )
    return found


def look(given: Sequence[Given], named: Mapping[str, str | None], shares: Shares, numbers: bool = False) -> Looked:
    """What the table is, by its columns and labels, which are classes or `numbers`.

    `InputError` or `AssetError` where it cannot be used, and why.
    """
    parts = {one.part for one in given}
    if "all" not in parts and "train" not in parts:
        raise InputError(
            "no file of training rows; there are: " + ", ".join(f"{one.name} ({one.part})" for one in given)
        )
    train = [row for one in given if one.part in ("train", "all") for row in one.rows]
    roles = guess_roles(train, named, next(one.name for one in given if one.part in ("train", "all")))
    for one in given:
        _require_columns(one, roles)
    lines: list[str] = []
    splits, used = _by_split(given, roles, shares, lines)
    counts = _counted_labels(used, roles, splits)
    labels = None if numbers else _labels(counts, used, roles)
    cut = _cut(used, splits, shares)
    files: dict[Any, Any] = {}
    for one in used:
        files.setdefault(one.part, []).append(one.name)
    table = Table(
        files={part: names[0] if len(names) == 1 else names for part, names in files.items()},
        format=used[0].form,  # type: ignore[arg-type]
        columns=TableColumns(text=roles.text, text_pair=roles.text_pair, label=roles.label, group=roles.group),
        labels=labels,
        splits=splits,
        cut=cut,
    )
    if len({one.form for one in used}) > 1:
        raise InputError("the files have different formats: " + ", ".join(one.name for one in used))
    lines += _cut_lines(table)
    return Looked(table, roles, tuple(used), tuple(lines))


def manifest_of(
    name: str,
    looked: Looked,
    project: Project,
    repository: HubSource | None,
    facts: Mapping[str, str],
) -> tuple[Manifest, dict[str, Path]]:
    """The manifest, with the digest of every file, and where the files are now."""
    files = {one.name: one.path for one in looked.used}
    if len(files) < len(looked.used):
        raise InputError("two files have the same name; rename one: " + ", ".join(one.name for one in looked.used))
    sources: list[Source] = []
    if repository is not None:
        sources.append(repository)
    else:
        inside = {name: _inside(path, project) for name, path in files.items()}
        if all(inside.values()):
            sources.append(ProjectSource(type="project", members={n: str(p) for n, p in inside.items()}))
        sources.append(LocalSource(type="local", members={n: f"{name}/{n}" for n in files}))
    manifest = Manifest(
        version=1,
        name=name,
        kind="data",
        title=facts["title"],
        citation=facts["citation"],
        licence=facts["licence"],
        sources=sources,
        files={n: sha256_file(path) for n, path in files.items()},
        table=looked.table,
    )
    return manifest, files


def _inside(path: Path, project: Project) -> Path | None:
    resolved = path.resolve()
    if not resolved.is_relative_to(project.root) or resolved.is_relative_to(project.home):
        return None
    return resolved.relative_to(project.root)


def _require_columns(one: Given, roles: Roles) -> None:
    wanted = [c for c in (roles.text, roles.text_pair, roles.label, roles.group, roles.split) if c is not None]
    missing = [c for c in wanted if c not in one.rows[0]]
    if one.part == "test" and missing == [roles.label]:
        return  # hidden labels: seen to below
    if missing:
        raise InputError(f"{one.name}: no column {', '.join(missing)}; there are: {', '.join(map(str, one.rows[0]))}")


def _hidden(rows: Iterable[Mapping[str, Any]], label: str) -> bool:
    return all(str(row.get(label)) in _HIDDEN for row in rows)


def _by_split(
    given: Sequence[Given], roles: Roles, shares: Shares, lines: list[str]
) -> tuple[SplitColumn | None, list[Given]]:
    """Which rows are trained on, selected on, and reported; a test split of hidden labels gives way to the validation split."""
    if any(one.part == "all" for one in given):
        if roles.split is None:
            return None, list(given)
        rows = [row for one in given for row in one.rows]
        found = {str(row[roles.split]): PARTS.get(str(row[roles.split]).lower()) for row in rows}
        unknown = sorted(value for value, part in found.items() if part is None)
        if unknown:
            raise InputError(
                f"--split {roles.split}: its value {unknown[0]!r} names no split; known are {', '.join(PARTS)}"
            )
        by = {part: [row for row in rows if found[str(row[roles.split])] == part] for part in set(found.values())}
        values = {value: part for value, part in found.items() if part is not None}
        hidden = "test" in by and _hidden(by["test"], roles.label)
        if hidden or "test" not in by:
            lines.append(_no_test("labels of its test split are hidden" if hidden else "it has no test split"))
            values = {v: "test" if p == "selection" else p for v, p in values.items() if p != "test"}
        return SplitColumn(column=roles.split, values=_required(values)), list(given)
    test = [one for one in given if one.part == "test"]
    rows = [row for one in test for row in one.rows]
    validation = [one for one in given if one.part == "selection"]
    if test and not _hidden(rows, roles.label):
        return None, list(given)
    why = "labels of its test split are hidden" if test else "it has no test split"
    if not validation:
        raise InputError(
            f"{why}, and there is no validation split that could be reported; cut one from the training rows by hand"
        )
    lines.append(_no_test(why))
    kept = [one for one in given if one.part == "train"]
    return None, [*kept, *(Given("test", one.name, one.path, one.form, one.rows) for one in validation)]


def _required(values: Mapping[str, Any]) -> dict[str, Any]:
    for part in ("train", "test"):
        if part not in values.values():
            raise InputError(
                f"the column of splits names no {part} rows, nor validation rows that could stand for them"
            )
    return dict(values)


def _no_test(why: str) -> str:
    return f"{why}: the validation split is reported, and selection is cut from the training rows"


def _counted_labels(used: Sequence[Given], roles: Roles, splits: SplitColumn | None) -> Counter[str]:
    """How often each label occurs, as written; `InputError` where a row has none, or all have the same."""
    counts: Counter[str] = Counter()
    for one in used:
        for number, row in enumerate(one.rows, start=1):
            if splits is not None and str(row[splits.column]) not in splits.values:
                continue
            value = row.get(roles.label)
            if value is None or str(value).strip() == "":
                raise InputError(
                    f"{one.name}, row {number}: no label in column {roles.label}; label it, or leave the row out"
                )
            counts[str(value)] += 1
    if len(counts) == 1:
        (only,) = counts
        raise InputError(f"column {roles.label}: one label only ({only[:40]!r}), so that there is nothing to learn")
    return counts


def _labels(counts: Counter[str], used: Sequence[Given], roles: Roles) -> dict[str, str]:
    """Labels as written → as named, in order; `InputError` where they are none that a classifier could learn."""
    longest = max(counts, key=len)
    if len(longest) > _LONGEST_LABEL:
        raise InputError(
            f"column {roles.label}: a label of {len(longest)} characters ({longest[:40]!r}…); at most {_LONGEST_LABEL} are taken: "
            "is this the text? Name the label's column with --label"
        )
    if len(counts) > _MOST_LABELS:
        raise InputError(
            f"column {roles.label}: {len(counts)} different labels; at most {_MOST_LABELS} are taken. Are these numbers, which a "
            "model is to tell (regression)? Then add --numbers. Are these ids? Then name the label's column with --label"
        )
    written = sorted(counts, key=_order)
    names = parquet_class_names(used[0].path, roles.label) if used[0].form == "parquet" else []
    if names and all(value.isdigit() and int(value) < len(names) for value in written):
        return {str(number): name for number, name in enumerate(names)}
    return {value: value for value in written}


def _order(label: str) -> tuple[int, float, str]:
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label


def _cut(used: Sequence[Given], splits: SplitColumn | None, shares: Shares) -> Cut | None:
    given = set(splits.values.values()) if splits else {one.part for one in used}
    if "selection" in given:
        return None
    return Cut(selection=shares.selection) if "test" in given else Cut(test=shares.test, selection=shares.selection)


def _cut_lines(table: Table) -> list[str]:
    if table.cut is None:
        return ["selection: the validation split; reported: the test split"]
    if table.cut.test:
        return [f"cut by a hash: {table.cut.test:.0%} test, {table.cut.selection:.0%} selection, the rest train"]
    return [f"selection: {table.cut.selection:.0%} of the training rows, cut by a hash"]


def counted(manifest: Manifest, splits: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Rows and labels of each split, duplicates, and texts that are in two splits; `AssetError` where a split is empty."""
    lines = []
    texts = {}
    for split, rows in splits.items():
        if not rows:
            raise AssetError(f"{manifest.name}: split '{split}' is empty; give more rows, or other shares")
        counts = Counter(row["label"] for row in rows)
        shown = ", ".join(f"{label} {count}" for label, count in counts.most_common(6)) + (
            ", …" if len(counts) > 6 else ""
        )
        if manifest.table is not None and manifest.table.labels is None:
            shown = f"labels from {min(counts):g} to {max(counts):g}, mean {fmean(row['label'] for row in rows):.3g}"
        lines.append(f"{split}: {len(rows)} rows ({shown})")
        texts[split] = [(row["text"], row.get("text_pair")) for row in rows]
        if len(counts) < 2:
            lines.append(f"warning: split '{split}' has one label only")
    every = [row["label"] for rows in splits.values() for row in rows]
    if manifest.table is not None and manifest.table.labels is not None and 2 * len(set(every)) > len(every) >= _FEW:
        raise AssetError(
            f"{manifest.name}: {len(set(every))} labels in {len(every)} rows, too many to learn any: is this the column of the label? "
            "--label names another"
        )
    for split, found in texts.items():
        if twice := len(found) - len(set(found)):
            lines.append(f"duplicates in {split}: {twice} of its rows repeat a text of another")
    for one, other in (("train", "test"), ("selection", "test"), ("train", "selection")):
        if shared := len(set(texts[one]) & set(texts[other])):
            lines.append(f"leak: {shared} of the texts of {other} {'is' if shared == 1 else 'are'} in {one} too")
    return lines
