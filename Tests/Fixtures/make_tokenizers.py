"""Makes the golden files of the tokenizers' tests with independent implementations.

    python3 -m venv .venv && .venv/bin/pip install -r Tests/Fixtures/requirements.txt
    .venv/bin/python Tests/Fixtures/make_tokenizers.py

tokenizers.jsonl holds the strings, one JSON string a line. Each vocabulary is a GGUF file without tensors: byte-level.gguf
(a BPE trained with the Hugging Face library, whose merges reach across everything that a pre-tokenizer cuts, so that each
cut shows in the ids), spm-*.gguf (trained with SentencePiece). For each rule or model, NAME.ids holds the ids that the
library gives: per string a count and the ids, each uint16.
"""

from __future__ import annotations

import io
import json
import random
import struct
import unicodedata
from collections import Counter
from pathlib import Path

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

HERE = Path(__file__).parent

UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
BEFORE, SPACES = r"[^\r\n\p{L}\p{N}]?", r"\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = rf"{CONTRACTION}|{BEFORE}\p{{L}}+|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{SPACES}"
# The expressions of the models' tokenizer.json: Mistral Nemo, GPT-4o, Qwen 3.5, DeepSeek-V3, GPT-2, SmolLM2, Llama 3 (once
# more without whole pieces, as DBRX has it), Qwen2.
RULES = {
    "tekken": [rf"{BEFORE}{UPPER}*{LOWER}+|{BEFORE}{UPPER}+{LOWER}*|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{SPACES}"],
    "gpt-4o": [
        rf"{BEFORE}{UPPER}*{LOWER}+{CONTRACTION}?|{BEFORE}{UPPER}+{LOWER}*{CONTRACTION}?|\p{{N}}{{1,3}}"
        rf"| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{SPACES}"
    ],
    "qwen35": [
        rf"{CONTRACTION}|{BEFORE}[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{SPACES}"
    ],
    "deepseek-v3": [
        r"\p{N}{1,3}",
        r"[一-龥\u3040-\u309f\u30a0-\u30ff]+",
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
        rf"| ?[\p{{P}}\p{{S}}]+[\r\n]*|{SPACES}",
    ],
    "gpt-2": [GPT2], "smollm": [r"\p{N}", GPT2], "llama-bpe": [LLAMA3], "dbrx": [LLAMA3],
    "qwen2": [LLAMA3.replace("{1,3}", "")],
}  # fmt: skip
WHOLE_PIECES = {"tekken", "llama-bpe"}
# Tokens that no merges make: only a whole piece becomes one.
UNREACHABLE = ["zzyx", " qqj", "ÖÖÖ", " 漢漢", "!?!?!"]


# ------------------------------------------------------------------------------------------------ strings


def is_assigned(character: str) -> bool:
    """Libraries know different Unicode versions, but all know the characters that Python does."""
    return unicodedata.category(character) not in ("Cn", "Cs")


def of_category(*categories: str, below: int = 0x20000) -> list[str]:
    return [chr(code) for code in range(below) if unicodedata.category(chr(code)) in categories]


def contractions() -> list[str]:
    out = []
    for word in ("I", "we", "DON", "Ö", "字", "1", " ", "\u0301", "ǅ", "x\n", ""):
        for ending in ("s", "t", "re", "ve", "m", "ll", "d", "S", "T", "RE", "Re", "rE", "VE", "vE", "M", "LL", "lL", "D", "ſ", "ſt"):
            out += [f"{word}'{ending}", f"{word}'{ending}x", f"{word}’{ending} 'z"]
    return out


