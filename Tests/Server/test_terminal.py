"""A chat at a terminal, by what a person types."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
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

    def is_raw(self) -> bool:
        """Whether keys are neither shown nor gathered to lines."""
        return termios.tcgetattr(self.descriptor)[3] & (termios.ECHO | termios.ICANON) == 0

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
    chat.until(r"the system message is changed.*> ")
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_the_prompt_leaves_the_terminal_as_it_was(chat, number):
    assert chat.is_raw()
    os.kill(chat.process, number)
    chat.until(r"\x1b\[\?2004l")
    assert chat.status() == 130
    assert not chat.is_raw()


def test_a_signal_during_an_answer_ends_the_chat(chat):
    chat.type("Write the numbers from 1 to 1000, one a line.\r")
    chat.until(r"1, 2, 3|\n3")
    os.kill(chat.process, signal.SIGTERM)
    chat.until(r"ended by interruption")
    assert chat.status() == 130
    assert not chat.is_raw()


def test_what_is_typed_during_an_answer_is_not_shown_and_follows_it(chat):
    chat.type("Write the numbers from 1 to 1000, one a line.\r")
    chat.until(r"1, 2, 3|\n3")
    chat.type("/system Typed ahead.\r/system\rand more")
    time.sleep(0.2)
    chat.type("\x03")
    shown = chat.until(r"ended by interruption.*system message is changed.*> .*Typed ahead\..*> and more")
    assert "Typed" not in shown.split("ended by")[0] and "^C" not in shown
    chat.type("\x15\x04")
    assert chat.status() == 0


def test_control_d_during_an_answer_leaves_after_it(chat):
    chat.type("Write the numbers from 1 to 1000, one a line.\r")
    chat.until(r"1, 2, 3|\n3")
    chat.type("\x04")
    time.sleep(0.2)
    chat.type("\x03")
    chat.until(r"ended by interruption")
    assert chat.status() == 0
    assert not chat.is_raw()


def test_a_refused_message_leaves_the_conversation_and_comes_back():
    terminal = Terminal("chat", "--model", MODEL, "--threads", "2", "-n", "20", "--context", "200")
    terminal.until(r"/help lists the.*> ")
    terminal.type("Say hello.\r")
    terminal.until(r"tokens/s.*> ")
    terminal.type("\x1b[200~" + "word " * 300 + "end\x1b[201~\r")
    shown = terminal.until(r"error: the prompt has.*arrow up recalls the\s+message.*> ")
    assert "forgotten" not in shown
    terminal.type("\x1b[A")
    terminal.until(r"word end")
    terminal.type("\x03/retry\r")
    terminal.until(r"tokens/s.*> ")
    terminal.type("\x04")
    assert terminal.status() == 0
    os.close(terminal.descriptor)


def test_nothing_is_wider_than_the_terminal(chat):
    chat.type("Say hello.\r")
    shown = chat.until(r"speculation .*> ")
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "").splitlines()
    assert all(len(line) <= 60 for line in lines if re.match(r"prompt|answer|speculation| {13}", line)), lines
    chat.type("\x04")
    assert chat.status() == 0
