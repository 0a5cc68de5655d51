"""fetch_sdist.py PIP_WHEEL FOLDER NAME VERSION SHA256…: fetches one sdist, and does not run it.

`pip download` builds the metadata of an sdist, which runs it and fetches whatever it asks for.  This goes as far as
pip's download does, with pip's own settings, index, proxy and certificates.  It reaches into pip, and therefore takes
the pip of the build lock, whose version and hash are pinned.  Run as a script, by itself: it imports nothing of ours.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path


def main(pip_wheel: str, folder: str, name: str, version: str, *sha256: str) -> None:
    sys.path.insert(0, pip_wheel)
    from pip._internal.commands import create_command

    command = create_command("download")
    from pip._internal.network.download import Downloader  # not before: pip's modules import each other in a circle
    from pip._internal.utils.hashes import Hashes
    from pip._vendor.packaging.specifiers import SpecifierSet

    options, _ = command.parse_args(["--no-deps", "--no-binary=:all:", "--disable-pip-version-check", name])
    with command.main_context():
        session = command.get_default_session(options)  # type: ignore[attr-defined]
        finder = command._build_package_finder(options, session)  # type: ignore[attr-defined]
        hashes = Hashes({"sha256": list(sha256)})
        best = finder.find_best_candidate(name, SpecifierSet(f"=={version}"), hashes).best_candidate
        if best is None:
            sys.exit(f"ERROR: No matching distribution found for {name}=={version} (as an sdist)")
        if best.link.is_file:
            path = shutil.copy(best.link.file_path, folder)
        else:
            path, _ = Downloader(session, "off")(best.link, folder)
    if hashlib.sha256(Path(path).read_bytes()).hexdigest() not in sha256:
        Path(path).unlink()
        sys.exit(f"ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE: {name}=={version}")


if __name__ == "__main__":
    main(*sys.argv[1:])
