// Drawers: dialogs while they are open.

let opened = null;

function openDrawer(drawer, opener) {
  closeDrawer();
  opened = {drawer, opener};
  drawer.classList.add("open");
  drawer.setAttribute("role", "dialog");
  drawer.setAttribute("aria-modal", "true");
  opener.setAttribute("aria-expanded", "true");
  for (const other of document.querySelectorAll("#side, main, .drawer")) other.inert = other !== drawer;
  $("shade").hidden = false;
  drawer.querySelector("button").focus();
}

function closeDrawer() {
  if (!opened) return;
  const {drawer, opener} = opened;
  opened = null;
  drawer.classList.remove("open");
  drawer.removeAttribute("role");
  drawer.removeAttribute("aria-modal");
  opener.setAttribute("aria-expanded", "false");
  for (const other of document.querySelectorAll("#side, main, .drawer")) other.inert = false;
  $("shade").hidden = true;
  opener.focus();
}

/// Keeps Tab inside the open drawer.
function turnFocus(event) {
  const stops = [...opened.drawer.querySelectorAll("button, input, textarea")].filter(stop => stop.getClientRects().length);
  const at = stops.indexOf(document.activeElement), last = stops.length - 1;
  if (at > 0 && at < last || at === (event.shiftKey ? last : 0)) return;
  event.preventDefault();
  stops[event.shiftKey ? last : 0].focus();
}

$("menu").addEventListener("click", () => openDrawer($("side"), $("menu")));
$("settings").addEventListener("click", () => openDrawer($("drawer"), $("settings")));
$("close").addEventListener("click", closeDrawer);
$("shade").addEventListener("click", closeDrawer);
matchMedia("(max-width: 720px)").addEventListener("change", closeDrawer);
document.addEventListener("keydown", event => {
  if (opened && event.key === "Tab") turnFocus(event);
  if (event.key !== "Escape") return;
  if (opened) closeDrawer(); else current.run?.abort();
});
