"""What goes wrong between the hub and here: cut connections, other files, wrong sums, refusals."""

from __future__ import annotations

import email.utils
import socket
import time

import pytest
from hub_place import TOKEN, noise
from hub_server import Fault, File

NAME = "Tiny-Q4_0.gguf"
DATA = noise(300_000)


@pytest.fixture
def repository(hub):
    return hub.add("owner/Tiny", {NAME: DATA})


@pytest.fixture
def path(place):
    return place.path(f"owner/Tiny/{NAME}")


@pytest.mark.parametrize("cuts", [[0], [1], [299_999], [100_000, 0, 65_536, 1]])
def test_a_cut_connection_is_resumed_where_it_was_cut(hub, place, repository, path, cuts):
    hub.fail(f"get {NAME}", *(Fault(cut=cut) for cut in cuts))
    log = place.pull("owner/Tiny")
    assert path.read_bytes() == DATA and log.count("the connection was cut; trying again") == len(cuts)
    requests = hub.gets(NAME)
    begins = [int(r.headers.get("range", "bytes=0-")[6:-1]) for r in requests]
    # What was on its way when the connection was cut may be lost.
    assert begins == sorted(begins) and all(begin <= sum(cuts[:i]) for i, begin in enumerate(begins))
    assert [r.status for r in requests] == [206 if begin else 200 for begin in begins]
    assert sum(cuts) < 70_000 or begins[-1] > 0
    assert all(r.headers.get("if-range", '"cdn-').startswith('"cdn-') for r in requests)


def test_a_file_that_changes_between_attempts_is_fetched_from_its_beginning(hub, place, repository, path):
    # Where the bytes come from says that they are others; the hub's own sum decides.
    hub.fail(f"get {NAME}", Fault(cut=200_000), Fault(ignores_range=True, cut=250_000), Fault(wrong_range=True))
    place.pull("owner/Tiny")
    assert path.read_bytes() == DATA
    assert [r.status for r in hub.gets(NAME)] == [200, 200, 206, 200]
    # Where the hub's file is another one, nothing of the part is used.
    repository.files[NAME] = File(noise(300_000, 2))
    hub.fail(f"get {NAME}", Fault(cut=120_000), *(Fault(cut=0) for _ in range(5)))
    assert "the connection was cut, 5 times in a row" in place.pull("owner/Tiny", status=1)
    assert 0 < path.with_name(f"{NAME}.part").stat().st_size <= 120_000 and path.read_bytes() == DATA
    repository.files[NAME] = File(noise(300_000, 3))
    hub.requests.clear()
    hub.faults.clear()
    place.pull("owner/Tiny")
    assert path.read_bytes() == noise(300_000, 3) and [r.headers.get("range") for r in hub.gets(NAME)] == [None]


def test_a_part_is_used_as_far_as_it_is_sound(hub, place, repository, path):
    part = path.with_name(f"{NAME}.part")
    for size, how in [(100_000, "kept"), (300_000, "whole"), (300_001, "too long"), (100_000, "damaged")]:
        hub.requests.clear()
        hub.fail(f"get {NAME}", Fault(cut=70_000), Fault(status=404))
        place.pull("owner/Tiny", status=66)
        hub.faults.clear()
        data = DATA + b"x" if how != "damaged" else b"x" + DATA[1:]
        part.write_bytes(data[:size])
        hub.requests.clear()
        if how == "damaged":
            assert "hashes to" in place.pull("owner/Tiny", status=65) and not path.exists()
        else:
            place.pull("owner/Tiny")
            assert path.read_bytes() == DATA
            path.unlink()
        ranges = [r.headers.get("range") for r in hub.gets(NAME)]
        assert ranges == {"whole": [], "too long": [None]}.get(how, ["bytes=100000-"])
        assert not part.exists() and not part.with_name(part.name + ".json").exists()


