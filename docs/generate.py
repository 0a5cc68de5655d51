"""The pages of the documentation that are made of the code: study file, command line, metrics, contract, published studies.

    python docs/generate.py            # into docs/reference and docs/reports; `nox -s docs` calls it

They are made when the site is built, and never kept: a page cannot say what the code does not.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any

import click
import typer

from seedwise.cli import COMMANDS, app
from seedwise.publish import Item, publish
from seedwise.scores import metrics as of_scores
from seedwise.study.load import study_schema
from seedwise.study.metric import METRICS
from seedwise_contract.files import write_whole
from seedwise_contract.schemas import current

DOCS = Path(__file__).parent
BUNDLES = DOCS / "results" / "bundles"
BAR = "\\|"  # inside a cell of a table
Schema = Mapping[str, Any]


def cell(text: str) -> str:
    """Text that stays in one cell of a table."""
    return " ".join(text.split()).replace("|", BAR).replace("<", "&lt;")


def kind(schema: Schema) -> str:
    """A schema as a reader says it: 'one of linear, cosine', 'number above 0', 'list of integers from 0', 'Selection'."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return "anything" if name == "JsonValue" else f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " or ".join(dict.fromkeys(kind(one) for one in schema[union]))
    named = schema.get("type")
    if named == "array":
        return f"list of {kind(schema.get('items', {}))}"
    if named == "object":
        held = schema.get("additionalProperties") or next(iter(schema.get("patternProperties", {}).values()), None)
        return f"name → {kind(held)}" if isinstance(held, Mapping) else "mapping"
    if named == "null":
        return "null"
    words = [{"string": "text", "boolean": "true or false"}.get(str(named), str(named or "anything"))]
    for key, said in (
        ("minimum", "from {}"), ("exclusiveMinimum", "above {}"), ("maximum", "to {}"), ("exclusiveMaximum", "below {}"),
        ("pattern", "like `{}`"), ("minLength", "of at least {} characters"),
    ):  # fmt: skip
        if key in schema:
            words.append(said.format(f"{schema[key]:g}" if isinstance(schema[key], float) else schema[key]))
    return " ".join(words)


def fields(schema: Schema) -> Iterator[str]:
    """The table of an object's fields."""
    yield "| field | value | default | meaning |"
    yield "| --- | --- | --- | --- |"
    needed = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        default = "**needed**" if name in needed else f"`{json.dumps(field['default'])}`" if "default" in field else ""
        yield f"| `{name}` | {kind(field).replace('|', BAR)} | {default} | {cell(field.get('description', ''))} |"


def objects(schema: Schema, level: str = "##") -> Iterator[str]:
    for name, one in sorted(schema.get("$defs", {}).items()):
        if one.get("type") == "object" or "properties" in one:
            yield f"\n{level} {name}\n\n{' '.join(one.get('description', '').split())}\n"
            yield from fields(one)


def study_page() -> str:
    schema = study_schema()
    lines = [
        "# The study file, field by field",
        "",
        "Made of the code that reads it. How to write one: [studies](../studies.md). `seedwise schema` prints the JSON Schema, which gives "
        "editors completion. An unknown field is refused; every fault is listed at once, each with its line.",
        "",
        *fields(schema),
        *objects(schema),
    ]
    return "\n".join(lines) + "\n"


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command of `seedwise`, those of groups as 'add data'."""
    group = typer.main.get_command(app)
    context = click.Context(group, info_name="seedwise")
    for name in COMMANDS:
        found = group.get_command(context, name)  # type: ignore[attr-defined]
        if hasattr(found, "commands"):
            for inner, command in found.commands.items():
                yield f"{name} {inner}", command
        else:
            yield name, found


def cli_page() -> str:
    lines = [
        "# Command line",
        "",
        "Made of the commands themselves. Exit codes: 0 done; 1 a gate failed; 2 a fault of the input; others beside their command.",
        "",
    ]
    for name, command in commands():
        about = (command.help or "").strip()
        context = click.Context(command, info_name=f"seedwise {name}")
        usage = " ".join(command.collect_usage_pieces(context))
        lines += [f"## seedwise {name}", "", f"    seedwise {name} {usage}", "", about, ""]
        rows = []
        for parameter in command.params:
            if parameter.name == "help" or getattr(parameter, "hidden", False):
                continue
            names, said = parameter.get_help_record(context) or (parameter.metavar or parameter.name, parameter.help)
            rows.append(f"| `{names.replace('|', BAR)}` | {cell(said or '')} |")
        if rows:
            lines += ["| argument, option | meaning |", "| --- | --- |", *rows, ""]
    return "\n".join(lines) + "\n"


def shown(value: object) -> str:
    """A value of a metric's definition."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return cell(", ".join(map(str, value)) if isinstance(value, tuple) else str(value))


