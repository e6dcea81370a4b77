"""Makes tiny models of random weights, one or more per family, and their logits by `transformers` in float32.

    .venv/bin/python Tests/Fixtures/make_families.py [NAME ...]

Without names all of them, as make.py does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, GraniteConfig, GraniteForCausalLM, Ministral3Config
from transformers import Ministral3ForCausalLM, Olmo2Config, Olmo2ForCausalLM, Olmo3Config, Olmo3ForCausalLM
from transformers import Phi3Config, Phi3ForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM, SmolLM3Config, SmolLM3ForCausalLM

HERE = Path(__file__).parent
# Families whose files rotate neighbours, with queries and keys permuted for it.
INTERLEAVED = {"llama", "smollm3", "granite", "mistral3"}
SHAPE = dict(
    vocab_size=260, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, head_dim=32, max_position_embeddings=512, tie_word_embeddings=True,
)  # fmt: skip
ROPE = {"rope_type": "default", "rope_theta": 1000000.0}

def permute(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """From rotating halves (Hugging Face) to rotating neighbours (a `llama` GGUF)."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm", "mlp.gate": "ffn_gate_inp", "mlp.experts.gate": "ffn_gate_exps",
    "mlp.experts.up": "ffn_up_exps", "mlp.experts.down": "ffn_down_exps",
}  # fmt: skip
# Families with norms behind each branch.
BEHIND = {"post_attention_layernorm": "post_attention_norm", "post_feedforward_layernorm": "post_ffw_norm"}


def write(
    name: str, architecture: str, model: torch.nn.Module, factors: dict[str, np.ndarray] | None = None, *, tokens: int = 48,
    keys: dict[str, object] | None = None, names: dict[str, str] | None = None, norm_offset: float = 0, split: int = 0,
    start: int = 0,
) -> None:  # fmt: skip
    """A random model of the architecture, as float16, and its logits for some tokens, as float32.

    `keys`: metadata below the architecture's name. `norm_offset`: what the model adds to its norms, and files hold.
    `split`: it is written once more, in files of at most so many tensors. `start`: logits are written once more, of a text
    of the first so many tokens.
    """
    model.eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            parameter.uniform_(-0.25, 0.25) if "norm" not in key else parameter.uniform_(0.5, 1.5)
            parameter.copy_(parameter.half().float())
    for tensors in {0, split}:
        write_files(name, architecture, model, factors or {}, keys or {}, NAMES | (names or {}), norm_offset, tensors)
    ids = [(index * 37 + 11) % 258 for index in range(tokens)]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    (HERE / f"{name}.logits").write_bytes(logits.numpy().astype("<f4").tobytes())
    if start:
        with torch.no_grad():
            logits = model(torch.tensor([ids[:start]])).logits[0]
        (HERE / f"{name}-start.logits").write_bytes(logits.numpy().astype("<f4").tobytes())


