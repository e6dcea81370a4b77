"""A run of the fuzzer: its jobs, its watcher and its findings."""

from __future__ import annotations

import argparse
import dataclasses
import random
import re
import select
import shlex
import socket
import threading
import time
import traceback
from collections import Counter

from .cases import some_case
from .client import Case, connect, converse
from .limits import GRACE, TIME_LIMIT
from .oracle import problems
from .target import Target

MEMORY = 1 << 30
Kept = tuple[Target, socket.socket]


class Run:
    """Jobs that send cases, a watcher of the server, and what they found."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.start = time.monotonic()
        self.lock = threading.RLock()
        self.sent: Counter[str] = Counter()
        self.answered: Counter[int] = Counter()
        self.found: Counter[tuple[str, str]] = Counter()
        self.recent: list[list[Case]] = [[] for _ in range(args.jobs)]
        self.slowest = 0.0
        self.slow_healths = 0  # That no request caused.
        self.peak = 0
        self.target = self.launch()

    def launch(self) -> Target:
        return Target(self.args.program, self.args.model, shlex.split(self.args.flags))

    @property
    def is_over(self) -> bool:
        is_late = time.monotonic() - self.start > self.args.minutes * 60
        return is_late or (self.args.requests and self.sent.total() >= self.args.requests)

    def report(self, rule: str, detail: str, case: Case, more: str = "") -> None:
        """Counts a finding and saves its bytes, the first five of each sort."""
        with self.lock:
            self.found[rule, case.kind] += 1
            if self.found[rule, case.kind] > 5:
                return
            sort = re.sub(r"\W+", "-", f"{rule} {case.kind}")
            path = self.args.findings / f"{sort}-{self.found[rule, case.kind]}"
            self.args.findings.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".bin").write_bytes(case.data)
            how = f"parts of {[len(part) for part in case.parts]} bytes, {case.pause} s between them, then: {case.end}"
            path.with_suffix(".txt").write_text(f"{rule}: {detail}\n{case.kind}\n{how}\n{more}")
            print(f"{path}.bin: {detail[:200]}", flush=True)

    def died(self, target: Target) -> None:
        """Records a server's death once, and starts another server."""
        with self.lock:
            if self.target is not target:
                return
            for _ in range(100):  # A connection may be refused a moment before the process is gone.
                if not target.is_alive:
                    break
                time.sleep(0.02)
            detail = f"exit status {target.process.poll()}"
            suspects = [case for cases in self.recent for case in cases[-3:]]
            self.recent = [[] for _ in self.recent]
            self.target = self.launch()
        culprits = [case for case in suspects if self.kills(case)]
        for case in culprits or suspects:
            self.report("death" if culprits else "death-suspect", detail, case, "".join(target.log[-50:]))

    def kills(self, case: Case) -> bool:
        """Whether a case alone ends a server of its own, or keeps it from ending."""
        server = self.launch()
        try:
            with connect(server.port) as connection:
                converse(connection, case)
            server.get(b"/health")
        except OSError:
            pass
        time.sleep(0.1)
        return not server.is_alive or server.stop() is None

    def job(self, number: int) -> None:
        rng = random.Random(f"{self.args.seed}:{number}")
        kept: Kept | None = None
        while not self.is_over:
            case = some_case(rng)
            target = self.target
            self.recent[number] = [*self.recent[number][-4:], case]
            try:
                kept = self.exchange(case, target, kept)
            except OSError as error:
                kept = None
                if not target.is_alive or isinstance(error, ConnectionRefusedError):
                    self.died(target)
                else:
                    self.report("no-connection", repr(error), case)
            except Exception as error:  # A bug in the fuzzer, which must not go unnoticed.
                kept = None
                self.report("fuzzer", repr(error), case, traceback.format_exc())

    def exchange(self, case: Case, target: Target, kept: Kept | None) -> Kept | None:
        """Sends a case, over the kept connection if possible; returns the connection to keep."""
        is_kept = kept and case.is_plain and kept[0] is target and not select.select([kept[1]], [], [], 0)[0]
        if kept and not is_kept:
            kept[1].close()
        connection = kept[1] if kept and is_kept else connect(target.port)
        outcome = converse(connection, case)
        found = problems(case, outcome)
        if not target.is_alive:
            raise ConnectionRefusedError
        for rule, detail in self.confirmed(case, target, found):
            self.report(rule, detail, case)
        with self.lock:
            self.sent[case.kind] += 1
            self.answered.update(answer.status for answer in outcome.answers)
            self.slowest = max(self.slowest, outcome.seconds)
        closing = [answer.headers.get("connection") == "close" for answer in outcome.answers]
        if found or not case.is_plain or not closing or any(closing) or outcome.is_closed:
            connection.close()
            return None
        return target, connection

    def confirmed(self, case: Case, target: Target, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Drops lateness and silence that do not recur: the machine was busy, or the connection had been closed."""
        if not any(rule in ("slow", "no-answer") for rule, _ in found):
            return found
        with connect(target.port) as connection:
            again = {rule for rule, _ in problems(case, converse(connection, case))}
        return [(rule, detail) for rule, detail in found if rule in again or rule not in ("slow", "no-answer")]

    def watch(self) -> None:
        """Checks the server until the run is over."""
        while not self.is_over:
            time.sleep(0.25)
            target = self.target
            try:
                self.look(target)
            except OSError as error:
                if target is self.target and target.is_alive:
                    self.suspect("health", repr(error))
                elif target is self.target:
                    self.died(target)

    def look(self, target: Target) -> None:
        """Checks the server's health and memory."""
        start = time.monotonic()
        status = target.get(b"/health")[0]
        seconds = time.monotonic() - start
        growth = target.resident() - target.memory
        self.peak = max(self.peak, growth)
        if status != 200:
            self.suspect("health", str(status))
        if seconds > GRACE:
            self.health_is_slow(target, f"{status} after {seconds:.1f} s")
        if growth > MEMORY:
            self.suspect("memory", f"grew by {growth >> 20} MiB")
            self.target = self.launch()
            target.stop()

    def suspect(self, rule: str, detail: str) -> None:
        """Reports the latest cases of every job, any of which may be the cause."""
        for cases in self.recent:
            for case in cases[-2:]:
                self.report(rule, detail, case)

    def health_is_slow(self, target: Target, detail: str) -> None:
        """Reports the requests that cause it; if none does, the machine may be the cause, but not often."""
        to_blame = [case for cases in self.recent for case in cases[-3:] if self.slows(target, case)]
        for case in to_blame:
            self.report("health", detail, case)
        self.slow_healths += 0 if to_blame else 1
        if self.slow_healths > 3:
            self.suspect("health-suspect", detail)

    def slows(self, target: Target, case: Case) -> bool:
        """Whether /health is slow while a case alone is sent."""
        with connect(target.port) as connection:
            case = dataclasses.replace(case, end="hang up" if case.end == "reset" else case.end)
            sending = threading.Thread(target=converse, args=(connection, case))
            sending.start()
            start = time.monotonic()
            target.get(b"/health")
            seconds = time.monotonic() - start
            sending.join()
        return seconds > GRACE

    def finish(self) -> None:
        """Checks that nothing is in flight at the end, and that a signal ends the server."""
        nothing = Case("end", [b""])
        try:
            end = time.monotonic() + TIME_LIMIT + GRACE
            while (left := self.target.in_flight()) and time.monotonic() < end:
                time.sleep(0.1)
            if left:
                self.report("stuck", f"{left:.0f} requests are still in flight", nothing)
        except OSError as error:
            self.report("stuck", repr(error), nothing)
        if (status := self.target.stop()) != 0:
            self.report("exit", f"the server ends with {status} when told to", nothing, "".join(self.target.log[-50:]))

    def run(self) -> int:
        threads = [threading.Thread(target=self.job, args=(number,), daemon=True) for number in range(self.args.jobs)]
        threads.append(threading.Thread(target=self.watch, daemon=True))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(self.args.minutes * 60 + 60)
            if thread.is_alive():
                self.suspect("stuck", "a job does not end")
        seconds = time.monotonic() - self.start
        self.finish()
        total = self.sent.total()
        print(f"{total} requests in {seconds:.0f} s, {total / seconds:.0f} a second, seed {self.args.seed}")
        print(f"answers: {dict(sorted(self.answered.items()))}, the slowest after {self.slowest:.2f} s")
        print(f"resident memory grew by {self.peak >> 20} MiB, /health was slow {self.slow_healths} times by itself")
        print(f"kinds: {dict(self.sent.most_common())}")
        for (rule, kind), count in self.found.most_common():
            print(f"finding: {rule} in {kind}, {count} times, see {self.args.findings}")
        return 1 if self.found else 0
