// The settings, and what is typed into them.

const fields = ["temperature", "top_p", "top_k", "min_p", "repetition_penalty", "seed", "max_tokens", "speculation"];

/// Whether a field is valid; if not, says beside it what is.
function check(field) {
  const {min, max, step, validity} = field, isWhole = step === "1";
  const isWrong = validity.badInput || validity.rangeUnderflow || validity.rangeOverflow || (isWhole && validity.stepMismatch);
  field.parentElement.querySelector(".wrong")?.remove();
  field.removeAttribute("aria-invalid");
  field.removeAttribute("aria-describedby");
  if (!isWrong) return true;
  const range = max ? ` from ${min} to ${max}` : min ? `, ${min} or more` : "";
  const note = make("span", {className: "wrong", id: field.id + "-wrong", textContent: `Enter a ${isWhole ? "whole " : ""}number${range}.`});
  note.setAttribute("role", "alert");
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", note.id);
  field.after(note);
  return false;
}

for (const name of fields) {
  $(name).value = store.get("setting." + name, $(name).value);
  $(name).addEventListener("change", () => { if (check($(name))) store.set("setting." + name, $(name).value); });
}
const keepKey = () => store.set("key", $("remember").checked ? $("key").value.trim() : null);
$("key").value = store.get("key", "");
$("remember").checked = Boolean($("key").value);
$("key").addEventListener("change", () => { keepKey(); reach(true); });
$("remember").addEventListener("change", keepKey);
$("loops").checked = store.get("loops", true);
$("loops").addEventListener("change", () => store.set("loops", $("loops").checked));
$("colour").checked = store.get("colour", false);
$("colour").addEventListener("change", () => { store.set("colour", $("colour").checked); drawTalk(); });
$("system").addEventListener("input", () => { current.system = $("system").value; current.isDirty = true; });
$("system").addEventListener("change", () => save(current));
$("export").addEventListener("click", () => {
  const text = JSON.stringify({messages: messages(current.system, current.turns)}, null, 2) + "\n";
  const link = make("a", {href: URL.createObjectURL(new Blob([text], {type: "application/json"})), download: title(current).replace(/[^\w -]+/g, "_") + ".json"});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
