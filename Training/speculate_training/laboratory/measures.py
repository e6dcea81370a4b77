"""All measures of one network, each kept in a file of its own, so that an interrupted run takes up where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..corpus import Corpus
from .drafting import Answers, rounds, tau
from .infilling import infilling
from .likelihood import Text, bound, one_pass
from .network import AUTOREGRESSIVE, Network
from .quality import Prompts, quality, reference
from .source import Source
from .texts import Texts, first
from .variants import Variant, write

PASSES = (1, 2, 4, 8)
STEPS = (1, 2, 4, 8, 16, 32)
REPEATS = 8
BLOCKS = 6  # That a text has which a process writes.


@dataclass(frozen=True)
class Held:
    source: Source
    texts: dict[str, Text]  # `own`, the verifier's, and `prose`
    answers: Answers  # that rounds are played on
    few: Text  # of the verifier's, for what is measured often
    prompts: Prompts
    corpus: Corpus  # the verifier's answers to them

    @staticmethod
    def read(source: Source, texts: Texts, thorough: int) -> Held:
        """`thorough` times as much text as the small laboratory reads."""
        config, verifier = source.begin("drafter").config, source.verifier
        own = Text.read(source, first(texts.own, 48 * thorough, 96), 4 * thorough)
        prose = Text.read(source, first(texts.prose, 12 * thorough, 256), 16 * thorough)
        answers = Answers.read(verifier, first(texts.greedy, 24 * thorough, 40), config.taps)
        end = int(source.checkpoint.value("tokenizer.ggml.eos_token_id", 0))
        prompts = Prompts.read(verifier, texts.own, config.taps, 16 * thorough, end)
        return Held(source, {"own": own, "prose": prose}, answers, own.some(64 * thorough), prompts, texts.own)

    def probe(self, network: Network, variant: Variant) -> dict[str, float]:
        """What a network in training is asked; τ, which takes longer, for the power laws alone."""
        found: dict[str, float] = {"bound": bound(network, self.few, 4)["nats"]}
        if variant.layers:
            found["tau"] = tau(rounds(network, self.answers, 1))["tau"]
        return found

    def reference(self) -> dict[str, Any]:
        """What the verifier's own answers would be judged as."""
        return reference(self.source.verifier, self.corpus, len(self.prompts.tokens), 8 * BLOCKS)


def orders(network: Network) -> list[str]:
    return ["ancestral", "confidence"] if network.process == "absorbing" else ["ancestral"]


def measure(network: Network, variant: Variant, held: Held, folder: Path) -> dict[str, Any]:
    """Everything, or what the folder has already."""
    network.eval()
    found: dict[str, Any] = {"process": variant.process, "schedule": variant.schedule, "layers": network.config.layers}
    found["curve"] = json.loads((folder / "curve.json").read_text())

    def keep(name: str, make: Callable[[], Any]) -> None:
        path = folder / f"{name}.json"
        if not path.exists():
            write(path, make())
            print(f"{variant.name}, {name}: {path.read_text()[:300]}", flush=True)
        found[name] = json.loads(path.read_text())

    single = network.process == AUTOREGRESSIVE
    keep("tau", lambda: {str(n): tau(rounds(network, held.answers, n)) for n in ((8,) if single else PASSES)})
    if variant.layers:
        return found
    for name, text in held.texts.items():
        keep(f"bound-{name}", partial(bound, network, text, REPEATS))
        keep(f"markov-{name}", partial(one_pass, network, text, True))
    for order in orders(network):
        steps = (8,) if single else tuple(n for n in STEPS if n <= 8 or not network.reveals)
        keep(f"quality-{order}", partial(qualities, network, held, steps, order))
        keep(f"infilling-{order}", partial(infilling, network, held.source.verifier, held.few.lots, order))
    return found


def qualities(network: Network, held: Held, steps: tuple[int, ...], order: str) -> dict[str, Any]:
    return {str(n): quality(network, held.source.verifier, held.prompts, n, BLOCKS, order) for n in steps}