@pytest.mark.parametrize(
    ("file", "fault", "words"),
    [
        (File(DATA, sha256="a" * 64), Fault(), f"expected {'a' * 64}; what came is deleted"),
        (File(DATA), Fault(body=DATA[:-1] + b"x"), "hashes to "),
        (File(DATA, size=300_001), Fault(), "300000 bytes are sent, expected 300001"),
        (File(DATA, size=299_999), Fault(), "300000 bytes are sent, expected 299999"),
        (File(DATA), Fault(body=b"<html>Please log in</html>"), "26 bytes are sent, expected 300000"),
        (File(DATA, size=299_999), Fault(headers={"Content-Length": "299999"}), "hashes to "),
    ],
)
def test_bytes_that_are_not_the_hubs_are_deleted(hub, place, file, fault, words):
    hub.add("owner/Tiny", {NAME: file})
    hub.fail(f"get {NAME}", fault)
    log = place.pull("owner/Tiny", status=65)
    assert words in log and NAME in log and "owner/Tiny" in log
    assert place.files() == []


def test_servers_that_are_busy_are_asked_again_when_they_say(hub, place, repository, path):
    date = email.utils.formatdate(time.time() + 2, usegmt=True)
    hub.fail("api", Fault(status=500), Fault(status=429, headers={"Retry-After": "1"}))
    hub.fail(f"head {NAME}", Fault(status=502))
    hub.fail(f"get {NAME}", Fault(status=503, headers={"Retry-After": date}), Fault(status=403))
    start = time.monotonic()
    log = place.pull("owner/Tiny")
    assert time.monotonic() - start > 3 and path.read_bytes() == DATA
    for words in [
        "status 500; trying again in 0.5 s",
        "status 429, too many requests; trying again in 1.0 s",
        "status 502",
    ]:
        assert words in log
    hub.fail("api", Fault(status=429, headers={"Retry-After": "3600"}))
    assert "asks to wait 3600 seconds" in place.pull("owner/Tiny", status=1)
    hub.faults["api"] = [Fault(status=500, forever=True)]
    assert f"{hub.url}/api/models/owner/Tiny/tree/main: status 500, 5 times in a row" in place.pull(
        "owner/Tiny", status=1
    )


def test_a_slow_server_is_waited_for_and_a_silent_one_asked_again(hub, place, repository, path):
    hub.fail(f"get {NAME}", Fault(drip=20_000, drip_pause=0.2))
    assert "trying again" not in place.pull("owner/Tiny", HF_HUB_DOWNLOAD_TIMEOUT="1")
    path.unlink()
    hub.fail(f"get {NAME}", Fault(cut=1000, silence=30), Fault(silence=30))
    start = time.monotonic()
    log = place.pull("owner/Tiny", HF_HUB_DOWNLOAD_TIMEOUT="1")
    assert log.count("nothing came for 1 seconds; trying again") == 2 and time.monotonic() - start < 15
    assert path.read_bytes() == DATA


@pytest.mark.parametrize(
    ("gated", "token", "words"),
    [
        (True, "", "owner/Tiny is gated, status 401: accept its terms at"),
        (False, "", "owner/Tiny does not exist, or is private or gated, status 401: accept its terms at"),
        (True, TOKEN, "owner/Tiny is refused, status 403: the token in HF_TOKEN has no access; accept the terms at"),
    ],
)
def test_a_repository_that_needs_access_says_how_to_get_it(hub, place, repository, gated, token, words):
    repository.token, repository.gated = "hf_another", gated
    log = place.pull("owner/Tiny", status=1, HF_TOKEN=token)
    assert words in log and f"{hub.url}/owner/Tiny" in log and "HF_TOKEN" in log


