"""A hub of models on this machine: the Hugging Face hub's HTTP interface, with a second port as its delivery network.

What goes wrong is chosen per file and request: see `Fault`.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Fault:
    """What one answer does wrong. Each is used once, unless it is `forever`."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    #: Bytes of the body before the connection is cut.
    cut: int | None = None
    #: Seconds of silence before the body, or after `cut` bytes.
    silence: float = 0
    #: Bytes at a time, with pauses of `drip_pause` seconds.
    drip: int | None = None
    drip_pause: float = 0.05
    ignores_range: bool = False
    wrong_range: bool = False
    #: What is sent instead of the body.
    body: bytes | None = None
    length: int | None = None
    #: Set when the answer begins.
    begun: threading.Event = field(default_factory=threading.Event)
    forever: bool = False


@dataclass
class File:
    data: bytes
    #: Whether it is kept outside git, as large files are.
    large: bool = True
    #: What the hub says that it hashes to and how long it is.
    sha256: str | None = None
    size: int | None = None

    @property
    def etag(self) -> str:
        if self.large:
            return self.sha256 or hashlib.sha256(self.data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(self.data) + self.data).hexdigest()

    @property
    def announced(self) -> int:
        return len(self.data) if self.size is None else self.size


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    on_cdn: bool
    status: int = 0


class Repository:
    def __init__(self, files: dict[str, File]) -> None:
        self.files = files
        self.commit = COMMIT
        #: A token that it needs.
        self.token: str | None = None
        self.gated = False


