"""All measures of one network, each kept in a file of its own, so that an interrupted run takes up where it was."""

from __future__ import annotations

import json
import time
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
from .texts import Texts, spread
from .variants import Variant, write

PASSES: tuple[int, ...] = (1, 2, 4, 8)
STEPS: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
REPEATS = 8
#: Of the processes as such, in few steps alone; first hitting has a step for each token.
SAMPLED: dict[str, tuple[str, ...]] = {
    "absorbing": ("cosine", "mask-predict", "first-hitting"),
    "score-absorbing": ("euler",),
    "score-uniform": ("euler",),
    "gaussian": ("ddim", "clamped"),
}
BLOCKS = 6  # That a text has which a process writes.


@dataclass(frozen=True)
class Held:
    source: Source
    texts: dict[str, Text]  # `own`, the verifier's, and `prose`
    answers: Answers  # that rounds are played on
    few: Text  # of the verifier's, for what is measured often
    prompts: Prompts
    corpus: Corpus  # the verifier's answers to them, as long as what is written

    @staticmethod
    def read(source: Source, texts: Texts, thorough: float) -> Held:
        """`thorough` times as much text as the small laboratory reads."""
        config, verifier = source.begin("drafter").config, source.verifier

        def often(count: int) -> int:
            return max(2, round(count * thorough))

        own = Text.read(source, spread(texts.own, often(48), 96), often(4))
        prose = Text.read(source, spread(texts.prose, often(12), 256), often(16))
        answers = Answers.read(verifier, spread(texts.greedy, often(24), 40), config.taps)
        end = int(source.checkpoint.value("tokenizer.ggml.eos_token_id", 0))
        few = Text.read(source, spread(texts.own, often(16), 96), often(4))
        asked = spread(texts.own, often(16), 8 * BLOCKS)
        prompts = Prompts.read(verifier, asked, config.taps, end)
        return Held(source, {"own": own, "prose": prose}, answers, few, prompts, asked)

    def probe(self, network: Network, variant: Variant) -> dict[str, float]:
        """What a network in training is asked; τ, which takes longer, only of those that show how it grows."""
        estimated = bound(network, self.few, REPEATS)
        found: dict[str, float] = {"bound": estimated["nats"], "error": estimated["error"]}
        if variant.layers:
            found["tau"] = tau(rounds(network, self.answers, 1))["tau"]
        return found

    def about(self) -> dict[str, Any]:
        """The share of blocks that had to be left out, and what the verifier's own answers would be judged as."""
        judged = reference(self.source.verifier, self.corpus)
        return {"excluded": {name: text.excluded for name, text in self.texts.items()}, "reference": judged}


def measure(network: Network, variant: Variant, held: Held, folder: Path) -> None:
    """Everything that the folder has not already, each in a file with the seconds that it took."""
    network.eval()

    def keep(name: str, make: Callable[[], Any]) -> None:
        path, began = folder / f"{name}.json", time.monotonic()
        if not path.exists():
            result = make()
            write(path, {"result": result, "seconds": round(time.monotonic() - began, 1)})
            print(f"{variant.name}: {name} measured", flush=True)

    # All of the processes as such; of what else is compared with them, less.
    plain = variant.name == variant.process
    passes, steps = PASSES, STEPS
    which: tuple[str, ...] = ()  # All holes
    if network.process == AUTOREGRESSIVE:
        passes = steps = (8,)
    elif variant.layers:
        passes = (1,)
    elif not plain:
        passes, which = PASSES[:3] if variant.budget else PASSES, ("2", "4", "8")
        if not variant.teacher:
            steps = STEPS[:4]
    keep("tau", lambda: {str(n): tau(rounds(network, held.answers, n)) for n in passes})
    if variant.layers:
        return
    if variant.name in ("absorbing", "included"):
        keep("tau-left", lambda: {str(n): tau(rounds(network, held.answers, n, True)) for n in passes[1:]})
    for name, text in held.texts.items():
        keep(f"bound-{name}", partial(bound, network, text, REPEATS))
        keep(f"markov-{name}", partial(one_pass, network, text, True))
    if not variant.budget:
        return
    for order in ("ancestral", "confidence") if variant.name == "absorbing" else ("ancestral",):
        # In the order of confidence a step fixes a token at least.
        few = steps if order == "ancestral" else STEPS[:4]
        keep(f"quality-{order}", partial(qualities, network, held, few, order))
        keep(f"infilling-{order}", partial(infilling, network, held.source.verifier, held.few, order, which))
    if plain and network.process != AUTOREGRESSIVE:
        keep("bound-8", partial(bound, network, held.few, REPEATS // 2, 8))
        for order in SAMPLED.get(network.process, ()):
            few = (8,) if order == "first-hitting" else STEPS[1:4]
            keep(f"quality-{order}", partial(qualities, network, held, few, order))


def collected(variant: Variant, folder: Path) -> dict[str, Any]:
    """What has been measured of a variant, and the seconds of every part."""
    found: dict[str, Any] = {"process": variant.process, "schedule": variant.schedule, "layers": variant.layers}
    found["seconds"] = {}
    for path in sorted(folder.glob("*.json")):
        part = json.loads(path.read_text())
        if path.stem == "curve":
            found["curve"] = part
        else:
            found[path.stem], found["seconds"][path.stem] = part["result"], part["seconds"]
    return found


def qualities(network: Network, held: Held, steps: tuple[int, ...], order: str) -> dict[str, Any]:
    return {str(n): quality(network, held.source.verifier, held.prompts, n, BLOCKS, order) for n in steps}