def test_what_is_not_there_is_named(hub, place, repository):
    assert f"there is no repository owner/None at {hub.url}" in place.pull("owner/None", status=66)
    log = place.run("-m", "owner/None", "x", status=66)[1]
    assert f"no repository owner/None at {hub.url} (and there is no file 'owner/None')" in log
    assert (
        f"no repository owner/None at {hub.url}" in place.run("serve", "--port", "0", "-m", "owner/None", status=66)[1]
    )
    assert "owner/Tiny has no Q3_K_S; it has Q4_0 (300.0 kB)" in place.pull("owner/Tiny:Q3_K_S", status=66)
    hub.add("owner/Empty", {"model.safetensors": b"", "Tiny.drafter.gguf": b"x", "Tiny-mmproj-F16.gguf": b"x"})
    assert "owner/Empty has no GGUF model among its 3 files" in place.pull("owner/Empty", status=66)
    hub.add("owner/Many", {f"Tiny-{quant}.gguf": noise(2000) for quant in ("Q5_K_M", "Q6_K", "UD-Q3_K_XL")})
    log = place.pull("owner/Many", status=66)
    assert (
        "several models: Q5_K_M (2.0 kB), Q6_K (2.0 kB), UD-Q3_K_XL (2.0 kB)" in log
        and "as in owner/Many:Q5_K_M" in log
    )
    place.pull("owner/Many:q3_k_xl")
    hub.add("owner/Two", {"A-Q4_0.gguf": b"a", "B-Q4_0.gguf": b"b"})
    assert "has 2 models called Q4_0: A-Q4_0, B-Q4_0" in place.pull("owner/Two:Q4_0", status=66)
    place.pull("owner/Two:B-Q4_0")
    # One name in two folders, and names that differ by their case.
    hub.add("owner/Amb", {"x/T-Q4_0.gguf": b"a", "y/T-Q4_0.gguf": b"b", "y/t-Q4_0.gguf": b"c"})
    log = place.pull("owner/Amb", status=66)
    assert "several models: x/T-Q4_0 (1 bytes), y/T-Q4_0 (1 bytes), t-Q4_0 (1 bytes); name one, as in owner/Amb:x/T-Q4_0" in log
    assert "has 3 models called Q4_0: x/T-Q4_0, y/T-Q4_0, t-Q4_0" in place.pull("owner/Amb:Q4_0", status=66)
    for name in ("x/T-Q4_0", "y/T-Q4_0.gguf", "t-Q4_0"):
        place.pull(f"owner/Amb:{name}")
    hub.add("owner/Sub", {"T-Q4_0.gguf": b"root", "sub/T-Q4_0.gguf": b"folder"})
    assert "has 2 models called T-Q4_0: T-Q4_0.gguf, sub/T-Q4_0" in place.pull("owner/Sub:T-Q4_0", status=66)
    for name, content in (("T-Q4_0.gguf", b"root"), ("sub/T-Q4_0", b"folder")):
        place.pull(f"owner/Sub:{name}")
        assert content in [path.read_bytes() for path in place.models.rglob("T-Q4_0.gguf")]
    for words in [
        "Tiny",
        "a/b/c",
        "../x",
        "a/..",
        "a b/c",
        "/a",
        "a/",
        "a/b:",
        "a/b:../c",
        "-a/b",
        "é/b",
        "a/" + "b" * 97,
    ]:
        log = place.pull("--", words, status=64)
        assert "is not the name of a repository, expected OWNER/NAME" in log


def test_a_mirror_that_does_not_answer_heads_says_what_is_needed(hub, place, repository):
    hub.fail(f"head {NAME}", Fault(status=405, forever=True))
    log = place.pull("owner/Tiny", status=1)
    assert "HEAD is answered with status 405, expected the file's sum: HF_ENDPOINT has to be" in log


def test_a_hub_that_cannot_be_reached_is_named(hub, place):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
    log = place.pull("owner/Tiny", status=1, HF_ENDPOINT=address)
    assert f"{address}/api/models/owner/Tiny/tree/main: cannot be reached: Connection refused, 3 times" in log
    log = place.pull("owner/Tiny", status=1, HF_ENDPOINT="http://nosuch.invalid")
    assert "the host 'nosuch.invalid' is not known" in log
    for endpoint in ("localhost", "ftp://localhost", "http://", "http://user@localhost", "https://localhost?x"):
        assert f"HF_ENDPOINT is '{endpoint}', expected an address" in place.pull("a/b", status=64, HF_ENDPOINT=endpoint)
    assert "HF_HUB_DOWNLOAD_TIMEOUT is '0'" in place.pull("a/b", status=64, HF_HUB_DOWNLOAD_TIMEOUT="0")


def test_a_full_disk_is_noticed_before_and_while_it_fills(hub, place, repository):
    hub.add("owner/Huge", {NAME: File(b"", sha256="a" * 64, size=3 * 10**13)})
    log = place.pull("owner/Huge", status=1)
    assert "free space, expected 30.0 TB" in log and not hub.gets(NAME)
    limited = f"ulimit -f 100; trap '' XFSZ; exec '{place.program}' pull owner/Tiny"
    place.program, before = "/bin/sh", place.program
    assert f"{NAME}.part: File too large" in place.run("-c", limited, status=1)[1]
    place.program = before
    hub.requests.clear()
    place.pull("owner/Tiny")
    assert hub.gets(NAME)[0].headers["range"].startswith("bytes=")
