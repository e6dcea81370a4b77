/// The same once more without drafts: how fast that really is here.
async function compare(chat, turn) {
  if (chat.run) return;
  const run = begin(chat);
  tell(chat, "Plain decoding answers the same …");
  draw();
  try {
    if (!model) await findModel();
    if (turn.asked.model !== model) throw new Error(`This answer is by ${turn.asked.model}, which is not served now.`);
    const {tokens, rate, tau} = turn.figures;
    const request = {...body(turn.asked, chat.turns.slice(0, chat.turns.indexOf(turn))), speculation: "none", max_tokens: tokens};
    const plain = await ask(request, run.signal, answer => { if (chat === current) live(answer); });
    // An unfinished text is compared as far as it goes, and its speed not at all.
    const isCut = turn.stopped || turn.error || (plain.reason === "length" && plain.tokens < tokens);
    const length = isCut ? Math.min(turn.content.length, plain.text.length) : Infinity;
    const isSame = turn.content.slice(0, length) === plain.text.slice(0, length);
    turn.figures = {tokens, rate, tau, ...(isSame && !isCut && {plain: plain.rate})};
    if (!isSame) tell(chat, "The texts differ, which must never be.", true);
    else if (isCut) tell(chat, "The same text up to where it stopped. Speeds are compared for complete answers only.");
    else tell(chat, "The same text, byte for byte.");
  } catch (error) {
    const isStop = error.name === "AbortError";
    tell(chat, isStop ? "Stopped." : error.message, !isStop);
  } finally {
    end(chat);
  }
}
