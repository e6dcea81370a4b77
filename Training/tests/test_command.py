"""What every command refuses alike, and how it ends when it is interrupted."""

from __future__ import annotations

import sys

import pytest

from speculate_training import __main__, train

COMMAND = ["speculate-training", "train", "--verifier", "none.gguf", "--corpus", "none.npz", "--out", "none"]


@pytest.mark.parametrize(
    "more",
    [("--device", "foo", "expected cpu"), ("--device", "meta", "expected cpu"), ("--threads", "-1", "at least 0")],
)
def test_a_wrong_flag_is_named(
    more: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [*COMMAND, *more[:2]])
    with pytest.raises(SystemExit) as end:
        __main__.main()
    said = capsys.readouterr().err
    assert end.value.code == 2 and f"{more[0]} is {more[1]}" in said and more[2] in said


def test_an_interrupt_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "main", interrupted)
    monkeypatch.setattr(sys, "argv", COMMAND)
    with pytest.raises(SystemExit) as end:
        __main__.main()
    assert end.value.code == 130 and "train: interrupted" in capsys.readouterr().err
