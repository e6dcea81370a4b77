"""The verifier's tokenizer and chat template, from its GGUF file, through well-kept libraries."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import Template
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from .checkpoint import Checkpoint, CheckpointError

_LLAMA = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def load_tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    """Byte-level BPE, cut as the file's model family cuts."""
    kind = str(checkpoint.value("tokenizer.ggml.pre", "gpt-2"))
    before: dict[str, list[Any]] = {
        "gpt-2": [],
        "smollm": [pre_tokenizers.Digits(individual_digits=True)],
        "llama-bpe": [pre_tokenizers.Split(Regex(_LLAMA), "isolated")],
        "qwen2": [pre_tokenizers.Split(Regex(_LLAMA.replace(r"\p{N}{1,3}", r"\p{N}")), "isolated")],
    }
    if kind not in before:
        raise CheckpointError(f"{checkpoint.path}: tokenizer.ggml.pre is '{kind}', expected one of {sorted(before)}")
    vocabulary: list[str] = checkpoint.value("tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in checkpoint.value("tokenizer.ggml.merges")]
    ids = {token: index for index, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=merges, ignore_merges=kind == "llama-bpe"))
    plain = kind in ("gpt-2", "smollm")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [*before[kind], pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=plain)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    kinds = checkpoint.value("tokenizer.ggml.token_type", [])
    control = [token for token, type_ in zip(vocabulary, kinds, strict=False) if type_ == 3]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    return tokenizer


def render_chat(checkpoint: Checkpoint, *turns: str) -> str:
    """Turns of a user and the assistant, one after the other, in the file's own template, the assistant's opened."""
    template = compiled(checkpoint.value("tokenizer.chat_template"))
    messages = [{"role": ("user", "assistant")[i % 2], "content": turn} for i, turn in enumerate(turns)]
    return template.render(messages=messages, add_generation_prompt=True)


@lru_cache(maxsize=4)
def compiled(template: str) -> Template:
    """Compiling takes far longer than rendering."""
    return ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(template)
