// Questions are sent and answered.

function begin(chat) {
  chat.run = new AbortController();
  return chat.run;
}

function end(chat) {
  chat.run = chat.writing = null;
  save(chat);
  if (chat !== current) return drawList();
  const follows = atBottom();
  draw();
  if (follows) bottom();
}

/// Asks for an answer to `turns`, which replace the conversation's turns; continues while another conversation is shown.
/// Without any answer the old turns are restored, `undo` is called, and Retry offers `again`.
async function answer(chat, turns, again, undo = () => {}) {
  const before = chat.turns, run = begin(chat);
  const turn = {role: "assistant", content: "", pieces: [], rounds: []};
  chat.turns = [...turns, turn];
  chat.writing = turn;
  tell(chat, "…");
  save(chat);
  if (chat === current) { draw(); bottom(); }
  let isDue = false;
  const show = () => {
    isDue = false;
    if (chat !== current || chat.writing !== turn) return;
    const follows = atBottom();
    fill(places.get(turn), turn);
    live();
    if (follows) bottom();
  };
  try {
    if (!model) await findModel();
    const asked = settingsFor(chat);
    asked.from = await firstTurn(asked, turns, run.signal);
    turn.asked = asked;
    if (asked.from && chat === current) { drawTalk(); bottom(); }
    const whole = await ask(body(asked, turns), run.signal, ({text, pieces, rounds, tokens, rate, tau}) => {
      Object.assign(turn, {content: text, pieces, rounds, figures: {tokens, rate, tau}});
      if (!isDue) { isDue = true; requestAnimationFrame(show); }
    });
    tell(chat, ending(whole, asked));
  } catch (error) {
    const isStop = error.name === "AbortError";
    if (turn.content) {
      if (isStop) turn.stopped = true; else turn.error = error.message;
      tell(chat, isStop ? "Stopped." : error.message, !isStop);
    } else {
      chat.turns = before;
      undo();
      tell(chat, isStop ? "Stopped before the answer began." : error.message, !isStop, again);
    }
  } finally {
    end(chat);
  }
}

/// Whether a question can be sent: none is being answered and the settings are valid. Shows a setting that is not.
function isReady(chat) {
  if (chat.run) return false;
  const wrong = fields.find(name => !check($(name)));
  if (!wrong) return true;
  openDrawer($("drawer"), $("settings"));
  $(wrong).focus();
  return false;
}

function send() {
  const chat = current, text = $("prompt").value;
  if (!text.trim() || !isReady(chat)) return;
  setDraft(chat, "");
  // An unanswered question returns to the input, before anything typed there in the meantime.
  answer(chat, [...chat.turns, {role: "user", content: text}], send, () => setDraft(chat, chat.draft ? `${text}\n\n${chat.draft}` : text));
}

function setDraft(chat, text) {
  chat.draft = text;
  if (chat !== current) return;
  $("prompt").value = text;
  grow();
}

function retry(chat) {
  if (!isReady(chat)) return;
  const isAnswered = chat.turns.at(-1).role === "assistant";
  answer(chat, isAnswered ? chat.turns.slice(0, -1) : chat.turns, () => retry(chat));
}

function grow() {
  $("prompt").style.height = "auto";
  $("prompt").style.height = $("prompt").scrollHeight + 2 + "px";
}
