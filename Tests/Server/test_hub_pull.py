"""Fetching models: which files, where to, and what is used afterwards."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hub_place import PARTS, TINY, TOKEN, noise
from hub_server import COMMIT, Fault, File, Repository
from huggingface_hub import HfApi, hf_hub_download

QUANTS = {f"Tiny-{quant}.gguf": noise(5000, seed) for seed, quant in enumerate(["Q2_K", "Q4_0", "Q4_K_M", "Q8_0"])}
OTHERS = {"README.md": File(b"# Tiny", large=False), "mmproj-Tiny-F16.gguf": noise(10), "imatrix.gguf": noise(10)}


@pytest.mark.parametrize(
    ("names", "quant", "taken"),
    [
        (list(QUANTS), "", "Tiny-Q4_K_M.gguf"),
        (["Tiny-Q2_K.gguf", "Tiny-Q8_0.gguf", "Tiny-Q4_0.gguf"], "", "Tiny-Q4_0.gguf"),
        (["Tiny-Q2_K.gguf", "Tiny-Q8_0.gguf"], "", "Tiny-Q8_0.gguf"),
        (["Tiny-Q2_K.gguf"], "", "Tiny-Q2_K.gguf"),
        (list(QUANTS), ":q2_k", "Tiny-Q2_K.gguf"),
        (list(QUANTS), ":tiny-Q8_0", "Tiny-Q8_0.gguf"),
        (list(QUANTS), ":Tiny-Q8_0.gguf", "Tiny-Q8_0.gguf"),
    ],
)
def test_the_quantization_that_is_named_is_taken_else_a_usual_one(hub, place, names, quant, taken):
    hub.add("owner/Tiny-GGUF", OTHERS | {name: QUANTS[name] for name in names})
    output, log = place.run("pull", f"owner/Tiny-GGUF{quant}")
    path = place.path(f"owner/Tiny-GGUF/{taken}")
    assert output == f"{path}\n" and path.read_bytes() == QUANTS[taken]
    assert log.startswith(f"fetching {taken}, 5.0 kB\n") and f"{taken} is here, 5.0 kB\n" in log
    assert place.files() == [f"owner/Tiny-GGUF/{taken}", f"owner/Tiny-GGUF/{taken}.json"]
    record = json.loads(path.with_name(f"{taken}.json").read_text())
    digest = hashlib.sha256(QUANTS[taken]).hexdigest()
    expected = {"repository": "owner/Tiny-GGUF", "revision": COMMIT, "sha256": digest, "size": 5000}
    assert record == expected | {"etag": f'"{digest}"'}
    assert f"/resolve/{COMMIT}/" in next(r.path for r in hub.requests if r.method == "GET" and "resolve" in r.path)


def test_an_end_to_end_run_needs_no_network_afterwards(hub, place):
    hub.add("owner/Tiny-GGUF", {"Tiny-Q4_0.gguf": TINY, "Tiny-Q8_0.gguf": TINY})
    text, log = place.run("-m", "owner/Tiny-GGUF:Q4_0", "Hello", "-n", "3")
    assert text and "fetching Tiny-Q4_0.gguf" in log and "answer       3 tokens" in log
    hub.close()
    offline = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    for name in ("owner/Tiny-GGUF:Q4_0", "owner/Tiny-GGUF:q4_0", "owner/Tiny-GGUF"):
        assert place.run("-m", name, "Hello", "-n", "3", "-q", **offline) == (text, "")
        assert place.run("Hello", "-n", "3", "-q", SPECULATE_MODEL=name, **offline) == (text, "")
    assert "architecture qwen3" in place.run("inspect", "owner/Tiny-GGUF", **offline)[0]
    path = str(place.path("owner/Tiny-GGUF/Tiny-Q4_0.gguf"))
    assert place.run("-m", path, "Hello", "-n", "3", "-q", **offline) == (text, "")
    log = place.run("-m", "owner/Tiny-GGUF:Q8_0", "Hello", status=1, HF_HUB_OFFLINE="1", **offline)[1]
    assert "owner/Tiny-GGUF:Q8_0 is to be fetched" in log and "HF_HUB_OFFLINE is set" in log


def test_a_file_of_that_name_goes_before_a_repository(hub, place, tmp_path):
    (tmp_path / "owner").mkdir()
    (tmp_path / "owner/Tiny").write_bytes(TINY)
    place.run("-m", str(tmp_path / "owner/Tiny"), "Hello", "-n", "2", "-q")
    # What is a path and no repository is missing, not looked for.
    for name in ("/nowhere/x.gguf", "owner/none.gguf", "./owner/none", "a/b/c"):
        assert "No such file" in place.run("-m", name, "Hello", status=66)[1]
    assert not hub.requests


def test_all_parts_of_a_split_model_are_fetched(hub, place):
    parts = {f"Q4_K_M/Big-Q4_K_M-0000{i}-of-00003.gguf": noise(4000, i) for i in (3, 1, 2)}
    hub.add("owner/Big-GGUF", parts | {"Big-Q8_0.gguf": noise(10), "Big-Q2_K-00001-of-00002.gguf": noise(10)})
    output, _ = place.run("pull", "owner/Big-GGUF")
    assert output == f"{place.path('owner/Big-GGUF/Q4_K_M/Big-Q4_K_M-00001-of-00003.gguf')}\n"
    for name, data in parts.items():
        assert place.path(f"owner/Big-GGUF/{name}").read_bytes() == data
    assert "has 1 of the 2 parts of Big-Q2_K" in place.pull("owner/Big-GGUF:Q2_K", status=66)
    listed = json.loads(place.run("models", "--json")[0])["models"]
    assert [(model["name"], model["bytes"], len(model["files"])) for model in listed] == [
        ("owner/Big-GGUF:Q4_K_M", 12000, 3)
    ]
    place.path("owner/Big-GGUF/Q4_K_M/Big-Q4_K_M-00002-of-00003.gguf").unlink()
    assert "interrupted" in place.run("models")[0]
    assert "Big-Q4_K_M-00002-of-00003.gguf is here" in place.run("-m", "owner/Big-GGUF", "x", status=65)[1]


def test_a_split_model_runs_as_the_whole_one_does(hub, place):
    parts = {f"Q8_0/{name.replace('tiny-qwen3', 'Tiny-Q8_0')}": data for name, data in PARTS.items()}
    hub.add("owner/Tiny-GGUF", {"Tiny-Q4_0.gguf": TINY} | parts)
    prompt = ("the the", "-n", "20", "-q")
    text = place.run("-m", "owner/Tiny-GGUF:Q4_0", *prompt)[0]
    assert len(parts) == 3 and len(text) > 10
    assert place.run("-m", "owner/Tiny-GGUF:Q8_0", *prompt)[0] == text
    requests = len(hub.requests)
    first = place.path("owner/Tiny-GGUF/Q8_0/Tiny-Q8_0-00001-of-00003.gguf")
    assert place.run("-m", str(first), *prompt)[0] == text
    for name in (str(first), "owner/Tiny-GGUF:Q8_0"):
        assert "0.21 MB in 3 files, architecture qwen3" in place.run("inspect", name)[0]
    assert len(hub.requests) == requests
    second = first.with_name("Tiny-Q8_0-00002-of-00003.gguf")
    assert f"part 2 of 3 of a model, expected the first, {first}" in place.run("-m", str(second), "x", status=65)[1]
    second.unlink()
    assert f"{second}: No such file" in place.run("inspect", str(first), status=66)[1]
    # What is not whole is fetched again.
    assert place.run("-m", "owner/Tiny-GGUF:Q8_0", *prompt)[0] == text and second.exists()


@pytest.mark.parametrize(
    ("model", "drafter"),
    [
        ("Tiny2.5-1B-Q4_0.gguf", "Tiny2.5-1B.drafter.gguf"),
        ("Tiny2.5-1B.Q4_0.gguf", "Tiny2.5-1B.Q4_0.drafter.gguf"),
        ("Tiny.Q4_0.gguf", "Tiny.drafter.gguf"),
        ("Q4_0/Tiny-Q4_0.gguf", "Tiny.drafter.gguf"),
    ],
)
def test_a_drafter_of_the_same_name_comes_with_the_model(hub, place, model, drafter):
    files = {model: TINY, drafter: noise(3000), "Other.drafter.gguf": noise(10)}
    hub.add("owner/Tiny-GGUF", files)
    place.pull("owner/Tiny-GGUF")
    beside = place.path(f"owner/Tiny-GGUF/{model}").with_name(drafter)
    assert beside.read_bytes() == files[drafter] and not list(place.models.rglob("Other*"))
    # It is found by itself, and is not one.
    assert drafter in place.run("-m", "owner/Tiny-GGUF", "Hello", status=65)[1]
    assert "with a drafter" in place.run("models")[0]


def test_a_pull_of_what_is_here_fetches_what_is_new(hub, place):
    repository = hub.add("owner/Tiny-GGUF", {"Tiny-Q4_0.gguf": noise(5000)})
    place.pull("owner/Tiny-GGUF")
    assert "Tiny-Q4_0.gguf was here already" in place.pull("owner/Tiny-GGUF")
    place.path("owner/Tiny-GGUF/Tiny-Q4_0.gguf.json").unlink()  # A file that was copied here is read instead.
    assert "reading what is here" in place.pull("owner/Tiny-GGUF")
    assert "was here already" in place.pull("owner/Tiny-GGUF") and len(hub.gets("Tiny-Q4_0.gguf")) == 1
    repository.files["Tiny-Q4_0.gguf"] = File(noise(5000, 2))
    repository.commit = "f" * 40
    place.pull("owner/Tiny-GGUF")
    assert place.path("owner/Tiny-GGUF/Tiny-Q4_0.gguf").read_bytes() == noise(5000, 2)
    assert json.loads(place.path("owner/Tiny-GGUF/Tiny-Q4_0.gguf.json").read_text())["revision"] == "f" * 40


def test_a_small_file_that_git_keeps_is_checked_by_gits_own_sum(hub, place):
    hub.add("owner/Tiny-GGUF", {"Tiny-Q4_0.gguf": File(noise(5000), large=False)})
    place.pull("owner/Tiny-GGUF")
    record = json.loads(place.path("owner/Tiny-GGUF/Tiny-Q4_0.gguf.json").read_text())
    assert record["sha256"] == hashlib.sha256(noise(5000)).hexdigest() and len(record["etag"]) == 42
    assert "was here already" in place.pull("owner/Tiny-GGUF")


def test_a_mirror_that_only_redirects_and_a_repository_that_has_moved(hub, place):
    hub.add("owner/Tiny-GGUF", {"Tiny-Q4_0.gguf": noise(5000)})
    hub.moved["before/Tiny-GGUF"] = "owner/Tiny-GGUF"
    place.pull("before/Tiny-GGUF")
    hub.is_plain = True
    hub.repositories["owner/Tiny-GGUF"].files["Tiny-Q4_0.gguf"] = File(noise(6000))
    place.pull("owner/Tiny-GGUF", HF_ENDPOINT=hub.url + "/")
    assert place.path("owner/Tiny-GGUF/Tiny-Q4_0.gguf").read_bytes() == noise(6000)


def test_the_token_goes_to_the_hub_alone_and_is_shown_to_nobody(hub, place):
    repository: Repository = hub.add("owner/Tiny-GGUF", {"Tiny-Q4_0.gguf": noise(5000)})
    repository.token = TOKEN
    place.pull("owner/Tiny-GGUF", HF_TOKEN=f" {TOKEN}\n")
    for folder, setting in [
        ("huggingface", {"XDG_CACHE_HOME": ""}),
        ("elsewhere", {"HF_HOME": str(place.home / "elsewhere")}),
    ]:
        path = place.home / (".cache/huggingface" if folder == "huggingface" else folder) / "token"
        path.parent.mkdir(parents=True)
        path.write_text(TOKEN + "\n")
        place.path("owner/Tiny-GGUF/Tiny-Q4_0.gguf").unlink(missing_ok=True)
        place.pull("owner/Tiny-GGUF", **setting)
    assert (place.home / ".cache/speculate/models/owner/Tiny-GGUF/Tiny-Q4_0.gguf").exists()
    assert {r.headers.get("authorization") for r in hub.requests if not r.on_cdn} == {f"Bearer {TOKEN}"}
    on_cdn = [r for r in hub.requests if r.on_cdn]
    assert len(on_cdn) == 3 and not any("authorization" in r.headers for r in on_cdn)
    assert "has characters that no token has" in place.pull("owner/Tiny-GGUF", status=64, HF_TOKEN="two words\nX: y")
    for path in place.home.rglob("*"):
        assert path.name == "token" or path.is_dir() or TOKEN.encode() not in path.read_bytes()


def test_the_hubs_own_client_understands_these_tests_hub(hub, place, monkeypatch):
    """What is learnt from it here holds for the real one as far as this client knows that."""
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    hub.add("owner/Tiny-GGUF", {"a/Tiny-Q4_0.gguf": noise(300_000), "README.md": File(b"# Tiny", large=False)})
    hub.page = 1
    listed = HfApi(endpoint=hub.url).list_repo_files("owner/Tiny-GGUF")
    assert sorted(listed) == ["README.md", "a/Tiny-Q4_0.gguf"]
    for path, data in [("a/Tiny-Q4_0.gguf", noise(300_000)), ("README.md", b"# Tiny")]:
        hub.fail(f"get {path}", Fault(cut=len(data) // 2))
        found = hf_hub_download("owner/Tiny-GGUF", path, endpoint=hub.url, cache_dir=place.home / "theirs")
        assert Path(found).read_bytes() == data and COMMIT in found
    place.pull("owner/Tiny-GGUF")
    assert place.path("owner/Tiny-GGUF/a/Tiny-Q4_0.gguf").read_bytes() == noise(300_000)
