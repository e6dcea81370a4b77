/// Opens a message for editing in place. Later turns are replaced only when it is saved.
function edit(turn) {
  turn.editor = make("textarea", {className: "edit", value: turn.content});
  turn.editor.setAttribute("aria-label", "Edit the message");
  turn.editor.onkeydown = event => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); saveEdit(current, turn); }
    if (event.key === "Escape") { event.stopPropagation(); cancelEdit(turn); }
  };
  drawTalk();
  turn.editor.focus();
}

function cancelEdit(turn) {
  turn.editor = null;
  drawTalk();
}

function saveEdit(chat, turn) {
  const text = turn.editor.value;
  if (!text.trim() || !isReady(chat)) return;
  // The old turn keeps its editor, so that both come back if this is refused.
  answer(chat, [...chat.turns.slice(0, chat.turns.indexOf(turn)), {role: "user", content: text}], () => saveEdit(chat, turn));
}
