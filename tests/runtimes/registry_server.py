"""A container registry on this machine, for real engines: the distribution protocol, kept in memory, which can lie and ask for a login."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


class Registry(ThreadingHTTPServer):
    """`lies`: manifests are not those that their digests name; `login`: it asks for one, which nobody has."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[tuple[str, str], bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.lies = self.login = False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Registry

    def log_message(self, *_: Any) -> None: ...

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _fault(self, status: int, code: str, **headers: str) -> None:
        body = json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()
        self._answer(status, body, Content_Type="application/json", **headers)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            found = b""
            while size := int(self.rfile.readline().strip(), 16):
                found += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return found
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _any(self) -> None:
        body = self._body()
        if self.server.login:
            return self._fault(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="nobody"')
        path, _, query = self.path.partition("?")
        if path == "/v2/":
            return self._answer(200, b"{}")
        if found := re.fullmatch(r"/v2/(.+)/manifests/(.+)", path):
            return self._manifest(found[1], found[2], body)
        if found := re.fullmatch(r"/v2/(.+)/blobs/uploads/(.*)", path):
            return self._upload(found[1], found[2], body, query)
        if found := re.fullmatch(r"/v2/(.+)/blobs/(sha256:.+)", path):
            blob = self.server.blobs.get(found[2])
            if blob is None:
                return self._fault(404, "BLOB_UNKNOWN")
            return self._answer(200, blob, Docker_Content_Digest=found[2], Content_Type="application/octet-stream")
        return self._fault(404, "NAME_UNKNOWN")

    def _manifest(self, name: str, reference: str, body: bytes) -> None:
        if self.command == "PUT":
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            for key in (reference, digest):
                self.server.manifests[name, key] = body
            return self._answer(201, Docker_Content_Digest=digest, Location=f"/v2/{name}/manifests/{digest}")
        manifest = self.server.manifests.get((name, reference))
        if manifest is None:
            return self._fault(404, "MANIFEST_UNKNOWN")
        digest = "sha256:" + hashlib.sha256(manifest).hexdigest()
        manifest = manifest + b"\n" if self.server.lies else manifest
        return self._answer(200, manifest, Docker_Content_Digest=digest, Content_Type=_TYPE)

    def _upload(self, name: str, upload: str, body: bytes, query: str) -> None:
        if self.command == "POST":
            upload = uuid.uuid4().hex
            self.server.uploads[upload] = b""
        else:
            self.server.uploads[upload] += body
        place = f"/v2/{name}/blobs/uploads/{upload}"
        if self.command != "PUT":
            end = max(0, len(self.server.uploads[upload]) - 1)
            return self._answer(202, Location=place, Range=f"0-{end}", Docker_Upload_UUID=upload)
        content = self.server.uploads.pop(upload)
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        assert digest.split(":")[1] in query
        self.server.blobs[digest] = content
        return self._answer(201, Location=f"/v2/{name}/blobs/{digest}", Docker_Content_Digest=digest)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = _any
