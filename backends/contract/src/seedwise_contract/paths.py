"""Which names of files are taken from outside: relative, and never a way out of the folder that they are below."""

from __future__ import annotations

_LONGEST = 1024
_LONGEST_PART = 255  # of bytes, as file systems have it


def below(name: str) -> str:
    """`name` where it can only lead to something below a folder; `ValueError` says why not."""
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or {".", ".."} & set(parts):
        raise ValueError("must be a relative path without '..'")
    if not name or "" in parts[:-1] or not name.isprintable():
        raise ValueError("must be a relative path of printable names")
    try:
        longest = max(len(part.encode()) for part in parts)
    except UnicodeEncodeError:
        raise ValueError("must be a relative path of printable names") from None
    if len(name) > _LONGEST or longest > _LONGEST_PART:
        raise ValueError(f"must be a path of at most {_LONGEST} characters, {_LONGEST_PART} bytes a part")
    return name


def plain(name: str) -> str:
    """`name` where it is one file's own name, of no folder; `ValueError` says why not."""
    if "/" in below(name):
        raise ValueError("must be a file's name alone, without a folder")
    return name
