// What is kept in the browser: conversations and settings.

const store = {
  get(name, otherwise) {
    try { return JSON.parse(localStorage.getItem("speculate." + name)) ?? otherwise; } catch { return otherwise; }
  },
  /// Returns whether the value was saved.
  set(name, value) {
    try {
      localStorage.setItem("speculate." + name, JSON.stringify(value));
      return true;
    } catch {
      if (current) tell(current, "This browser could not save this: its storage is full or off.", true);
      return false;
    }
  },
  remove(name) {
    try { localStorage.removeItem("speculate." + name); } catch { /* Then there is nothing to remove. */ }
  },
  names() {
    try { return Object.keys(localStorage).filter(key => key.startsWith("speculate.")).map(key => key.slice(10)); } catch { return []; }
  },
};

let chats = [], current = null;
const stamp = () => Date.now().toString(36) + Math.random().toString(36).slice(2, 10);
const title = chat => chat.name || chat.turns.find(turn => turn.role === "user")?.content.trim().split("\n")[0].slice(0, 40) || "New chat";
const newestFirst = () => chats.sort((one, other) => other.made - one.made);

/// The part of a conversation that is saved. Rounds are too large and stay in this tab. Pieces are saved as lengths,
/// negative where drafted, because the text itself is saved already.
function packed({id, revision, made, name, system, draft, turns, writing}) {
  const lasting = turns.filter(turn => turn.role === "user" || turn.content || turn.figures);
  return {
    id, revision, made, name, system, draft,
    turns: lasting.map(({role, content, error, stopped, asked, figures, pieces}, index) => ({
      role, content, error, asked, figures, stopped: stopped || (writing && writing === lasting[index]) || undefined,
      marks: pieces?.map(piece => piece.drafted ? -piece.text.length : piece.text.length),
    })),
  };
}

function unpacked(stored) {
  for (const turn of stored.turns) {
    let end = 0;
    turn.pieces = turn.marks?.map(mark => ({drafted: mark < 0, text: turn.content.slice(end, end += Math.abs(mark))}));
    delete turn.marks;
  }
  return stored;
}

/// Each conversation has its own key, so that tabs do not overwrite each other's. If another tab has changed this one
/// in the meantime, both versions are kept.
function save(chat) {
  if (chat.isGone) return;
  chat.isDirty = false;
  const stored = store.get("chat." + chat.id, null);
  if (stored && stored.revision !== chat.revision) {
    chats.push(unpacked(stored));
    chat.id = stamp();
    newestFirst();
    if (chat === current) remember();
  }
  if (!chat.turns.length && !chat.name && !chat.system && !chat.draft) return store.remove("chat." + chat.id);
  const revision = stamp();
  if (store.set("chat." + chat.id, packed({...chat, revision}))) chat.revision = revision;
}

/// Each tab remembers which conversation it shows.
function remember() {
  try { sessionStorage.setItem("speculate.current", current.id); } catch { /* Then the newest is opened next time. */ }
}

function load() {
  // Earlier pages kept all conversations under one key. It is removed first: there may not be room for both.
  const former = store.get("chats", []);
  store.remove("chats");
  store.remove("plain");
  const now = Date.now();
  former.forEach((chat, index) => {
    const old = {...chat, id: stamp(), made: now - index, draft: ""};
    if (old.name === title({...old, name: ""})) old.name = "";
    if (old.turns.length) store.set("chat." + old.id, old);
  });
  for (const name of store.names()) {
    const chat = name.startsWith("chat.") && store.get(name, null);
    if (Array.isArray(chat?.turns)) chats.push(unpacked(chat));
  }
  newestFirst();
}

addEventListener("storage", event => {
  if (!event.key?.startsWith("speculate.chat.")) return;
  const stored = store.get(event.key.slice(10), null), mine = chats.find(chat => "speculate.chat." + chat.id === event.key);
  // Do not replace what is being written here; 'save' will keep both versions.
  if (mine?.run || mine?.turns.some(turn => turn.editor)) return;
  if (!stored) {
    const wasOpen = mine === current;
    if (mine) leave(mine);
    if (mine && wasOpen) tell(current, "The conversation was deleted in another tab.");
    return;
  }
  if (!mine) chats.push(unpacked(stored));
  else Object.assign(mine, unpacked(stored), {notice: null}, mine === current && {draft: mine.draft});
  newestFirst();
  if (mine && mine === current) draw(); else drawList();
});

addEventListener("pagehide", () => {
  for (const chat of chats) if (chat.run || chat.isDirty) save(chat);
});
