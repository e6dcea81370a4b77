// A text written by diffusion alone, each pass over its last block shown.

let diffusing = null;

const wait = (milliseconds, signal) => new Promise(resolve => {
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, {once: true});
});

/// The block that changes: what is settled as text, guesses the darker the surer they are.
function drawBlock(block, tokens) {
  block.replaceChildren(...tokens.map(({text, certainty, settled}) => {
    const shown = make("span", {textContent: text.replaceAll("\n", "↵")});
    if (!settled) shown.style.opacity = 0.15 + 0.75 * Math.min(Math.max(certainty, 0), 1);
    return shown;
  }));
}

async function diffuse() {
  const run = diffusing = new AbortController(), place = $("diffusion-text"), status = $("diffusion-status");
  const written = make("span"), block = make("span");
  place.replaceChildren(written, block);
  $("diffusion-go").hidden = true;
  $("diffusion-stop").hidden = false;
  status.textContent = "";
  const asked = {steps: Number($("diffusion-steps").value), max_tokens: Number($("diffusion-tokens").value)};
  for (const name of ["temperature", "seed"]) {
    if ($(`diffusion-${name}`).value !== "") asked[name] = Number($(`diffusion-${name}`).value);
  }
  for (const name of ["order", "schedule", "sampler"]) asked[name] = $(`diffusion-${name}`).value || undefined;
  try {
    const response = await fetch("v1/diffuse", {
      method: "POST", headers: headers(), signal: run.signal, body: JSON.stringify({
        ...asked, messages: [{role: "user", content: $("diffusion-prompt").value}],
      }),
    });
    if (!response.ok) throw new Error(await message(response));
    for await (const event of events(response)) {
      if (event.error) throw new Error(event.error.message);
      if (event.usage) {
        const {completion_tokens: tokens, blocks, passes} = event.usage;
        status.textContent = `${event.process} diffusion: ${number(tokens)} tokens in ${number(blocks)} blocks and ${number(passes)} passes, seed ${event.seed}.`;
        continue;
      }
      drawBlock(block, event.tokens);
      await wait(Number($("diffusion-pause").value), run.signal);
      if (run.signal.aborted) break;
      if (event.text === undefined) continue;
      written.textContent += event.text;
      block.replaceChildren();
    }
    if (run.signal.aborted) status.textContent = "Stopped.";
  } catch (error) {
    status.textContent = run.signal.aborted ? "Stopped." : error.message;
  } finally {
    diffusing = null;
    $("diffusion-go").hidden = false;
    $("diffusion-stop").hidden = true;
  }
}

$("diffuse").addEventListener("click", () => openDrawer($("diffusion"), $("diffuse")));
$("diffusion-close").addEventListener("click", closeDrawer);
$("diffusion-stop").addEventListener("click", () => diffusing?.abort());
$("diffusion-form").addEventListener("submit", event => {
  event.preventDefault();
  if (!diffusing) diffuse();
});
