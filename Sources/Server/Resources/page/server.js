// What is asked of the server, and its answers as they come.

let model = null, context = 0;
const headers = () => {
  const key = $("key").value.trim();
  return {"Content-Type": "application/json", ...(key && {Authorization: `Bearer ${key}`})};
};
const message = async response => {
  try { return (await response.json()).error.message; } catch { return `${response.status} ${response.statusText}`; }
};

async function findModel() {
  const response = await fetch("v1/models", {headers: headers()});
  if (!response.ok) throw new Error(await message(response));
  const found = (await response.json()).data[0], defaults = found.defaults ?? {};
  model = found.id;
  context = found.max_model_len ?? 0;
  $("model").textContent = context ? `${model}, ${number(context)} tokens of context` : model;
  for (const [name, neutral] of Object.entries({temperature: 1, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1}))
    $(name).placeholder = `${Number((defaults[name] ?? neutral).toFixed(3))} (default)`;
}

async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    buffer += value;
    for (let end; (end = buffer.indexOf("\n\n")) >= 0; buffer = buffer.slice(end + 2)) {
      const data = buffer.slice(0, end);
      if (data.startsWith("data: ") && data !== "data: [DONE]") yield JSON.parse(data.slice(6));
    }
  }
}

/// The settings of a request. They are kept with the answer, seed included, so that it can be requested again.
function settingsFor(chat) {
  const asked = {model, system: chat.system || undefined, end_loops: $("loops").checked, seed: Math.floor(Math.random() * 2 ** 31)};
  for (const name of ["temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_tokens", "seed"])
    if ($(name).value.trim() !== "") asked[name] = Number($(name).value);
  if ($("speculation").value.trim()) asked.speculation = $("speculation").value.trim();
  return asked;
}

const messages = (system, turns) =>
  [...(system ? [{role: "system", content: system}] : []), ...turns.map(({role, content}) => ({role, content}))];

const body = ({system, from, ...options}, turns) => ({
  ...options, stream: true, stream_options: {include_usage: true, include_pieces: true, include_rounds: true},
  messages: messages(system, turns.slice(from)),
});

/// The index of the oldest turn that fits into the context, with room for an answer. The last question is always sent.
async function firstTurn(asked, turns, signal) {
  const room = Math.min(asked.max_tokens ?? Infinity, Math.floor(context / 4));
  const fits = async from => {
    const text = JSON.stringify({messages: messages(asked.system, turns.slice(from))});
    // A token is at least a byte, so short conversations need no counting; 100 is for what the chat template adds.
    if (new Blob([text]).size + 100 + room <= context) return true;
    const response = await fetch("tokenize", {method: "POST", headers: headers(), body: text, signal});
    // 400 and 413 mean too many tokens or bytes. Any other failure will show when the question is sent.
    if (!response.ok) return response.status !== 400 && response.status !== 413;
    return (await response.json()).count + room <= context;
  };
  const questions = turns.flatMap((turn, index) => turn.role === "user" ? [index] : []);
  if (!context || questions.length < 2 || await fits(0)) return 0;
  let low = 1, high = questions.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (await fits(questions[middle])) high = middle; else low = middle + 1;
  }
  return questions[high];
}

/// Asks, and calls `progress` with what there is so far whenever there is more.
async function ask(request, signal, progress) {
  const response = await fetch("v1/chat/completions", {method: "POST", headers: headers(), body: JSON.stringify(request), signal});
  if (!response.ok) throw new Error(await message(response));
  const answer = {text: "", pieces: [], rounds: [], tokens: 0, promptTokens: 0, reason: "", rate: 0, tau: 0};
  let first = 0, begun = 0;
  for await (const event of events(response)) {
    if (event.error) throw new Error(event.error.message);
    const choice = event.choices[0], now = performance.now();
    for (const piece of choice?.pieces ?? []) { answer.pieces.push(piece); answer.text += piece.text; }
    answer.rounds.push(...(choice?.rounds ?? []));
    answer.tokens = answer.pieces.length;
    if (answer.tokens && !first) { first = now; begun = answer.tokens; }
    if (answer.rounds.length) answer.tau = answer.tokens / answer.rounds.length;
    if (now > first && answer.tokens > begun) answer.rate = (answer.tokens - begun) / (now - first) * 1000;
    answer.reason = choice?.finish_reason ?? answer.reason;
    if (event.usage) {
      answer.tokens = event.usage.completion_tokens;
      answer.promptTokens = event.usage.prompt_tokens;
      answer.tau = event.speculation.acceptance_length;
      answer.rate = event.speculation.tokens_per_second;
    }
    progress(answer);
  }
  if (!answer.reason) throw new Error("The connection ended before the answer did.");
  return answer;
}

/// Why an answer ended. The service says "length" for several reasons, so the numbers have to tell.
function ending({reason, tokens, promptTokens}, asked) {
  if (reason !== "length") return "Done.";
  if (tokens === asked.max_tokens) return `Ended at the maximum of ${number(tokens)} tokens.`;
  if (context && promptTokens + tokens >= context - 1) return "Ended because the context is full.";
  if (!asked.end_loops) return "Ended at a limit of the server.";
  return asked.max_tokens ? "Ended because it repeated itself." : "Ended at a limit of the server or because it repeated itself.";
}
