// What a turn consists of: buttons, text and figures.

const act = (text, label, run, isDisabled = false) => {
  const button = make("button", {className: "plain", textContent: text, type: "button", disabled: isDisabled});
  button.setAttribute("aria-label", label);
  button.onclick = () => run(button);
  return button;
};

/// The answer's text as it is read, or as it came: accepted tokens in green.
function fill(place, turn) {
  if ($("colour").checked && turn.pieces) {
    place.replaceChildren(make("div", {className: "tokens"}, ...turn.pieces.map(
      piece => make("span", {className: piece.drafted ? "drafted" : "", textContent: piece.text}))));
  } else {
    place.replaceChildren(markdown(turn.content));
  }
}

function figures(turn) {
  const {tokens, rate, tau, plain} = turn.figures ?? {};
  if (!tokens) return "";
  const parts = [`${number(tokens)} tokens`, `${number(rate)} tokens/s`, `τ ${number(tau, 2)}`];
  if (plain) parts.push(`${number(rate / plain, 1)} times plain decoding (${number(plain)} tokens/s), the same text`);
  if (turn.stopped) parts.push("stopped");
  if (turn.asked?.from) parts.push("the oldest messages left out");
  return parts.join(" · ");
}
