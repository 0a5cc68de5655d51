"""Links of the documentation that lead out of its folder: what they name in the repository comes along as a page or a file.

A page's links are written as they hold in the repository, so that they work there too. On the site a target in `docs/` is where it was,
and any other one lies below `repository/`, Markdown as a page. Whatever is not there is left as it is, and MkDocs calls it broken.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"(?<=\]\()([^)\s#]+)(#[^)\s]*)?(?=\))")
_BESIDE = "repository"


def on_files(files: Any, config: Any) -> Any:
    from mkdocs.structure.files import File

    waiting = [file.src_uri for file in files.documentation_pages()]
    while waiting:
        page = waiting.pop()
        text = (ROOT / _in_repository(page)).read_text(encoding="utf-8")
        for link, _ in _LINK.findall(text):
            target = _target(page, link)
            if target is None or not target.startswith(f"{_BESIDE}/") or files.get_file_from_path(target) is not None:
                continue
            source = ROOT / _in_repository(target)
            files.append(File.generated(config, target, content=source.read_bytes()))
            if target.endswith(".md"):
                waiting.append(target)
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    here = page.file.src_uri

    def turned(found: re.Match[str]) -> str:
        target = _target(here, found[1])
        if target is None:
            return found[0]
        return posixpath.relpath(target, posixpath.dirname(here) or ".") + (found[2] or "")

    return _LINK.sub(turned, markdown)


def _in_repository(page: str) -> str:
    if not page.startswith(f"{_BESIDE}/"):
        return f"docs/{page}"
    path = page.removeprefix(f"{_BESIDE}/")
    return f".{path}" if path.startswith("github/") else path  # sites leave out names with a dot


def _target(page: str, link: str) -> str | None:
    """Where on the site `link` on `page` leads; None for addresses, and for what is not in the repository."""
    if re.match(r"[a-z]+:|/", link):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(_in_repository(page)), link))
    if (ROOT / path).is_dir():
        path = f"{path}/README.md"
    if path.startswith("..") or not (ROOT / path).is_file():
        return None
    path = path.replace("docs/results/bundles/", "docs/reports/bundles/")  # where `generate.py` publishes them, checked
    return path.removeprefix("docs/") if path.startswith("docs/") else f"{_BESIDE}/{path.removeprefix('.')}"
