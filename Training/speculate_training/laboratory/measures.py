"""All measures of one network, each kept in a file of its own, so that an interrupted run takes up where it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .drafting import Answers, rounds, tau
from .likelihood import Text, bound
from .network import Network
from .source import Source
from .texts import Texts, first
from .variants import Variant


@dataclass(frozen=True)
class Held:
    source: Source
    texts: dict[str, Text]  # `own`, the verifier's, and `prose`
    answers: Answers  # that rounds are played on
    few: Text  # of the verifier's, for what is measured often

    @staticmethod
    def read(source: Source, texts: Texts, thorough: int) -> Held:
        taps = source.begin("drafter").config.taps
        own, prose = (Text.read(source, corpus, 4 * thorough) for corpus in (texts.own, texts.prose))
        answers = Answers.read(source.verifier, first(texts.greedy, 24 * thorough, 48), taps)
        return Held(source, {"own": own, "prose": prose}, answers, own.some(64 * thorough))

    def probe(self, network: Network) -> dict[str, float]:
        """What a network in training is asked."""
        found: dict[str, float] = {"bound": bound(network, self.few, 2)["nats"]}
        if network.process == "absorbing":
            found["tau"] = tau(rounds(network, self.answers, 1))["tau"]
        return found


def measure(network: Network, variant: Variant, held: Held, folder: Path) -> dict[str, Any]:
    return {}
