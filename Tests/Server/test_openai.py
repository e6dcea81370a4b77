"""OpenAI's own client, unchanged."""

from __future__ import annotations

import asyncio
import math

import openai
import pytest
from conftest import NAME, Server

ASK = [{"role": "system", "content": "You answer briefly."}, {"role": "user", "content": "Name three fruits."}]


def chat(client: openai.OpenAI, **more):
    return client.chat.completions.create(
        **({"model": NAME, "messages": ASK, "temperature": 0, "max_tokens": 40} | more)
    )


def text(client: openai.OpenAI, prompt="The best way to learn a language is", **more):
    return client.completions.create(**({"model": NAME, "prompt": prompt, "temperature": 0, "max_tokens": 30} | more))


def test_models(client):
    assert [model.id for model in client.models.list()] == [NAME]
    assert client.models.retrieve(NAME).object == "model"
    with pytest.raises(openai.NotFoundError, match="'other' does not exist"):
        client.models.retrieve("other")


def test_chat(client):
    answer = chat(client)
    assert answer.object == "chat.completion" and answer.model == NAME and len(answer.choices) == 1
    message = answer.choices[0].message
    assert message.role == "assistant" and message.content
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert 0 < usage.completion_tokens <= 40
    details = usage.completion_tokens_details
    assert 0 <= details.accepted_prediction_tokens <= usage.completion_tokens
    assert details.rejected_prediction_tokens >= 0
    parts = [{"type": "text", "text": "Name three "}, {"type": "text", "text": "fruits."}]
    again = chat(
        client, messages=[{"role": "developer", "content": ASK[0]["content"]}, {"role": "user", "content": parts}]
    )
    assert again.choices[0].message.content == message.content
    assert again.usage.prompt_tokens_details.cached_tokens == usage.prompt_tokens - 1


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.8, "seed": 7}, {"stop": ["\n", "3."]}, {"max_tokens": 1}])
def test_streamed_chat_is_the_whole_one(client, settings):
    whole = chat(client, **settings)
    chunks = list(chat(client, stream=True, stream_options={"include_usage": True}, **settings))
    assert all(chunk.object == "chat.completion.chunk" and chunk.id == chunks[0].id for chunk in chunks)
    assert chunks[0].choices[0].delta.role == "assistant"
    parts = [chunk.choices[0] for chunk in chunks[:-1]]
    assert "".join(part.delta.content or "" for part in parts) == whole.choices[0].message.content
    assert [part.finish_reason for part in parts] == [None] * (len(parts) - 1) + [whole.choices[0].finish_reason]
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_text(client):
    answer = text(client)
    assert answer.object == "text_completion" and answer.choices[0].text
    assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 30
    assert len(text(client, max_tokens=None).choices[0].text) > 0
    streamed = "".join(chunk.choices[0].text for chunk in text(client, stream=True))
    assert streamed == answer.choices[0].text