def weights(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """The parameters as files have them: gate and up of experts apart."""
    for key, parameter in model.named_parameters():
        if key.endswith("experts.gate_up_proj"):
            for part, weight in zip(("gate", "up"), parameter.detach().chunk(2, dim=1), strict=True):
                yield key.replace("gate_up_proj", f"{part}.weight"), weight.contiguous()
        else:
            yield key.replace("experts.down_proj", "experts.down.weight"), parameter.detach()


def write_files(
    name: str, architecture: str, model: torch.nn.Module, factors: dict[str, np.ndarray], keys: dict[str, object],
    names: dict[str, str], norm_offset: float, split: int,
) -> None:  # fmt: skip
    """The model's file, or its files of at most `split` tensors."""
    config = model.config
    writer = gguf.GGUFWriter(HERE / f"{name}.gguf", architecture, split_max_tensors=split)
    # llama.cpp looks for tokens of Phi-3's own vocabulary where the name has "phi3" or "phi-3" in it.
    writer.add_name(name.replace("phi3", "longrope"))
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(512)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_dimension_count(keys.get("rope.dimension_count", head))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    rope = config.rope_parameters.get("full_attention", config.rope_parameters)
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    for key, value in keys.items():
        if key == "rope.dimension_count":
            continue
        add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
        (writer.add_array if isinstance(value, list) else add[type(value)])(f"{architecture}.{key}", value)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe" if architecture == "llama" else "qwen2")
    writer.add_token_list(alphabet + ["Ġt", "he", "<|end|>", "<|im_end|>"])
    writer.add_token_types([gguf.TokenType.NORMAL] * 258 + [gguf.TokenType.CONTROL] * 2)
    writer.add_token_merges(["Ġ t", "h e"])
    writer.add_eos_token_id(259)
    for key, weight in weights(model):
        stem, suffix = key.rsplit(".", 1)
        parts = stem.split(".")
        tensor = names[stem] if stem in names else f"blk.{parts[2]}.{names['.'.join(parts[3:])]}"
        if architecture in INTERLEAVED and tensor.endswith(("attn_q", "attn_k")):
            heads = config.num_attention_heads if tensor.endswith("q") else config.num_key_value_heads
            weight = permute(weight, heads)
        data = weight.numpy() + (norm_offset if "norm" in tensor else 0)
        half = data.ndim > 1 and not tensor.endswith("ffn_gate_inp")
        writer.add_tensor(f"{tensor}.{suffix}", data.astype(np.float16 if half else np.float32))
    for tensor, values in factors.items():
        writer.add_tensor(tensor, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# ------------------------------------------------------------------------------------------------ families


def llama3(name: str) -> None:
    scaling = {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    scaling["original_max_position_embeddings"] = 64
    model = LlamaForCausalLM(LlamaConfig(**SHAPE, rope_parameters=scaling))
    plain = 1.0 / 500000.0 ** (np.arange(0, 32, 2) / 32)
    write(name, "llama", model, {"rope_freqs.weight": plain / model.model.rotary_emb.inv_freq.numpy()})


def linear(name: str) -> None:
    scaling = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}
    write(name, "llama", LlamaForCausalLM(LlamaConfig(**SHAPE, rope_parameters=scaling)))


def qwen2(name: str) -> None:
    shape = {key: value for key, value in SHAPE.items() if key != "head_dim"}
    shape |= {"hidden_size": 128, "tie_word_embeddings": False}
    write(name, "qwen2", Qwen2ForCausalLM(Qwen2Config(**shape, rope_parameters=ROPE)))


def qwen3(name: str) -> None:
    write(name, "qwen3", Qwen3ForCausalLM(Qwen3Config(**SHAPE, rope_parameters=ROPE)), split=9)


def qwen3moe(name: str) -> None:
    torch.manual_seed(6)
    experts = dict(num_experts=12, num_experts_per_tok=3, moe_intermediate_size=32, norm_topk_prob=True)
    model = Qwen3MoeForCausalLM(Qwen3MoeConfig(**SHAPE, **experts, rope_parameters=ROPE))
    leads: list[float] = []

    def route(_module: torch.nn.Module, _inputs: object, outputs: tuple[torch.Tensor, ...]) -> None:
        scores = outputs[0].sort(dim=-1, descending=True).values
        leads.append((scores[:, 2] - scores[:, 3]).min().item())

    for layer in model.model.layers:
        layer.mlp.gate.register_forward_hook(route)
    keys = {"expert_count": 12, "expert_used_count": 3, "expert_feed_forward_length": 32}
    write(name, "qwen3moe", model, keys=keys)
    # Rounding keys and values to 16 bits must not choose another expert.
    assert len(leads) == 2 and min(leads) > 0.01, leads


def smollm3(name: str) -> None:
    # Four layers, of which the last knows nothing of positions.
    config = SmolLM3Config(**SHAPE | {"num_hidden_layers": 4}, rope_parameters=ROPE, pad_token_id=0)
    config.head_dim = 32
    write(name, "smollm3", SmolLM3ForCausalLM(config))


def gemma3(name: str) -> None:
    # Two layers in three see 64 tokens back; the third sees all, with positions scaled.
    layers = ["sliding_attention", "sliding_attention", "full_attention"]
    rope = {"sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}
    rope["full_attention"] = {"rope_type": "linear", "rope_theta": 1000000.0, "factor": 8.0}
    shape = SHAPE | {"num_hidden_layers": 3, "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 32}
    config = Gemma3TextConfig(**shape, sliding_window=64, layer_types=layers, rope_parameters=rope)
    keys = {"attention.sliding_window": 64, "attention.sliding_window_pattern": 3, "rope.freq_base_swa": 10000.0}
    names = BEHIND | {"pre_feedforward_layernorm": "ffn_norm"}
    write(name, "gemma3", Gemma3ForCausalLM(config), tokens=150, keys=keys, names=names, norm_offset=1)


def granite(name: str) -> None:
    scales = dict(embedding_multiplier=12.0, attention_multiplier=0.125, residual_multiplier=0.22, logits_scaling=8.0)
    shape = SHAPE | {"hidden_size": 128}
    del shape["head_dim"]
    config = GraniteConfig(**shape, **scales, rope_parameters=ROPE, attention_bias=True, mlp_bias=True)
    keys = {"embedding_scale": 12.0, "attention.scale": 0.125, "residual_scale": 0.22, "logit_scale": 8.0}
    write(name, "granite", GraniteForCausalLM(config), keys=keys)


def olmo2(name: str) -> None:
    shape = SHAPE | {"hidden_size": 128, "tie_word_embeddings": False}
    del shape["head_dim"]
    write(name, "olmo2", Olmo2ForCausalLM(Olmo2Config(**shape, rope_parameters=ROPE)), names=BEHIND)


def olmo3(name: str) -> None:
    shape = SHAPE | {"hidden_size": 128, "tie_word_embeddings": False}
    del shape["head_dim"]
    layers = ["sliding_attention", "full_attention"]
    # As in Olmo-3-7B, but for the length that it was trained with first; layers with a window rotate without scaling.
    yarn = {
        "rope_type": "yarn", "rope_theta": 500000.0, "factor": 8.0, "original_max_position_embeddings": 32,
        "attention_factor": 1.2079441541679836, "beta_fast": 32.0, "beta_slow": 1.0,
    }  # fmt: skip
    rope = {"full_attention": yarn, "sliding_attention": {"rope_type": "default", "rope_theta": 500000.0}}
    config = Olmo3Config(**shape, sliding_window=64, layer_types=layers, rope_parameters=rope)
    keys: dict[str, object] = {"attention.sliding_window": 64, "attention.sliding_window_pattern": [True, False]}
    scaling = {"type": "yarn", "factor": 8.0, "original_context_length": 32, "yarn_attn_factor": yarn["attention_factor"]}
    keys |= {f"rope.scaling.{key}": value for key, value in scaling.items()}
    write(name, "olmo2", Olmo3ForCausalLM(config), tokens=150, keys=keys, names=BEHIND)


def phi3(name: str, original: int = 32) -> None:
    rope = {
        "rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": original,
        "short_factor": [1.0 + 0.05 * i for i in range(12)], "long_factor": [1.0 + 0.7 * i for i in range(12)],
        "partial_rotary_factor": 0.75, "attention_factor": 1.19,
    }  # fmt: skip
    shape = SHAPE | {"hidden_size": 128, "tie_word_embeddings": False}
    del shape["head_dim"]
    more = {"original_max_position_embeddings": original, "pad_token_id": 0, "partial_rotary_factor": 0.75}
    config = Phi3Config(**shape, rope_parameters=rope, **more)
    keys: dict[str, object] = {"rope.scaling.attn_factor": 1.19, "rope.scaling.original_context_length": original}
    keys |= {"rope.dimension_count": 24, "attention.sliding_window": 2047}
    names = {"self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"}
    tensors = {f"rope_factors_{kind}.weight": np.array(rope[f"{kind}_factor"]) for kind in ("short", "long")}
    # Texts of at most the original length rotate by the short factors.
    write(name, "phi3", Phi3ForCausalLM(config), tensors, keys=keys, names=names, start=original if original < 48 else 0)


def phi3_short(name: str) -> None:
    phi3(name, original=1024)


def mistral3(name: str) -> None:
    yarn = {
        "rope_type": "yarn", "rope_theta": 1000000.0, "factor": 16.0, "original_max_position_embeddings": 32,
        "beta_fast": 32.0, "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1,
    }  # fmt: skip
    config = Ministral3Config(**SHAPE, rope_parameters=yarn)
    keys = {
        "rope.scaling.type": "yarn", "rope.scaling.factor": 16.0, "rope.scaling.original_context_length": 32,
        "rope.scaling.yarn_beta_fast": 32.0, "rope.scaling.yarn_beta_slow": 1.0,
        "rope.scaling.yarn_log_multiplier": 1.0, "attention.temperature_scale": 0.1,
    }  # fmt: skip
    write(name, "mistral3", Ministral3ForCausalLM(config), tokens=100, keys=keys)


MODELS: dict[str, Callable[[str], None]] = {
    "tiny-llama3": llama3,
    "tiny-linear": linear,
    "tiny-qwen2": qwen2,
    "tiny-qwen3": qwen3,
    "tiny-smollm3": smollm3,
    "tiny-gemma3": gemma3,
    "tiny-granite": granite,
    "tiny-olmo2": olmo2,
    "tiny-olmo3": olmo3,
    "tiny-mistral3": mistral3,
    "tiny-phi3": phi3,
    "tiny-phi3-short": phi3_short,
    "tiny-qwen3moe": qwen3moe,
}


def make(names: list[str] | None = None) -> None:
    for index, (name, model) in enumerate(MODELS.items()):
        # The first four share one sequence of random numbers; a drafter's fixture was made for the last of them.
        if index not in range(1, 4):
            torch.manual_seed(1 + index)
        if not names or name in names or index < 4:
            model(name)


if __name__ == "__main__":
    make(sys.argv[1:])
