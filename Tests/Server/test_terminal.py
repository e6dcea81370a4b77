"""A chat at a terminal, by what a person types."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

import pytest
from conftest import MODEL, PROGRAM


class Terminal:
    def __init__(self, *arguments: str) -> None:
        self.process, self.descriptor = pty.fork()
        if self.process == 0:
            os.execv(PROGRAM, [str(PROGRAM), *arguments])
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def until(self, pattern: str, seconds: float = 60) -> str:
        """Waits for what is shown from here on to have the pattern."""
        end = time.monotonic() + seconds
        text = b""
        while not re.search(pattern, text.decode(errors="replace"), re.DOTALL):
            assert time.monotonic() < end, f"{pattern!r} is not in {text!r}"
            if select.select([self.descriptor], [], [], 0.2)[0]:
                try:
                    text += os.read(self.descriptor, 65536)
                except OSError:
                    break
        self.shown = text.decode(errors="replace")
        assert re.search(pattern, self.shown, re.DOTALL), self.shown
        return self.shown

    def status(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


@pytest.fixture
def chat():
    terminal = Terminal("chat", "--model", MODEL, "--threads", "2", "-n", "2000", "--keep-loops")
    terminal.until(r"/help lists the commands.*> ")
    yield terminal
    os.close(terminal.descriptor)


def test_a_line_is_edited_and_recalled(chat):
    # A letter is forgotten, gone back to and put in; a word is taken away.
    chat.type("Say helo wrld\x17world.\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[Dl\x05")
    chat.until(r"Say hello world\.")
    chat.type("\x15/system Be brief.\r")
    chat.until(r"the system turn is another.*> ")
    chat.type("\x1b[A")
    chat.until(r"/system Be brief\.")
    chat.type("\x15/system\r")
    chat.until(r"Be brief\..*> ")
    chat.type("/nonsense\r")
    chat.until(r"no command '/nonsense'.*> ")
    # A paste of several lines is one message.
    chat.type("\x1b[200~What is\n2 + 2?\x1b[201~")
    chat.until(r"What is\r*\n +2 \+ 2\?")
    chat.type("\r")
    chat.until(r"tokens/s.*> ")
    chat.type("/exit\r")
    assert chat.status() == 0


def test_ctrl_c_ends_an_answer_and_the_chat_goes_on(chat):
    chat.type("Write the numbers from 1 to 1000, one a line.\r")
    chat.until(r"1, 2, 3|\n3")
    chat.type("\x03")
    shown = chat.until(r"ended by interruption.*> ")
    assert "\ufffd" not in shown
    chat.type("half a line\x03")
    chat.type("/retry\r")
    chat.until(r"\d, \d|\n\d")
    chat.type("\x03")
    chat.until(r"ended by interruption.*> ")
    chat.type("\x04")
    assert chat.status() == 0


def test_ctrl_c_at_the_prompt_leaves(chat):
    chat.type("\x03")
    assert chat.status() in (0, 130)