def test_several_prompts_and_choices(client):
    alone = [
        text(client, prompt, temperature=0.7, seed=seed).choices[0].text
        for prompt in ["One,", "Two,"]
        for seed in [5, 6]
    ]
    together = text(client, ["One,", "Two,"], temperature=0.7, seed=5, n=2)
    assert [choice.index for choice in together.choices] == [0, 1, 2, 3]
    assert [choice.text for choice in together.choices] == alone
    assert together.usage.completion_tokens == 120
    texts = [""] * 4
    for chunk in text(client, ["One,", "Two,"], temperature=0.7, seed=5, n=2, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == alone
    tokens = text(client, [504, 2004, 967], logprobs=0)
    assert tokens.usage.prompt_tokens == 3
    assert text(client, [[504, 2004, 967], [504]]).choices[0].text == tokens.choices[0].text


def test_stop(client):
    whole = text(client).choices[0].text
    stop = whole.split()[4]
    cut = text(client, stop=stop)
    assert cut.choices[0].text == whole[: whole.index(stop)] and cut.choices[0].finish_reason == "stop"
    assert text(client, stop=["zzz", stop]).choices[0].text == cut.choices[0].text


def test_sampling(client):
    hot = [text(client, temperature=1.2, seed=seed).choices[0].text for seed in [1, 1, 2]]
    assert hot[0] == hot[1] != hot[2]
    assert text(client, temperature=2, top_p=0, seed=3).choices[0].text == text(client).choices[0].text
    token = text(client, logprobs=1, max_tokens=1)
    biased = text(client, logit_bias={"28": 100}, max_tokens=4, logprobs=0).choices[0]
    assert len(set(biased.logprobs.tokens)) == 1 and biased.logprobs.tokens != token.choices[0].logprobs.tokens
    assert (
        text(client, frequency_penalty=2, presence_penalty=2, max_tokens=60).choices[0].text
        != text(client, max_tokens=60).choices[0].text
    )
    vllm = text(client, temperature=1, seed=1, extra_body={"top_k": 1, "min_p": 0.5, "repetition_penalty": 1.0})
    assert vllm.choices[0].text == text(client).choices[0].text


def test_logprobs(client):
    answer = chat(client, logprobs=True, top_logprobs=5, max_tokens=12)
    content = answer.choices[0].logprobs.content
    assert "".join(token.token for token in content) == answer.choices[0].message.content
    for token in content:
        assert bytes(token.bytes).decode() == token.token and len(token.top_logprobs) == 5
        assert token.top_logprobs[0].logprob == token.logprob  # Greedy.
        assert sum(math.exp(top.logprob) for top in token.top_logprobs) < 1.0001
    streamed = []
    for chunk in chat(client, logprobs=True, top_logprobs=5, max_tokens=12, stream=True):
        streamed += chunk.choices[0].logprobs.content
    assert streamed == content
    assert chat(client, logprobs=True, max_tokens=3).choices[0].logprobs.content[0].top_logprobs == []
    old = text(client, logprobs=3, max_tokens=6).choices[0]
    assert "".join(old.logprobs.tokens) == old.text
    for token, logprob, top, offset in zip(
        old.logprobs.tokens, old.logprobs.token_logprobs, old.logprobs.top_logprobs, old.logprobs.text_offset
    ):
        assert old.text[offset:].startswith(token) and top[token] == logprob and len(top) == 3


def test_errors(server, client):
    with pytest.raises(openai.NotFoundError, match="the model 'gpt-4o' does not exist here"):
        chat(client, model="gpt-4o")
    with pytest.raises(openai.BadRequestError, match="temperature is 1001, expected 0 to 1000") as error:
        chat(client, temperature=1001)
    assert error.value.param == "temperature" and error.value.type == "invalid_request_error"
    with pytest.raises(openai.BadRequestError, match="tools is not supported"):
        chat(client, tools=[{"type": "function", "function": {"name": "f"}}])
    with pytest.raises(openai.BadRequestError, match="response_format 'json_schema' is not supported"):
        chat(client, response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": {}}})
    with pytest.raises(openai.BadRequestError, match="expected fewer than the context") as error:
        text(client, "word " * 9000)
    assert error.value.code == "context_length_exceeded"
    with pytest.raises(openai.APIStatusError, match="the most that this server takes") as error:
        text(client, "x" * 300_000)
    assert error.value.status_code == 413
    with pytest.raises(openai.BadRequestError, match="the prompt is empty"):
        text(client, "")
    with pytest.raises(openai.BadRequestError, match="token 99999"):
        text(client, [99999])


def test_keys(tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("first-key\n\n second-key \n")
    server = Server("--threads", "1", "--api-key-file", str(keys))
    try:
        for key in ["first-key", "second-key"]:
            assert text(server.client(api_key=key), max_tokens=2).choices[0].text
        for key in ["first-kez", "first-key2", "third"]:
            with pytest.raises(openai.AuthenticationError, match="not one of this server's"):
                server.client(api_key=key).models.list()
        assert server.post("/v1/completions", b"{}")[0] == 401
        assert server.get("/health")[0] == 200 and server.get("/metrics")[0] == 200
    finally:
        assert server.stop() == 0


def test_many_at_once_get_what_each_gets_alone(server, client):
    prompts = [f"Here are {n} facts about the number {n}:" for n in range(20)]

    def settings(index: int) -> dict:
        return {"temperature": [0, 0.8][index % 2], "seed": index, "max_tokens": 20 + index}

    alone = [text(client, prompt, **settings(index)).choices[0].text for index, prompt in enumerate(prompts)]

    async def together() -> list[str]:
        async with openai.AsyncOpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0) as other:

            async def one(index: int) -> str:
                stream = await other.completions.create(
                    model=NAME, prompt=prompts[index], stream=True, **settings(index)
                )
                return "".join([chunk.choices[0].text async for chunk in stream])

            return await asyncio.gather(*[one(index) for index in range(len(prompts))])

    assert asyncio.run(together()) == alone
