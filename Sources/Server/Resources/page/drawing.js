// Draws the turns, the list of conversations, and the status above the input.

const places = new WeakMap();  // The element that shows each turn's text.

function drawTurn(turn, index) {
  const chat = current, isBusy = Boolean(chat.run), isUser = turn.role === "user", isLast = index === chat.turns.length - 1;
  const place = make("div", {className: "body"}), acts = make("div", {className: "acts"});
  const box = make("article", {className: "turn " + turn.role}, make("div", {className: "who", textContent: isUser ? "You" : "Model"}), turn.editor ?? place);
  places.set(turn, place);
  if (isUser) place.textContent = turn.content;
  else fill(place, turn);
  if (turn.error) box.append(make("div", {className: "error", textContent: turn.error}));
  if (turn.editor) {
    acts.append(act("Save", "Save the message and answer it", () => saveEdit(chat, turn), isBusy), act("Cancel", "Leave the message as it was", () => cancelEdit(turn)));
    box.append(make("div", {className: "figures", textContent: isLast ? "" : "Saving replaces all that follows."}), acts);
    return box;
  }
  acts.append(act("Copy", isUser ? "Copy the message" : "Copy the answer", button => toClipboard(turn.content, button)));
  if (isUser) acts.append(act("Edit", "Edit the message", () => edit(turn), isBusy));
  if (isLast) acts.append(act("Retry", isUser ? "Answer this message" : "Answer again", () => retry(chat), isBusy));
  if (!isUser && turn !== chat.writing) {
    if (turn.asked && turn.content) acts.append(act("Compare with plain decoding", "Answer again without drafts and compare", () => compare(chat, turn), isBusy));
    if (turn.rounds?.length || turn.asked) {
      acts.append(act("Rounds", "Show the rounds one by one", () => showRounds(turn)));
      acts.lastChild.setAttribute("aria-expanded", String(Boolean(turn.player)));
    }
  }
  if (!isUser) box.append(make("div", {className: "figures", textContent: figures(turn)}));
  box.append(acts);
  if (turn.player) box.append(turn.player);
  return box;
}


function drawTalk() {
  // Redrawing must not lose the focus.
  const focused = document.activeElement, article = focused.closest?.("#talk article");
  const place = article && [...$("talk").children].indexOf(article), label = focused.getAttribute?.("aria-label");
  $("title").textContent = title(current);
  if ($("system").value !== (current.system ?? "")) $("system").value = current.system ?? "";
  const boxes = current.turns.length ? current.turns.map(drawTurn) : [make("p", {className: "empty", textContent:
    "Ask something. Switch on “Show drafts” to see in green which tokens were drafted and accepted, and open “Rounds” under an answer to see each draft being judged."})];
  const from = current.turns.at(-1)?.asked?.from;
  if (from) boxes[from].prepend(make("p", {className: "left-out", textContent:
    "The context is full: the model no longer sees what is above."}));
  $("talk").replaceChildren(...boxes);
  if (article) [...$("talk").children[place]?.querySelectorAll("[aria-label]") ?? []].find(element => element.ariaLabel === label)?.focus({preventScroll: true});
}

function drawList() {
  const hadFocus = $("list").contains(document.activeElement);
  $("list").replaceChildren(...chats.map(chat => {
    const open = make("button", {className: "open", textContent: title(chat) + (chat.run ? " …" : ""), type: "button"});
    open.onclick = () => { select(chat); closeDrawer(); };
    if (chat === current) open.setAttribute("aria-current", "page");
    return make("li", {className: chat === current ? "on" : ""}, open,
      act("✎", `Rename ${title(chat)}`, () => rename(chat)), act("✕", `Delete ${title(chat)}`, () => remove(chat)));
  }));
  if (hadFocus) $("list").querySelector("[aria-current]")?.focus();
}

function draw() {
  drawTalk();
  drawList();
  live();
}

const bottom = () => { $("talk").scrollTop = $("talk").scrollHeight; };
const atBottom = () => $("talk").scrollHeight - $("talk").scrollTop - $("talk").clientHeight < 60;

/// Shows the figures and the status of the current conversation's last answer above the input.
function live({rate, tau, plain} = current.turns.at(-1)?.figures ?? {}) {
  $("rate").textContent = rate ? number(rate) : "–";
  $("tau").textContent = tau ? number(tau, 2) : "–";
  $("ratio-box").hidden = !(plain && rate);
  if (plain && rate) { $("ratio").textContent = number(rate / plain, 1); $("plain").textContent = number(plain); }
  const {text = "", isError = false, again} = current.notice ?? {};
  if ($("status").textContent !== text) $("status").textContent = text;  // Screen readers announce every change.
  $("status").classList.toggle("error", isError);
  $("again").hidden = !again;
  $("go").hidden = Boolean(current.run);
  $("stop").hidden = !current.run;
}

/// Sets a conversation's status; with `again`, offers Retry.
function tell(chat, text, isError = false, again = null) {
  chat.notice = {text, isError, again};
  if (chat === current) live();
}
