"""The models that are here: listing and removing them; several processes; Ctrl-C; what a terminal shows."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import time

import pytest
from hub_place import TINY, noise
from hub_server import Fault

NAME = "Tiny-Q4_0.gguf"
DATA = noise(300_000)


@pytest.fixture
def several(hub, place):
    files = {"Tiny-Q4_0.gguf": noise(2000), "Tiny-Q8_0.gguf": noise(4000), "Tiny.drafter.gguf": noise(1000)}
    hub.add("owner/Tiny-GGUF", files)
    hub.add("other/Small", {"small.gguf": noise(500)})
    for name in ("owner/Tiny-GGUF:Q4_0", "owner/Tiny-GGUF:Q8_0", "other/Small"):
        place.pull(name)


def test_models_are_listed_and_removed(hub, place, several):
    lines = place.run("models")[0].splitlines()
    date = time.strftime("%Y-%m-%d")
    assert [line.split() for line in lines[1:]] == [
        ["other/Small:small", "500", "bytes", "–", date],
        ["owner/Tiny-GGUF:Q4_0", "3.0", "kB", "Q4_0", date, "with", "a", "drafter"],
        ["owner/Tiny-GGUF:Q8_0", "5.0", "kB", "Q8_0", date, "with", "a", "drafter"],
    ]
    assert place.run("models", "list")[0].splitlines() == lines
    listed = json.loads(place.run("models", "--json")[0])
    assert listed["folder"] == str(place.models.parent) and [m["bytes"] for m in listed["models"]] == [500, 3000, 5000]
    assert all(m["is_complete"] and len(m["sha256"]) == 64 and m["date"].endswith("Z") for m in listed["models"])

    log = place.run("models", "remove", "owner/tiny-gguf:q4_0")[1]
    assert re.fullmatch(r"removed owner/Tiny-GGUF:Q4_0: 2 files, 2\.\d kB freed\n", log)
    assert "Tiny.drafter.gguf" in "".join(place.files())  # The other one still has it.
    log = place.run("models", "remove", "nobody/Tiny", status=66)[1]
    assert "no model here is called 'nobody/Tiny'; there is other/Small:small, owner/Tiny-GGUF:Q8_0" in log
    removed = json.loads(place.run("models", "remove", "owner/Tiny-GGUF", "--json")[0])
    assert removed["removed"] == ["owner/Tiny-GGUF:Q8_0"] and removed["files"] == 4
    place.run("models", "remove", "other/Small")
    assert list(place.models.iterdir()) == []
    output, log = place.run("models")
    assert output == "" and log.startswith("no models in ")
    assert json.loads(place.run("models", "--json")[0])["models"] == []
    assert "there is none" in place.run("models", "remove", "other/Small", status=66)[1]


def test_the_default_model_is_among_them(place):
    place.models.parent.mkdir(parents=True)
    default = place.models.parent / "SmolLM2-135M-Instruct.Q4_1.gguf"
    default.write_bytes(TINY)
    assert default.name in place.run("models")[0]
    place.run("models", "remove", "../" + default.name, status=66)
    place.run("models", "remove", default.stem)
    assert not default.exists()


def test_ctrl_c_keeps_the_part_and_the_next_run_goes_on(hub, place):
    hub.add("owner/Tiny", {NAME: DATA})
    part = place.path(f"owner/Tiny/{NAME}.part")
    for number, arguments in [
        (signal.SIGINT, ("pull", "owner/Tiny")),
        (signal.SIGTERM, ("-m", "owner/Tiny", "Hello")),
        (signal.SIGINT, ("draft", "-m", "owner/Tiny", "Hello")),
        (signal.SIGKILL, ("pull", "owner/Tiny")),
    ]:
        before = part.stat().st_size if part.exists() else 0
        hub.fail(f"get {NAME}", Fault(drip=10_000, drip_pause=0.1))
        process = place.start(*arguments)
        while not part.exists() or part.stat().st_size <= before + 10_000:
            time.sleep(0.01)
        process.send_signal(number)
        log = process.communicate(timeout=20)[1]
        assert process.returncode == (130 if number != signal.SIGKILL else -9)
        assert ("what came is kept" in log) == (number != signal.SIGKILL)
        assert "interrupted" in place.run("models")[0]
    size = part.stat().st_size
    hub.requests.clear()
    log = place.pull("owner/Tiny")
    assert "reading what is here" in log and f"from {size / 1000:.1f} kB on" in log
    assert [r.headers["range"] for r in hub.gets(NAME)] == [f"bytes={size}-"]
    assert place.path(f"owner/Tiny/{NAME}").read_bytes() == DATA
    assert place.files() == [f"owner/Tiny/{NAME}", f"owner/Tiny/{NAME}.json"]


def test_processes_that_fetch_the_same_file_take_turns(hub, place):
    hub.add("owner/Tiny", {NAME: DATA})
    slow = Fault(drip=20_000, drip_pause=0.1)
    hub.fail(f"get {NAME}", slow)
    first = place.start("pull", "owner/Tiny")
    assert slow.begun.wait(20)
    others = [place.start("pull", "owner/Tiny") for _ in range(3)]
    assert "is being fetched by another process" in place.run("models", "remove", "owner/Tiny", status=1)[1]
    assert first.wait(60) == 0
    for other in others:
        log = other.communicate(timeout=60)[1]
        assert other.returncode == 0 and f"another process is fetching {NAME}" in log and "was here already" in log
    assert len(hub.gets(NAME)) == 1
    assert place.files() == [f"owner/Tiny/{NAME}", f"owner/Tiny/{NAME}.json"]


def test_the_next_goes_on_where_a_process_died(hub, place):
    hub.add("owner/Tiny", {NAME: DATA})
    slow = Fault(drip=20_000, drip_pause=0.2)
    hub.fail(f"get {NAME}", slow)
    first = place.start("pull", "owner/Tiny")
    assert slow.begun.wait(20)
    second = place.start("pull", "owner/Tiny")
    part = place.path(f"owner/Tiny/{NAME}.part")
    while not part.exists() or part.stat().st_size < 40_000:
        time.sleep(0.01)
    first.kill()
    first.wait()
    assert second.wait(60) == 0
    assert place.path(f"owner/Tiny/{NAME}").read_bytes() == DATA
    assert int(hub.gets(NAME)[1].headers["range"][6:-1]) >= 40_000


def test_a_lock_that_a_dead_process_left_holds_nobody_up(hub, place):
    hub.add("owner/Tiny", {NAME: DATA})
    place.path("owner/Tiny").mkdir(parents=True)
    lock = place.path(f"owner/Tiny/{NAME}.lock")
    lock.touch()
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = place.start("pull", "owner/Tiny")
        time.sleep(1)
        assert process.poll() is None
    assert process.wait(20) == 0 and not lock.exists()


def test_without_a_terminal_each_tenth_is_a_line(hub, place):
    hub.add("owner/Tiny", {NAME: DATA})
    hub.fail(f"get {NAME}", Fault(drip=15_000, drip_pause=0.02))
    lines = place.pull("owner/Tiny").splitlines()
    assert lines == [
        f"fetching {NAME}, 300.0 kB",
        *(f"{NAME}: {n} %" for n in range(10, 100, 10)),
        f"{NAME} is here, 300.0 kB",
    ]
    assert place.run("pull", "owner/Tiny", "-q") == (f"{place.path(f'owner/Tiny/{NAME}')}\n", "")
    described = json.loads(place.run("pull", "owner/Tiny", "--json", "-q")[0])
    assert described["name"] == "owner/Tiny:Q4_0" and described["bytes"] == 300_000


def test_on_a_terminal_a_bar_moves(hub, place):
    hub.add("owner/Tiny", {NAME: DATA})
    hub.fail(f"get {NAME}", Fault(drip=15_000, drip_pause=0.05))
    process, terminal = pty.fork()
    if process == 0:
        os.execve(place.program, [str(place.program), "pull", "owner/Tiny"], place.environment)
    shown = b""
    try:
        while part := os.read(terminal, 65536):
            shown += part
    except OSError:
        pass
    assert os.waitpid(process, 0)[1] == 0
    bars = re.findall(r"\r([^\r\x1b]*left)\x1b\[K", shown.decode())
    assert len(bars) > 3 and all(len(bar) <= 80 for bar in bars)
    assert re.match(rf"{re.escape(NAME)} █+·+ \d+\.\d kB of 300\.0 kB  \d+\.\d [kM]B/s  \d+:\d\d left", bars[2]), bars[
        2
    ]
    assert f"\r\x1b[K{NAME} is here, 300.0 kB\r\n" in shown.decode()