class Hub:
    """Two servers: the hub, and what it redirects to for large files."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.moved: dict[str, str] = {}
        self.requests: list[Request] = []
        #: By "api", "head PATH" and "get PATH", in the order of use.
        self.faults: dict[str, list[Fault]] = {}
        self.page = 1000
        self.redirect: Callable[[str], str] | None = None
        #: Says nothing of what it links to, as simple mirrors do.
        self.is_plain = False
        self.body_etag: Callable[[File], str] = lambda file: f'"cdn-{file.etag[:16]}"'
        self._lock = threading.Lock()
        self._servers = [self._start(False), self._start(True)]
        self.url, self.cdn = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)

    def _start(self, on_cdn: bool) -> ThreadingHTTPServer:
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub, Handler.on_cdn = hub, on_cdn
        server = _Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def add(self, name: str, files: dict[str, bytes | File]) -> Repository:
        whole = {path: file if isinstance(file, File) else File(file) for path, file in files.items()}
        self.repositories[name] = Repository(whole)
        return self.repositories[name]

    def fail(self, key: str, *faults: Fault) -> None:
        self.faults.setdefault(key, []).extend(faults)

    def next_fault(self, key: str) -> Fault:
        with self._lock:
            waiting = self.faults.get(key)
            if not waiting:
                return Fault()
            return waiting[0] if waiting[0].forever else waiting.pop(0)

    def gets(self, path: str) -> list[Request]:
        """The requests for a file's bytes, where those were sent from."""
        return [r for r in self.requests if r.method == "GET" and r.on_cdn and r.path.partition("?")[0].endswith(path)]

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address) -> None:  # Clients that hang up are no news.
        pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub
    on_cdn: bool

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.record = Request(self.command, self.path, headers, self.on_cdn)
        self.hub.requests.append(self.record)
        path, _, query = self.path.partition("?")
        if self.on_cdn:
            self._content(urllib.parse.unquote(path))
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/main", path):
            self._tree(match[1], urllib.parse.parse_qs(query))
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(match[1], match[2], urllib.parse.unquote(match[3]))
        else:
            self._answer(404, {}, b"")

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.record.status = status
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _fails(self, fault: Fault) -> bool:
        if fault.silence and fault.cut is None:
            time.sleep(fault.silence)
        if fault.status is None:
            return False
        self._answer(fault.status, fault.headers, b"")
        return True

    def _admits(self, name: str) -> Repository | None:
        """Answers what keeps a request out."""
        if name in self.hub.moved:
            self._answer(307, {"Location": self.path.replace(name, self.hub.moved[name])}, b"")
            return None
        repository = self.hub.repositories.get(name)
        if repository is None:
            self._answer(404, {"X-Error-Code": "RepoNotFound"}, b"")
            return None
        if repository.token and self.headers.get("Authorization") != f"Bearer {repository.token}":
            code = "GatedRepo" if repository.gated else "RepoNotFound"
            self._answer(403 if self.headers.get("Authorization") else 401, {"X-Error-Code": code}, b"")
            return None
        return repository

    def _tree(self, name: str, query: dict[str, list[str]]) -> None:
        if self._fails(fault := self.hub.next_fault("api")) or not (repository := self._admits(name)):
            return
        start = int(query.get("cursor", ["0"])[0])
        entries = []
        for path, file in list(repository.files.items())[start : start + self.hub.page]:
            entry: dict = {"type": "file", "oid": "0" * 40, "size": file.announced, "path": path}
            if file.large:
                entry["lfs"] = {"oid": file.etag, "size": file.announced, "pointerSize": 130}
            else:
                entry["oid"] = file.etag
            entries.append(entry)
        headers = {"Content-Type": "application/json"}
        if start + self.hub.page < len(repository.files):
            following = f"{self.hub.url}/api/models/{name}/tree/main?recursive=true&cursor={start + self.hub.page}"
            headers["Link"] = f'<{following}>; rel="next"'
        entries.append({"type": "directory", "oid": "0" * 40, "size": 0, "path": "folder"})
        self._answer(200, headers, fault.body or json.dumps(entries).encode())

    def _resolve(self, name: str, revision: str, path: str) -> None:
        fault = self.hub.next_fault(f"head {path}") if self.command == "HEAD" else Fault()
        if self._fails(fault) or not (repository := self._admits(name)):
            return
        if revision not in ("main", repository.commit) or path not in repository.files:
            self._answer(404, {"X-Error-Code": "EntryNotFound"}, b"")
            return
        file = repository.files[path]
        if not file.large:
            fault = Fault() if self.command == "HEAD" else self.hub.next_fault(f"get {path}")
            self._body(file, f'"{file.etag}"', fault, {"X-Repo-Commit": repository.commit})
            return
        target = f"{self.hub.cdn}/{urllib.parse.quote(name + '/' + path)}?Signature=secret"
        headers = {"Location": self.hub.redirect(target) if self.hub.redirect else target}
        if not self.hub.is_plain:
            linked = {"X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(file.announced)}
            headers |= linked | {"X-Repo-Commit": repository.commit}
        self._answer(302, headers | fault.headers, b"Found. Redirecting")

    def _content(self, path: str) -> None:
        owner, name, path = path.lstrip("/").split("/", 2)
        file = self.hub.repositories[f"{owner}/{name}"].files[path]
        self._body(file, self.hub.body_etag(file), self.hub.next_fault(f"get {path}"), {})

    def _body(self, file: File, etag: str, fault: Fault, headers: dict[str, str]) -> None:
        if self._fails(fault):
            return
        data = file.data if fault.body is None else fault.body
        status, first = 200, 0
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and not fault.ignores_range and self.headers.get("If-Range", etag) == etag:
            first = int(wanted[1])
            if first >= len(data):
                self._answer(416, {"Content-Range": f"bytes */{len(data)}"}, b"")
                return
            status = 206
            shown = first + 7 if fault.wrong_range else first
            headers = headers | {"Content-Range": f"bytes {shown}-{len(data) - 1}/{len(data)}"}
        data = data[first:]
        self.record.status = status
        self.send_response(status)
        length = str(len(data) if fault.length is None else fault.length)
        for header, value in (headers | {"ETag": etag, "Content-Length": length} | fault.headers).items():
            self.send_header(header, value)
        self.end_headers()
        fault.begun.set()
        if self.command == "HEAD":
            return
        data = data if fault.cut is None else data[: fault.cut]
        for start in range(0, len(data), step := fault.drip or 1 << 20):
            self.wfile.write(data[start : start + step])
            if fault.drip:
                time.sleep(fault.drip_pause)
        if fault.cut is not None:
            time.sleep(fault.silence)
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
