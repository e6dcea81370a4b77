"""A hub that means harm, or is none."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest
import trustme
from hub_place import TOKEN, noise
from hub_server import Fault, File

NAME = "Tiny-Q4_0.gguf"


@pytest.mark.parametrize(
    "name",
    [
        "../Evil-Q4_0.gguf",
        "a/../../Evil-Q4_0.gguf",
        "/tmp/Evil-Q4_0.gguf",
        "a//Evil-Q4_0.gguf",
        ".hidden-Q4_0.gguf",
        ".git/Evil-Q4_0.gguf",
        "Evil\0-Q4_0.gguf",
        "Evil\n-Q4_0.gguf",
        "Evil\x1b[31m-Q4_0.gguf",
        "..\\Evil-Q4_0.gguf",
        "C:Evil-Q4_0.gguf",
        "e" * 300 + "-Q4_0.gguf",
        "a/" * 20 + "Evil-Q4_0.gguf",
        "a/" * 2000 + "Evil-Q4_0.gguf",
    ],
)
def test_names_that_are_no_files_names_here_are_not_used(hub, place, name):
    hub.add("owner/Evil", {name: noise(100)})
    log = place.pull("owner/Evil", status=66)
    assert "owner/Evil has no GGUF model among its 0 files" in log and "\x1b" not in log
    assert not place.models.exists() and len(hub.requests) == 1
    hub.add("owner/Evil", {name: noise(100), NAME: noise(1000)})
    place.pull("owner/Evil")
    assert place.files() == [f"owner/Evil/{NAME}", f"owner/Evil/{NAME}.json"]


@pytest.mark.parametrize("name", ["Größe 1 %-Q4_0.gguf", "a b/c#d?e&f-Q4_0.gguf", "x%2e%2e-Q4_0.gguf"])
def test_unusual_names_are_names_all_the_same(hub, place, name):
    hub.add("owner/Odd", {name: noise(1000)})
    place.pull("owner/Odd")
    assert place.path(f"owner/Odd/{name}").read_bytes() == noise(1000)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Welcome to the hotel's network</html>",
        b'{"error": "no"}',
        b'[{"type": "file"}]',
        b'[{"type": "file", "path": 5, "size": 1}]',
        b'[{"type": "file", "path": "x.gguf", "size": 1e400}]',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_list_that_is_none_is_refused(hub, place, body):
    hub.add("owner/Tiny", {NAME: noise(10)})
    hub.fail("api", Fault(body=body))
    assert "answers with something else than a list of files" in place.pull("owner/Tiny", status=1)


def test_sizes_that_add_up_to_more_than_any_disk_has_do_no_harm(hub, place):
    name = "Huge-Q4_0-{:05}-of-00900.gguf"
    hub.add("owner/Huge", {name.format(i): File(b"", size=2**45 - 1) for i in range(1, 901)})
    assert "free space, expected 31.7 PB" in place.pull("owner/Huge", status=1)


def test_an_empty_file_is_a_file(hub, place):
    hub.add("owner/Empty", {NAME: b""})
    hub.add("owner/Wrong", {NAME: File(b"", sha256="a" * 64)})
    place.pull("owner/Empty")
    assert "hashes to e3b0c442" in place.pull("owner/Wrong", status=65)
    place.path(f"owner/Wrong/{NAME}.part").write_bytes(b"")
    place.path(f"owner/Wrong/{NAME}.part.json").write_text('{"etag": "\\"' + "a" * 64 + '\\"", "size": 0}')
    assert "hashes to e3b0c442" in place.pull("owner/Wrong", status=65)


@pytest.mark.parametrize("size", [-1, 2**62])
def test_sizes_that_no_file_has_are_refused(hub, place, size):
    hub.add("owner/Tiny", {NAME: File(noise(10), size=size)})
    assert "no GGUF model" in place.pull("owner/Tiny", status=66)


def test_a_list_of_many_pages_is_read_and_one_without_end_is_not(hub, place):
    files = {f"folder/notes-{i:04}.md": File(b"", large=False) for i in range(999)}
    hub.add("owner/Large", files | {NAME: noise(1000)})
    hub.page = 100
    place.pull("owner/Large")
    assert len([r for r in hub.requests if "/tree/" in r.path]) == 10
    hub.page = 1
    assert "has more than 200 pages" in place.pull("owner/Large", status=1)
    hub.fail("api", Fault(body=b"[" + b" " * (17 << 20) + b"]"))
    assert "answers with more than 16.8 MB" in place.pull("owner/Large", status=1)


def test_redirects_end_and_lead_to_the_web_alone(hub, place):
    hub.add("owner/Tiny", {NAME: noise(1000)})
    for target, words in [
        ("file:///etc/passwd", "but not to an address"),
        ("gopher://localhost/x", "but not to an address"),
        ("", "but not to an address"),
    ]:
        hub.redirect = lambda _, target=target: target
        assert words in place.pull("owner/Tiny", status=1)
    hub.redirect = lambda _: f"/owner/Tiny/resolve/main/{NAME}"
    assert "redirects more than 10 times" in place.pull("owner/Tiny", status=1)
    assert "secret" not in place.pull("owner/Tiny", status=1)


def test_a_token_does_not_follow_to_another_host_that_claims_to_be_the_hub(hub, place):
    repository = hub.add("owner/Tiny", {NAME: noise(1000)})
    repository.token = TOKEN
    hub.redirect = lambda _: hub.url.replace("127.0.0.1", "localhost") + f"/owner/Tiny/resolve/main/{NAME}"
    place.pull("owner/Tiny", status=1, HF_TOKEN=TOKEN)
    elsewhere = [r for r in hub.requests if r.headers["host"].startswith("localhost")]
    assert elsewhere and not any("authorization" in r.headers for r in elsewhere)


def test_a_next_page_elsewhere_is_asked_without_the_token(hub, place):
    repository = hub.add("owner/Tiny", {NAME: noise(1000)})
    repository.token = TOKEN
    address = hub.url.replace("127.0.0.1", "localhost")
    hub.fail("api", Fault(body=b"[]"))
    hub.page = 0
    real, hub.url = hub.url, address
    place.pull("owner/Tiny", status=1, HF_TOKEN=TOKEN, HF_ENDPOINT=real)
    elsewhere = [r for r in hub.requests if r.headers["host"].startswith("localhost")]
    assert elsewhere and not any("authorization" in r.headers for r in elsewhere)


@pytest.mark.parametrize("is_plain", [True, False])
def test_who_sends_the_bytes_does_not_say_what_they_are(hub, place, is_plain):
    hub.add("owner/Tiny", {NAME: noise(1000)})
    hub.is_plain = is_plain
    hub.body_etag = lambda _: f'"{hashlib.sha256(noise(1000, 2)).hexdigest()}"'
    hub.fail(f"get {NAME}", Fault(body=noise(1000, 2), headers={"X-Linked-Etag": hub.body_etag(None)}))
    assert "hashes to" in place.pull("owner/Tiny", status=65) and place.files() == []


def test_the_description_of_a_file_may_be_odd(hub, place):
    repository = hub.add("owner/Tiny", {NAME: noise(1000)})
    repository.commit = "../../../x"  # Would be part of an address.
    place.pull("owner/Tiny")
    record = json.loads(place.path(f"owner/Tiny/{NAME}.json").read_text())
    assert record["revision"] == "main"
    hub.fail(f"head {NAME}", Fault(status=418))
    assert "with status 418" in place.pull("owner/Tiny", status=1)


def test_a_hub_whose_certificate_is_not_trusted_is_not_spoken_to(place):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    seen: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    log = place.pull("owner/Tiny", status=1, HF_ENDPOINT=f"https://localhost:{server.server_port}", HF_TOKEN=TOKEN)
    server.shutdown()
    server.server_close()
    assert "cannot be reached: this system does not trust its certificate" in log and not seen