def edges() -> list[str]:
    """Where one rule ends and another begins."""
    spaces = [chr(code) for code in [*range(9, 14), 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]]
    out = ["", " ", "  ", "\x00", "a\x00b\x00", "\ufeffBOM", "\u200b", "\u2581", "a\u2581b", "\ufffd", "a\ufffdb", *UNREACHABLE]
    out += [f"x{space}y" for space in spaces] + [f"{space}{space}Word{space}" for space in spaces] + [f"{space}1{space}." for space in spaces]
    ends = ["\n", "\r", "\r\n", "\n\r", "\r\r\n", "\n\n", "/\n", "\n/", "//\r\n/", " \n", "\n ", "\t\r\n\t", " / \n"]
    out += [f"{left}{end}{right}" for end in ends for left in ("a", "!", "1", "é!") for right in ("b", "?", "", "2")]
    out += [f"{left}{right}" for left in ("A", "ab", "1", " ", "!", "\u0301", "字", "ー") for right in ("B\u0301c", "ǅx", "ʰQ", "ªA", "ß", "İI", "ⅷx", "²3", "٣٤٥٦", "०१२३", "ₐ", "ᾈα", "ﬁ", "ﾞa")]
    out += ["\u4dff\u4e00", "\u9fa5\u9fa6字", "\u303f\u3041ぁ", "\u309f\u30a0ァ\u30ff\u3105", "漢1字2かなカナ한글", "々〆〇一二三", "ｶﾅ字", "、。字！", "日本 語\n字 "]
    out += ["\u00ad\u00adx", "\u2060!\u2060", "\ue000\ue001a", "\x01\x02\x03", "\x01\x02 \x7fA", "a\u200d\u200cb", "\U000e0001x", "\x1b[31m!", "\u200e\u200f 1", "\x01é\x01\u0301"]
    out += ["camelCaseWord", "HTTPServerError2xx", "iPhone XRs", "McDONALD'S", "ABCdefGHI", "aB'Sx", "ΑΒγΔε", "ДомДОМдом", "ǅungla ǇUBAV ǋ", "ᏣᎳᎩ ꭰꭱ", "ՀԱՅհայ", "AʰBʷc", "ÅÄÖåäö"]
    for character in ("a", "A", " ", "\n", "1", "!", "é", "字", "\u0301", "👍", "\r\n", "ab", "aB", "'s", "\x00", "\u00a0", " .", "/\n", "0a", "ʰ"):
        out += [character * count for count in (2, 3, 7, 49, 300)]
    return out


def strings(prose: str) -> list[str]:
    rng = random.Random(2)
    out = edges() + contractions()
    words, code = prose.split(), ["self", "return", "else:", "0x1F", "->", "!=", "    ", "\t", "\n", "//", "/*", "{", "}", "();", "i++", "fooBar", "SNAKE_CASE", "#define", "http://", "</a>"]  # fmt: skip
    scripts = ["のはがをに漢字東京語ー", "العربيةمنفي", "한국어입니다", "приветМИР", "ελληΝΙΚΆ", "ไทยภาษาที่", "हिन्दीमें", "עבריתשָׁלוֹם", "tiếngViệt", "ქართული", "தமிழ்"]
    letters = {name: of_category(name) for name in ("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Cf", "Co", "Zs", "Sk", "Sc", "Sm", "So", "Pc", "Pd", "Po", "Ps", "Pe", "Pi", "Pf")}
    latin = [chr(code) for code in range(256)]
    emoji = ["👍🏽", "👩‍💻", "🇫🇷", "🧑🏿‍🚀", "❤️", "☕", "🏴‍☠️", "1️⃣", "🙂"]
    spaces = [" ", " ", "  ", "\n", "\t", "\r\n", "\r", "\u00a0", "\u2003", "\u3000", "\v", "\x85"]
    while len(out) < 3300:
        kind, n = rng.randrange(9), rng.randrange(1, 13)
        if kind == 0:
            start = rng.randrange(len(words) - 30)
            parts = [" ".join(words[start : start + n])]
        elif kind == 1:
            parts = [rng.choice(code + words[:300]) + rng.choice(["", " ", "\n"]) for _ in range(n)]
        elif kind == 2:
            parts = [rng.choice(["", " ", ",", ".", "-", "e"]) + str(rng.randrange(10 ** rng.randrange(1, 9))) for _ in range(n)]
        elif kind == 3:
            parts = ["".join(rng.choices(rng.choice(scripts), k=rng.randrange(1, 6))) + rng.choice(["", " ", "。", "1"]) for _ in range(n)]
        elif kind == 4:
            parts = [rng.choice([*emoji, " ", "ok", "'s", rng.choice(words)]) for _ in range(n)]
        elif kind == 5:
            parts = [rng.choice(letters[rng.choice(list(letters))]) for _ in range(2 * n)]
        elif kind == 6:
            parts = [rng.choice(letters[rng.choice(["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Nd", "Po", "Zs"])]) for _ in range(2 * n)]
        elif kind == 7:
            parts = [rng.choice(spaces) + rng.choice(["", "x", "Word", "7", "'", ".", "'RE", "é", "'ll", "HTTPGet", "/"]) for _ in range(n)]
        else:
            parts = [rng.choice(latin) for _ in range(2 * n)]
        text = "".join(parts)
        if all(map(is_assigned, text)):
            out.append(text)
    return out


# ------------------------------------------------------------------------------------------------ vocabularies


def write_ids(name: str, rows: list[list[int]]) -> None:
    with (HERE / f"{name}.ids").open("wb") as file:
        for ids in rows:
            file.write(struct.pack(f"<{len(ids) + 1}H", len(ids), *ids))


