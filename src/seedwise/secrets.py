"""Addresses without what nobody but their owner may read: user, password, token and query are masked wherever one is printed."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<rest>[^\s'\"<>`]+)")
_QUERY = re.compile(r"[?#](?!/)[^\s]*")
_HEADER = re.compile(r"(?i)\b(authorization\s*[:=]\s*(?:bearer|basic|token)?\s*)[^\s,;'\"]+")
_SETTING = re.compile(r"(?i)\b([a-z0-9_-]*(?:password|passwd|secret|token|api[_-]?key)\s*[=:]\s*)[^\s,;&'\"]+")


def masked(text: str) -> str:
    """`text` with the credentials of every address in it, and of what is written like one, replaced by `***`."""
    hidden = _ADDRESS.sub(_address, text)
    return _SETTING.sub(r"\1***", _HEADER.sub(r"\1***", hidden))


def without_credentials(text: str) -> str:
    """`text` with user, password and token of every address in it masked; queries and all else stay.  For what is printed."""
    return _ADDRESS.sub(lambda found: found["scheme"] + _without_user(found["rest"]), text) if "@" in text else text


def _address(found: re.Match[str]) -> str:
    return found["scheme"] + _QUERY.sub("?***", _without_user(found["rest"]))


def _without_user(rest: str) -> str:
    """A password may hold a slash or a question mark that nobody wrote as %2F: all before the last @ is taken for it."""
    before, at, host = rest.rpartition("@")
    if at and (":" in before or "@" in rest.partition("/")[0] or "/" not in before):
        return f"***@{host}"
    return rest
