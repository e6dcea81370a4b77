// Finds the model, connects the input, and opens a conversation.

/// Finds the model. Retry of an earlier question stays on offer.
async function reach(isKeyNew = false) {
  const again = current.notice?.again;
  try {
    await findModel();
    tell(current, isKeyNew ? "The server answers with this key." : "", false, again === reachAgain ? null : again);
    drawTalk();
  } catch (error) {
    tell(current, error.message, true, again ?? reachAgain);
  }
}
const reachAgain = () => reach();


$("form").addEventListener("submit", event => { event.preventDefault(); send(); });
$("prompt").addEventListener("keydown", event => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
});
$("prompt").addEventListener("input", () => { current.draft = $("prompt").value; current.isDirty = true; grow(); });
if (matchMedia("(max-width: 720px)").matches) $("prompt").placeholder = "Message";
$("again").addEventListener("click", () => current.notice?.again?.());
$("stop").addEventListener("click", () => current.run?.abort());
$("new").addEventListener("click", () => { closeDrawer(); fresh(); $("prompt").focus(); });

load();
let last = null;
try { last = sessionStorage.getItem("speculate.current"); } catch { /* Then the newest is opened. */ }
const begun = chats.find(chat => chat.id === last) ?? chats[0];
if (begun) select(begun); else fresh();
reach();