def metrics_page() -> str:
    columns = [field.name for field in fields_of(next(iter(METRICS.values()))) if field.name not in ("name", "route")]
    lines = [
        "# Metrics",
        "",
        "## Of a study (`task.metric`)",
        "",
        "Scores are shown times *scale*, with *sign* behind them, differences in *unit*.",
        "",
        f"| metric | {' | '.join(name.replace('_', ' ') for name in columns)} |",
        f"| --- |{' --- |' * len(columns)}",
    ]
    for name, metric in METRICS.items():
        lines.append(f"| `{name}` | {' | '.join(shown(getattr(metric, column)) for column in columns)} |")
    lines += [
        "",
        "How scores of examples are made of a metric that is no mean over them:",
        "",
        "| metric | how |",
        "| --- | --- |",
    ]
    lines += [f"| `{name}` | {shown(metric.route)} |" for name, metric in METRICS.items() if metric.route]
    lines += [
        "", "## Of scores that you have (`seedwise compare --metric`)", "",
        "| metric | made of | how |", "| --- | --- | --- |",
    ]  # fmt: skip
    for name in (*of_scores.MADE_OF_LABELS, of_scores.PERPLEXITY):
        made = "losses and tokens" if name == of_scores.PERPLEXITY else "predictions and labels"
        how = cell(of_scores.route_of(name, False)) if name in of_scores.RESAMPLED else "a mean over examples"
        lines.append(f"| `{name}` | {made} | {how} |")
    lines += [
        "| `errors/words` (any two columns) | two sums | a ratio of sums, by the jackknife |",
        "| any other name | a column of scores | a mean over examples, or a row a seed |", "",
    ]  # fmt: skip
    return "\n".join(lines)


def contract_page() -> str:
    lines = [
        "# The run contract's files, field by field",
        "",
        "Made of the contract's models ([what they are for](../contract.md)).",
        "",
    ]
    for file, schema in current().items():
        lines += [f"## {file.removesuffix('.schema.json')}", "", " ".join(schema.get("description", "").split()), ""]
        if "properties" in schema:
            lines += [_without_links(line) for line in fields(schema)]
        else:
            lines.append("One of the objects below." if "oneOf" in schema or "anyOf" in schema else "")
        lines += [_without_links(line) for line in objects(schema, "###")]
        lines.append("")
    return "\n".join(lines) + "\n"


def _without_links(line: str) -> str:
    """Objects of the same name stand in several files."""
    return re.sub(r"\[(\w+)\]\(#\w+\)", r"`\1`", line)


def published(docs: Path) -> str:
    """Publish the repository's own bundles below `docs`; the page that leads to them."""
    bundles = sorted(BUNDLES.glob("*.zip"))
    publish([Item(path.stem, path.read_bytes()) for path in bundles], docs / "reports", print)
    told = json.loads((docs / "reports" / "site.json").read_text(encoding="utf-8"))
    lines = [
        "# Published studies",
        "",
        "Real studies, each as its report page and with the evidence that it rests on. Every figure was recomputed from the predictions "
        "when this site was built. [All claims by data set](reports/index.html).",
        "",
        "| study | bundle | check it |",
        "| --- | --- | --- |",
    ]
    for name, evidence in told["studies"].items():
        file = evidence["bundle"].rpartition("/")[2]
        held = f"[{file}](reports/bundles/{file}), {evidence['size'] / 1e6:.2f} MB"
        lines.append(f"| [{name}](reports/{name}/index.html) | {held} | `seedwise verify {file}` |")
    lines += [
        "",
        "Pages that are made of a bundle have no learning curves; those of your own runs do. Yours: [publishing](publishing.md).",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, default=DOCS)
    docs: Path = parser.parse_args().docs
    pages = {"study": study_page(), "cli": cli_page(), "metrics": metrics_page(), "contract": contract_page()}
    for name, text in pages.items():
        write_whole(docs / "reference" / f"{name}.md", text)
    write_whole(docs / "reports.md", published(docs))


if __name__ == "__main__":
    main()
