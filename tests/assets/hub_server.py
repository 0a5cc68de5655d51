"""A small Hub: the few endpoints that the client library asks for models and data sets, over files made in a test."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = 1000  # bytes from which a file is stored as large ones are, with its sha256 known


@dataclass
class Repo:
    """`revisions`: commit → path → content; `branches`: name → commit."""

    revisions: dict[str, dict[str, bytes]]
    branches: dict[str, str]
    card: dict[str, Any] = field(default_factory=dict)
    token: str | None = None
    sizes: dict[str, int] = field(default_factory=dict)  # said of files, instead of their own


@dataclass
class Hub:
    """`break_after`: bytes of a file after which the connection is cut, once; `asked`: every request."""

    repos: dict[tuple[str, str], Repo]
    break_after: int | None = None
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    address: str = ""


def commit(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(head=True)

    def do_GET(self) -> None:
        self._answer(head=False)

    def _answer(self, head: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append((self.command, path, self.headers.get("Range")))
        if token := self.headers.get("Authorization"):
            self.hub.tokens.append(token)
        if found := re.fullmatch(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            self._info(found[1], found[2], found[3] or "main")
        elif found := re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+|refs/convert/parquet)/(.+)", path):
            self._file("datasets" if found[1] else "models", found[2], found[3], found[4], head)
        else:
            self._refuse(404, "")

    def _repo(self, kind: str, name: str) -> Repo | None:
        repo = self.hub.repos.get((kind, name))
        if repo is None:
            self._refuse(404, "RepoNotFound")
        elif repo.token is not None and self.headers.get("Authorization") != f"Bearer {repo.token}":
            self._refuse(403, "GatedRepo")
            return None
        return repo

    def _info(self, kind: str, name: str, revision: str) -> None:
        if (repo := self._repo(kind, name)) is None:
            return
        sha = repo.branches.get(revision, revision)
        if sha not in repo.revisions:
            self._refuse(404, "RevisionNotFound")
            return
        siblings = []
        for path, content in repo.revisions[sha].items():
            entry: dict[str, Any] = {
                "rfilename": path,
                "size": repo.sizes.get(path, len(content)),
                "blobId": commit(path),
            }
            if len(content) >= LARGE:
                digest = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
            siblings.append(entry)
        body = {
            "id": name,
            "sha": sha,
            "siblings": siblings,
            "cardData": repo.card,
            "tags": [],
            "downloads": 0,
            "likes": 0,
        }
        self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _file(self, kind: str, name: str, revision: str, path: str, head: bool) -> None:
        if (repo := self._repo(kind, name)) is None:
            return
        sha = repo.branches.get(revision, revision)
        if sha not in repo.revisions:
            self._refuse(404, "RevisionNotFound")
            return
        content = repo.revisions[sha].get(path)
        if content is None:
            self._refuse(404, "EntryNotFound")
            return
        etag = hashlib.sha256(content).hexdigest() if len(content) >= LARGE else hashlib.sha1(content).hexdigest()
        headers = {"X-Repo-Commit": sha, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
        status, part = 200, content
        if found := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or ""):
            first = int(found[1])
            status, part = 206, content[first:]
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        if not head and self.hub.break_after is not None and len(part) > self.hub.break_after:
            cut, self.hub.break_after = self.hub.break_after, None
            self._send(status, part, headers, cut)
        else:
            self._send(status, part, headers)

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code, "Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str], cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
