"""Nothing that is printed of an address lets anybody in."""

from __future__ import annotations

import subprocess

import pytest

from seedwise.secrets import masked, without_credentials
from tests.conftest import Small

NEEDLE = "hunter2secret"


@pytest.mark.parametrize(
    "text",
    [
        f"http://u:{NEEDLE}@host:5000/x",
        f"https://{NEEDLE}@host",
        f"postgresql+psycopg://u:{NEEDLE}/with/slash@host/db",
        f"postgresql://u:{NEEDLE}@ss@host/db",
        f"https://host/x?access_token={NEEDLE}&y=1",
        f"failed: (http://u:{NEEDLE}@h/) and 'https://a:{NEEDLE}@b'",
        f"Authorization: Bearer {NEEDLE}",
        f"PGPASSWORD={NEEDLE} psql",
        f"api_key: {NEEDLE}",
    ],
)
def test_what_lets_in_is_masked(text: str) -> None:
    assert NEEDLE not in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:5000/#/experiments/1",
        "sqlite:////home/a b/mlflow.db",
        "https://host/a@b/c",
        "a run of 5 seeds: fine",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert masked(text) == text


PLANTED = {
    "MLFLOW_TRACKING_URI": f"http://user:{NEEDLE}@127.0.0.1:9",
    "MLFLOW_TRACKING_PASSWORD": NEEDLE,
    "MLFLOW_TRACKING_TOKEN": NEEDLE,
    "HF_TOKEN": NEEDLE,
    "HF_ENDPOINT": f"http://user:{NEEDLE}@127.0.0.1:9",
    "GITHUB_TOKEN": NEEDLE,
    "AWS_SECRET_ACCESS_KEY": NEEDLE,
    "PIP_INDEX_URL": f"http://user:{NEEDLE}@127.0.0.1:9/simple",
    "PIP_EXTRA_INDEX_URL": f"http://127.0.0.1:9/simple?token={NEEDLE}",
    "HTTPS_PROXY": f"http://user:{NEEDLE}@127.0.0.1:9",
    "https_proxy": f"http://user:{NEEDLE}@127.0.0.1:9",
    "DOCKER_HOST": f"tcp://user:{NEEDLE}@127.0.0.1:9",
    "PGPASSWORD": NEEDLE,
}


def test_a_needle_in_every_place_is_in_no_output_and_no_file(small: Small) -> None:
    """Addresses and tokens in the environment and in git; each command's words, and every file that any of them wrote."""
    root = small.project.root
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for words in (
        ("remote", "add", "origin", f"https://user:{NEEDLE}@host/x.git"),
        ("config", "http.extraheader", f"AUTHORIZATION: basic {NEEDLE}"),
    ):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    small.environment.update(PLANTED)
    study = "benchmarks/small.yaml"
    said = []
    for command in (
        ["-m", "pytest", "-p", "no:benchmark", study],
        ["-m", "seedwise", "track", study],
        ["-m", "seedwise", "doctor"],
        ["-m", "seedwise", "report", study],
        ["-m", "seedwise", "plan", study],
        ["-m", "seedwise", "bundle", study, "--out", "evidence.zip"],
        ["-m", "seedwise", "add", "model", "owner/name", "--yes"],
    ):
        answer = small.call(*command, timeout=240)
        text = answer.stdout + answer.stderr
        assert "Traceback" not in text, text
        said.append((command, text))
    assert "does not answer" in said[0][1], "the import was tried"
    assert len(small.runs()) == 8
    for command, text in said:
        assert NEEDLE not in text, (command, text)
    written = [
        path
        for folder in (small.project.home, small.project.cache, root)
        for path in folder.rglob("*")
        if path.is_file()
    ]
    assert len(written) > 50
    holding = [path for path in written if ".git" not in path.parts and NEEDLE.encode() in path.read_bytes()]
    assert holding == []


@pytest.mark.parametrize(
    "text",
    [
        f"http://u:{NEEDLE}@host/#/experiments/1?viewStateShareKey=seedwise",
        f"a http://{NEEDLE}@h and postgresql://u:{NEEDLE}/w@h/d b",
    ],
)
def test_what_is_printed_keeps_its_pages_and_lets_nobody_in(text: str) -> None:
    shown = without_credentials(text)
    assert NEEDLE not in shown
    assert ("?viewStateShareKey=seedwise" in shown) == ("viewState" in text)