def write_vocabulary(name: str, model: str, tokens: list[str], kinds: list[int], add: dict[str, object]) -> None:
    writer = gguf.GGUFWriter(HERE / f"{name}.gguf", "llama")
    writer.add_tokenizer_model(model)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    for key, value in add.items():
        getattr(writer, f"add_{key}")(value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make_byte_level(corpus: list[str], texts: list[str]) -> None:
    tok = Tokenizer(models.BPE())
    whole = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"(?m:.{1,9})"), "isolated"), whole])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tok.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=4000, initial_alphabet=alphabet, show_progress=False))
    model = json.loads(tok.to_str())["model"]
    vocabulary = model["vocab"]
    for text in UNREACHABLE:
        vocabulary["".join(piece for piece, _ in whole.pre_tokenize_str(text))] = len(vocabulary)
    merges = [tuple(merge) for merge in model["merges"]]
    kinds = [gguf.TokenType.NORMAL] * len(vocabulary)
    write_vocabulary(
        "byte-level", "gpt2", sorted(vocabulary, key=vocabulary.get), kinds,
        {"tokenizer_pre": "tekken", "token_merges": [" ".join(merge) for merge in merges]},
    )  # fmt: skip
    for name, rules in RULES.items():
        tok = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=name in WHOLE_PIECES))
        splits = [pre_tokenizers.Split(Regex(rule), "isolated") for rule in rules]
        tok.pre_tokenizer = pre_tokenizers.Sequence([*splits, whole])
        write_ids(name, [tok.encode(text).ids for text in texts])


def make_sentencepiece(name: str, corpus: list[str], texts: list[str], ties: int = 1, **options: object) -> None:
    """With `ties`, so many tokens in a row have one score."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=model, model_type="bpe", normalization_rule_name="identity",
        remove_extra_whitespaces=False, num_threads=1, minloglevel=2, character_coverage=0.995, **options,
    )  # fmt: skip
    proto = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    for piece in proto.pieces:
        piece.score = -float(-piece.score // ties)
    sp = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())
    kinds, tokens = [], [sp.id_to_piece(id) for id in range(sp.get_piece_size())]
    user_defined = set(options.get("user_defined_symbols", []))
    for id, token in enumerate(tokens):
        if sp.is_unknown(id):
            kinds.append(gguf.TokenType.UNKNOWN)
        elif sp.is_control(id):
            kinds.append(gguf.TokenType.CONTROL)
        elif sp.is_byte(id):
            kinds.append(gguf.TokenType.BYTE)
        elif token in user_defined:
            kinds.append(gguf.TokenType.USER_DEFINED)
            tokens[id] = token.replace("\u2581", " ")  # As llama.cpp's converter writes them.
        else:
            kinds.append(gguf.TokenType.NORMAL)
    scores = [sp.get_score(id) for id in range(len(tokens))]
    prefix = bool(options.get("add_dummy_prefix", True))
    write_vocabulary(name, "llama", tokens, kinds, {"token_scores": scores, "add_space_prefix": prefix})
    write_ids(name, [sp.encode(text) for text in texts])


if __name__ == "__main__":
    fixture_prose = (HERE / "prose.txt").read_text()
    fixture_strings = strings(fixture_prose)
    assert len(fixture_strings) > 3000
    with (HERE / "tokenizers.jsonl").open("w") as file:
        for line in fixture_strings:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    paragraphs = fixture_prose.split("\n\n")
    training = paragraphs + [text.replace("\x00", "") for text in fixture_strings]
    make_byte_level(training, fixture_strings)
    # Rare characters are left out, so that they need bytes or are unknown.
    counts = Counter("".join(training))
    frequent = [text for text in training if all(counts[character] > 5 for character in text)]
    make_sentencepiece("spm-llama", frequent, fixture_strings, vocab_size=2600, byte_fallback=True, split_digits=True)
    make_sentencepiece(
        "spm-gemma", frequent, fixture_strings, vocab_size=2800, byte_fallback=True, add_dummy_prefix=False,
        user_defined_symbols=["\n", "\n\n", "\n\n\n", "▁▁", "▁▁▁", "▁▁▁▁", "<table>", "</a>", "\t", "HTTP", "<unused0>"],
    )  # fmt: skip
    make_sentencepiece("spm-plain", frequent, fixture_strings, vocab_size=2400, split_by_whitespace=False, split_by_number=False)
    make_sentencepiece("spm-ties", frequent, fixture_strings, ties=400, vocab_size=2000, byte_fallback=True)
