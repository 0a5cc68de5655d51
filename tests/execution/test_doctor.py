"""What a newcomer is told of a machine, before there is a project."""

from __future__ import annotations

from pathlib import Path

import pytest
from docker.errors import APIError
from typer.testing import CliRunner

from seedwise.cli import app
from seedwise.execution.doctor import Health, _image_registry
from seedwise.images.bases import local_command
from tests.conftest import ROOT


class _NoNetwork:
    """An engine whose registry cannot be reached, as one without a network answers."""

    @property
    def api(self) -> _NoNetwork:
        return self

    def inspect_distribution(self, _: str) -> None:
        raise APIError(
            "500 Server Error for http+docker://localhost/v1.41/…", explanation='Get "https://x/v2/": no such host'
        )


def test_the_doctor_answers_before_there_is_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(app, ["doctor"])
    assert "no project here yet ('seedwise init' makes one)" in answer.stderr
    assert f"GiB free at {tmp_path / '.seedwise'}" in answer.stdout
    assert not any(tmp_path.iterdir())
    refused = CliRunner().invoke(app, ["doctor", "--engine", "processes://1"])
    assert refused.exit_code == 2


def test_a_registry_out_of_reach_is_said_in_its_own_words_with_a_command_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = _image_registry(_NoNetwork())  # type: ignore[arg-type]
    assert found.health is Health.WARNING
    assert "no such host" in found.found
    assert "http+docker" not in found.found
    script = found.advice.rpartition(" ")[2]
    assert Path(script).read_text().startswith("#!/bin/sh")
    monkeypatch.chdir(ROOT)
    assert local_command() == "sudo sh docker/debian-base.sh"
