"""What `action.yml` calls: bench or compare, the gate, the job's summary, one comment on the pull request.  The standard library only.

Settings come from the environment (`SEEDWISE_ACTION_*`, and what GitHub gives every job).  Exit code 0, or 1 where the gate fails, or
the command's own where it could not be carried out.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

MOST = 65_000  # characters of a comment; the server takes 65,536
SUPPORTS = {"superiority": "A better", "equivalence": "equivalent"}  # the outcome that supports a claim
Environment = Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """`text` in Markdown; `passed`: every claim is supported; `code`: the command's own, 0 where it was carried out."""

    text: str
    passed: bool
    code: int


def seedwise(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Standard output is kept, standard error goes to the job's log at once."""
    return subprocess.run([sys.executable, "-m", "seedwise", *words], stdout=subprocess.PIPE, text=True)


def bench(words: Sequence[str], summary: Path) -> Outcome:
    """Run studies with the gate.  The suite itself writes their report to the file that `GITHUB_STEP_SUMMARY` names."""
    before = summary.read_text(encoding="utf-8") if summary.is_file() else ""
    with tempfile.TemporaryDirectory() as folder:
        items = Path(folder) / "items.xml"
        command = [sys.executable, "-m", "seedwise", "bench", *words, *([] if "--gate" in words else ["--gate"])]
        code = subprocess.run([*command, f"--junitxml={items}"]).returncode
        only_claims = code == 1 and items.is_file() and only_claims_failed(items)
    after = summary.read_text(encoding="utf-8") if summary.is_file() else ""
    return Outcome(after.removeprefix(before), code == 0, 0 if only_claims else code)


def only_claims_failed(items: Path) -> bool:
    """Whether what failed are claims, all runs having been made."""
    cases = ElementTree.parse(items).iter("testcase")
    failed = [
        str(case.get("name")) for case in cases if case.find("failure") is not None or case.find("error") is not None
    ]
    return bool(failed) and all(name.startswith(("claim[", "regression[")) for name in failed)


def compare(words: Sequence[str], summary: Path) -> Outcome:
    """The verdicts as Markdown, and by their JSON whether all of them support what was claimed."""
    said = seedwise(["compare", *words, "--format", "json"])
    if said.returncode:
        return Outcome("", False, said.returncode)
    verdicts: Any = json.loads(said.stdout)
    pairs = verdicts if isinstance(verdicts, list) else [verdicts]
    passed = all(pair["verdict"] == SUPPORTS[pair["claim"]] for pair in pairs)
    text = seedwise(["compare", *words, "--format", "md"]).stdout
    with open(summary, "a", encoding="utf-8") as file:
        file.write(text)
    return Outcome(text, passed, 0)


def body(outcome: Outcome, key: str) -> str:
    """The comment: a mark by which it is found again, whether the claims hold, and the verdicts, cut where they are too long."""
    head = "every claim is supported" if outcome.passed else "a claim is contradicted or undecided"
    if outcome.code:
        head = f"could not be carried out (exit code {outcome.code}); the job's log says why"
    text = f"{mark(key)}\n**Seedwise**: {head}\n\n{outcome.text}"
    cut = "\n\n… the rest is in the job's summary."
    return text if len(text) <= MOST else text[: MOST - len(cut)] + cut


def mark(key: str) -> str:
    return f"<!-- seedwise action: {key.replace('--', '')} -->"


def pull_request(environment: Environment) -> int | None:
    """The number of the pull request that the job is of."""
    path = environment.get("GITHUB_EVENT_PATH")
    if not path or not Path(path).is_file():
        return None
    event = json.loads(Path(path).read_text(encoding="utf-8"))
    number = event.get("pull_request", {}).get("number")
    return number if isinstance(number, int) else None


def stick(text: str, key: str, environment: Environment) -> str:
    """Put the comment onto the pull request, in place of the one that is there; what was done, in words."""
    number = pull_request(environment)
    if number is None:
        return "no comment: this job is not of a pull request"
    comments = f"{environment['GITHUB_API_URL']}/repos/{environment['GITHUB_REPOSITORY']}/issues/{number}/comments"
    token = environment["SEEDWISE_ACTION_TOKEN"]
    try:
        page = 1
        while found := call("GET", f"{comments}?per_page=100&page={page}", token):
            for comment in found:
                if str(comment.get("body", "")).startswith(mark(key)):
                    call("PATCH", comment["url"], token, {"body": text})
                    return "the comment was replaced"
            page += 1
        call("POST", comments, token, {"body": text})
        return "the comment was made"
    except urllib.error.HTTPError as error:
        return f"no comment: {error.code} {error.reason} (it takes pull-requests: write; a fork has none)"
    except (OSError, ValueError) as error:
        return f"no comment: {type(error).__name__}"


def call(method: str, address: str, token: str, data: Any = None) -> Any:
    request = urllib.request.Request(
        address,
        method=method,
        data=None if data is None else json.dumps(data).encode(),
        headers={
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
            "User-Agent": "seedwise-action",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def main(environment: Environment = os.environ) -> int:
    commands = {"bench": bench, "compare": compare}
    name = environment.get("SEEDWISE_ACTION_COMMAND", "bench")
    if name not in commands:
        print(f"::error::command {name!r}: bench or compare")
        return 2
    summary = Path(environment.get("GITHUB_STEP_SUMMARY") or "seedwise-summary.md")
    outcome = commands[name](shlex.split(environment.get("SEEDWISE_ACTION_ARGUMENTS", "")), summary)
    print(outcome.text)
    if environment.get("SEEDWISE_ACTION_COMMENT") == "true":
        key = environment.get("SEEDWISE_ACTION_KEY", "seedwise")
        print(f"::notice::{stick(body(outcome, key), key, environment)}")
    if environment.get("GITHUB_OUTPUT"):
        with open(environment["GITHUB_OUTPUT"], "a", encoding="utf-8") as file:
            file.write(f"passed={'true' if outcome.passed else 'false'}\n")
    if outcome.code:
        return outcome.code
    if environment.get("SEEDWISE_ACTION_GATE", "true") == "true" and not outcome.passed:
        print("::error::a claim is contradicted or undecided")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
