"""The script behind `action.yml`: real commands, a job's files, and a server that keeps comments as GitHub's does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from seedwise.study.yamlfile import read_yaml
from tests.conftest import ROOT, Small

SCRIPT = ROOT / "action" / "run.py"
ROWS = [f"{arm},{seed},{80 + 0.1 * seed + (5 if arm == 'a' else 0):.1f}" for arm in "ab" for seed in range(5)]


@dataclass
class Host:
    """Comments on pull request 7, a page of them at a time; a token of another name may read only."""

    address: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)


@pytest.fixture
def host() -> Iterator[Host]:
    kept = Host()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, code: int, value: Any) -> None:
            data = json.dumps(value).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            kept.calls.append("GET")
            page = int(self.path.rsplit("=", 1)[1])
            self.answer(200, kept.comments[100 * (page - 1) : 100 * page])

        def written(self) -> str | None:
            if self.headers["Authorization"] != "Bearer a-token":
                self.answer(403, {"message": "Resource not accessible by integration"})
                return None
            return str(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"])

        def do_POST(self) -> None:
            kept.calls.append("POST")
            if (text := self.written()) is not None:
                url = f"{kept.address}/repos/o/r/issues/comments/{len(kept.comments)}"
                kept.comments.append({"url": url, "body": text})
                self.answer(201, kept.comments[-1])

        def do_PATCH(self) -> None:
            kept.calls.append("PATCH")
            if (text := self.written()) is not None:
                kept.comments[int(self.path.rsplit("/", 1)[1])]["body"] = text
                self.answer(200, {})

        def log_message(self, format: str, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kept
    server.shutdown()
    server.server_close()


@dataclass(frozen=True)
class Job:
    folder: Path
    host: Host

    def run(
        self, cwd: Path, environment: dict[str, str] | None = None, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        event = self.folder / "event.json"
        event.write_text(json.dumps({"pull_request": {"number": 7}}))
        given = {
            "GITHUB_EVENT_PATH": str(event), "GITHUB_API_URL": self.host.address, "GITHUB_REPOSITORY": "o/r",
            "GITHUB_STEP_SUMMARY": str(self.summary), "GITHUB_OUTPUT": str(self.folder / "output"),
            "SEEDWISE_ACTION_TOKEN": "a-token", "SEEDWISE_ACTION_COMMENT": "true",
            **{f"SEEDWISE_ACTION_{name.upper()}": value for name, value in settings.items()},
        }  # fmt: skip
        return subprocess.run(
            [sys.executable, str(SCRIPT)],
            cwd=cwd,
            env={**(environment or os.environ), **given},
            capture_output=True,
            text=True,
            timeout=200,
        )

    @property
    def summary(self) -> Path:
        return self.folder / "summary.md"

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text()


@pytest.fixture
def job(tmp_path: Path, host: Host) -> Job:
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "scores.csv").write_text("\n".join(["arm,seed,accuracy", *ROWS]))
    return Job(folder, host)


def test_scores_are_gated_summed_up_and_told_in_one_comment(job: Job) -> None:
    ended = job.run(job.folder, command="compare", arguments="scores.csv --metric accuracy")
    assert ended.returncode == 0, ended.stderr
    assert "a" in job.summary.read_text()
    assert job.output == "passed=true\n"
    ((first,),) = [[comment["body"] for comment in job.host.comments]]
    assert "every claim is supported" in first
    assert job.summary.read_text().strip() in first
    again = job.run(job.folder, command="compare", arguments="scores.csv --metric accuracy --a b --b a")
    assert again.returncode == 1
    assert "::error::a claim is contradicted or undecided" in again.stdout
    ((second,),) = [[comment["body"] for comment in job.host.comments]]
    assert "a claim is contradicted or undecided" in second
    assert "the comment was replaced" in again.stdout
    assert job.output == "passed=true\npassed=false\n"


def test_without_the_gate_what_is_undecided_passes_and_what_is_broken_does_not(job: Job) -> None:
    reverse = "scores.csv --metric accuracy --a b --b a"
    assert job.run(job.folder, command="compare", arguments=reverse, gate="false").returncode == 0
    broken = job.run(job.folder, command="compare", arguments="nowhere.csv", gate="false")
    assert broken.returncode == 2
    assert "nowhere.csv" in broken.stderr
    assert "could not be carried out (exit code 2)" in job.host.comments[0]["body"]
    assert job.run(job.folder, command="destroy").returncode == 2


def test_other_comments_stay_and_the_own_one_is_found_behind_them(job: Job) -> None:
    job.host.comments.extend({"url": "", "body": f"no. {number}"} for number in range(150))
    for key in ("seedwise", "other", "seedwise"):
        job.run(job.folder, command="compare", arguments="scores.csv --metric accuracy", key=key)
    assert len(job.host.comments) == 152
    assert [comment["body"] for comment in job.host.comments[:150]] == [f"no. {number}" for number in range(150)]


def test_a_token_that_may_not_write_loses_the_comment_and_nothing_else(job: Job) -> None:
    ended = job.run(job.folder, command="compare", arguments="scores.csv --metric accuracy", token="of-a-fork")
    assert ended.returncode == 0
    assert "no comment: 403" in ended.stdout
    assert "of-a-fork" not in ended.stdout + ended.stderr
    (job.folder / "event.json").unlink()


def test_studies_are_run_with_the_gate(job: Job, small: Small) -> None:
    ended = job.run(
        small.project.root, small.environment, command="bench", arguments="benchmarks/small.yaml --no-record"
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert job.output == "passed=true\n"
    small.edit("a: quick, b: frozen", "a: frozen, b: quick")
    contradicted = job.run(
        small.project.root, small.environment, command="bench", arguments="benchmarks/small.yaml --no-record"
    )
    assert contradicted.returncode == 1
    assert "::error::a claim is contradicted or undecided" in contradicted.stdout
    assert job.run(
        small.project.root, small.environment, command="bench", arguments="benchmarks/small.yaml --no-record", gate="false"
    ).returncode == 0  # fmt: skip
    small.edit("epochs: 2", "epochs: 0")
    broken = job.run(
        small.project.root, small.environment, command="bench", arguments="benchmarks/small.yaml", gate="false"
    )
    assert broken.returncode not in (0, 1)


def test_the_action_calls_the_script_and_nothing_from_its_inputs_is_code() -> None:
    action = read_yaml(ROOT / "action.yml")
    steps = action["runs"]["steps"]
    assert any("action/run.py" in step["run"] for step in steps)
    assert all("${{" not in step["run"] for step in steps)  # values reach the shell as variables only
    names = {name.upper().replace("-", "_") for name in action["inputs"]}
    script = SCRIPT.read_text()
    for step in steps:
        for name in step["env"]:
            assert name.removeprefix("SEEDWISE_ACTION_") in names
            assert not name.startswith("SEEDWISE_ACTION_") or name in script
