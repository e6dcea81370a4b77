// Conversations: opened, begun, renamed and deleted.

function select(chat) {
  if (current && current !== chat && current.isDirty) save(current);
  current = chat;
  // Drop new chats that were never used.
  chats = chats.filter(other => other === chat || other.turns.length || other.name || other.system || other.draft);
  remember();
  $("prompt").value = chat.draft ?? "";
  grow();
  draw();
  bottom();
}

function fresh() {
  chats.unshift({id: stamp(), made: Date.now(), name: "", system: "", draft: "", turns: []});
  select(chats[0]);
}

function rename(chat) {
  const name = prompt("A name for the conversation", title(chat));
  if (name === null) return;
  // A given name no longer follows the content, so accepting the title as it is gives none.
  chat.name = name.trim() === title({...chat, name: ""}) ? "" : name.trim();
  save(chat);
  draw();
}

function remove(chat) {
  if (chat.turns.length && !confirm(`Delete “${title(chat)}”?`)) return;
  chat.isGone = true;
  chat.run?.abort();
  store.remove("chat." + chat.id);
  leave(chat);
}

/// Drops a conversation that was deleted, here or in another tab.
function leave(chat) {
  chat.isGone = true;
  chats = chats.filter(other => other !== chat);
  if (chat !== current) drawList();
  else if (chats.length) select(chats[0]);
  else fresh();
}
