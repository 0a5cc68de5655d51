"""The README's picture: the first screen of a report, light and dark, by headless Chromium.

    python benchmarks/pictures.py            # or nox -s pictures

The page is made of a bundle in this repository, whose figures are recomputed on the way. What the screen shows has a digest, which lies
beside the pictures: a test holds it against the page as it would be drawn now, so that a change of the page asks for new pictures.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from seedwise.bundle import opened
from seedwise.report import build, render
from seedwise_contract.files import sha256_file, write_json, write_whole

ROOT = Path(__file__).parents[1]
BUNDLE = ROOT / "docs" / "results" / "bundles" / "pretrained-vs-random.zip"
PICTURES = ROOT / "docs" / "pictures"
RECORD = "pictures.json"
SCHEMES = {"light": 1, "dark": 0}  # Chromium's numbers of prefers-color-scheme
WIDTH, HEIGHT, SCALE = 1000, 1130, 1.5  # CSS pixels, and pixels of the picture to one of them
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def page() -> str:
    """The report of the bundle's study, by the code as it is now."""
    with opened(BUNDLE) as (found, store):
        return render(build(found.outcomes, store), "html")


def first_screen(html: str) -> str:
    """What the picture shows: the styles, and the page down to the figures. Their drawings are left out, whose bytes follow
    matplotlib's version; the numbers in them are in the figures' words."""
    styles, body = html[html.index("<style>") :].split("</style>", 1)
    shown = body[: body.index(">Arms</h")]
    return styles + re.sub(r"<svg.*?</svg>", "", shown, flags=re.DOTALL)


def digest(html: str) -> str:
    return hashlib.sha256(first_screen(html).encode()).hexdigest()


def chromium() -> str | None:
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def photograph(program: str, html: Path, picture: Path, scheme: str) -> None:
    """One screen of `html` as a PNG; `RuntimeError` where Chromium makes none."""
    with tempfile.TemporaryDirectory(prefix="seedwise-pictures-") as folder:
        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={folder}/profile",
            f"--window-size={WIDTH},{HEIGHT}", f"--force-device-scale-factor={SCALE}",
            f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", f"--screenshot={folder}/screen.png", html.as_uri(),
        ]  # fmt: skip
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
        screen = Path(folder) / "screen.png"
        if not screen.is_file():
            raise RuntimeError(f"{program}: no picture (exit code {ended.returncode}): {ended.stderr[-500:]}")
        write_whole(picture, screen.read_bytes())


def size(picture: Path) -> tuple[int, int]:
    """Width and height in the PNG's header."""
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    return width, height


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PICTURES)
    out: Path = parser.parse_args().out
    program = chromium()
    if program is None:
        sys.exit(f"none of {', '.join(PROGRAMS)} is here: a picture needs a headless Chromium")
    html = page()
    taken = {}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "report.html"
        source.write_text(html, encoding="utf-8")
        for scheme in SCHEMES:
            picture = out / f"report-{scheme}.png"
            photograph(program, source, picture, scheme)
            taken[picture.name] = {"sha256": sha256_file(picture), "pixels": list(size(picture))}
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip()
    write_json(
        out / RECORD,
        {
            "made_by": "python benchmarks/pictures.py",
            "browser": said,
            "bundle": sha256_file(BUNDLE),
            "first_screen": digest(html),
            "pictures": taken,
        },
    )
    print(json.dumps(taken, indent=1))


if __name__ == "__main__":
    main()
