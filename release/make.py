"""A release: wheel and sdist built twice and equal, what the wheel needs as a CycloneDX list, the notes, the digests of all of it.

    python release/make.py --out dist --sbom CYCLONEDX-PY [--tag v0.2.0]      # or nox -s release

It refuses where package, CITATION.cff and changelog disagree on the version, and under `--tag` a version that is none of a release.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

from seedwise.study.yamlfile import read_yaml
from seedwise.version import __version__
from seedwise_contract.files import sha256_file

ROOT = Path(__file__).parents[1]
SBOM = "seedwise.cdx.json"
RELEASED = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")  # PEP 440, semantic versioning's three numbers


def faults(root: Path, version: str, tag: str | None) -> list[str]:
    """Whatever says another version than the package does, or, for a tag, is not ready to be released."""
    found = []
    declared = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    cited = read_yaml(root / "CITATION.cff")["version"]
    for place, said in (("pyproject.toml", declared), ("CITATION.cff", cited)):
        if str(said) != version:
            found.append(f"{place}: says {said}, src/seedwise/version.py {version}")
    if tag is None:
        return found
    if tag != f"v{version}":
        found.append(f"tag {tag}: the package is {version}; tag v{version}")
    if RELEASED.fullmatch(version) is None:
        found.append(f"version {version}: not of a release; take X.Y.Z")
    if not notes(root, version):
        found.append(f"CHANGELOG.md: has no section '## [{version}] - YYYY-MM-DD' with entries")
    return found


def notes(root: Path, version: str | None) -> str:
    """The changelog's section of a version, dated; of None: what is not released."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    head = r"\[Unreleased\]" if version is None else rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d"
    match = re.search(rf"^## {head}\n(.*?)(?=^## |\Z)", text, flags=re.DOTALL | re.MULTILINE)
    return match[1].strip() if match else ""


def build(out: Path) -> list[Path]:
    """Wheel and sdist; times in them are the commit's, so that the same commit gives the same bytes."""
    time = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    environment = {**os.environ, "SOURCE_DATE_EPOCH": time or "315532800"}
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(out)], cwd=ROOT, env=environment, check=True)
    return sorted(path for path in out.iterdir() if path.name.startswith("seedwise-"))


def list_packages(program: str, wheel: Path, target: Path) -> None:
    """The CycloneDX list of what the wheel brings, installed with everything at the versions of the lock."""
    pinned = [line.rstrip("\\ ") for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line]
    with tempfile.TemporaryDirectory() as folder:
        venv.create(Path(folder) / "env", with_pip=True)
        python = Path(folder) / "env" / "bin" / "python"
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text("".join(f"{line}\n" for line in pinned))
        words = ["install", "-q", "--disable-pip-version-check", "-c", str(constraints), f"{wheel}[all]"]
        subprocess.run([str(python), "-m", "pip", *words], check=True)
        subprocess.run([str(python), "-m", "pip", "uninstall", "-q", "-y", "pip", "setuptools"], check=True)
        call = [
            program,
            "environment",
            str(python),
            "--output-reproducible",
            "--pyproject",
            str(ROOT / "pyproject.toml"),
        ]
        subprocess.run([*call, "--of", "JSON", "-o", str(target)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--tag")
    parser.add_argument("--sbom", metavar="CYCLONEDX-PY", help="the program; without it there is no list of packages")
    asked = parser.parse_args()
    if found := faults(ROOT, __version__, asked.tag):
        sys.exit("\n".join(found))
    out: Path = asked.out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    built = build(out)
    with tempfile.TemporaryDirectory() as folder:
        again = build(Path(folder))
        if [(path.name, sha256_file(path)) for path in built] != [(path.name, sha256_file(path)) for path in again]:
            sys.exit("built twice, the packages differ: " + ", ".join(path.name for path in built))
    if asked.sbom:
        list_packages(asked.sbom, next(path for path in built if path.suffix == ".whl"), out / SBOM)
    (out / "NOTES.md").write_text(notes(ROOT, __version__ if asked.tag else None) + "\n", encoding="utf-8")
    files = sorted(path for path in out.iterdir() if path.name != "NOTES.md")
    (out / "SHA256SUMS").write_text("".join(f"{sha256_file(path)}  {path.name}\n" for path in files))
    print("\n".join(path.name for path in files))


if __name__ == "__main__":
    main()
