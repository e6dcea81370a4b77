/// A round at a time: what was drafted, what of it was accepted, what the verifier put behind it.
function player(turn) {
  const box = make("div", {className: "player"});
  const chips = make("div", {className: "chips"}), words = make("div", {className: "row"}), before = make("div", {className: "context"});
  const slider = make("input", {type: "range", min: 1, max: turn.rounds.length, value: 1});
  slider.setAttribute("aria-label", "Round");
  const show = () => {
    const at = Number(slider.value) - 1, round = turn.rounds[at];
    const said = turn.rounds.slice(0, at).map(round => round.drafted.filter(token => token.accepted).map(token => token.text).join("") + round.own).join("");
    before.replaceChildren(make("span", {textContent: said || "The answer begins."}));
    chips.replaceChildren(
      ...round.drafted.map(token => make("span", {className: "chip " + (token.accepted ? "yes" : "no"), textContent: token.text.replace(/\n/g, "↵"), title: token.accepted ? "drafted, accepted" : "drafted, rejected"})),
      make("span", {className: "chip own", textContent: round.own.replace(/\n/g, "↵"), title: "the verifier's own token"}));
    const accepted = round.drafted.filter(token => token.accepted).length;
    const isTree = round.drafted.some((token, place) => token.parent !== place - 1);
    const drafted = round.drafted.length ? `${round.drafted.length} drafted${isTree ? " as a tree" : ""}, ${accepted} accepted, then` : "nothing drafted,";
    words.lastChild.textContent = `Round ${at + 1} of ${turn.rounds.length}: ${drafted} the verifier's own`;
    slider.setAttribute("aria-valuetext", words.lastChild.textContent);
  };
  let timer = 0;
  const play = make("button", {className: "plain", textContent: "▶ Play", type: "button"});
  const halt = () => { clearInterval(timer); timer = 0; play.textContent = "▶ Play"; };
  play.onclick = () => {
    if (timer) return halt();
    if (Number(slider.value) === turn.rounds.length) slider.value = 1;
    play.textContent = "❚❚ Pause";
    show();
    timer = setInterval(() => {
      if (!box.isConnected || Number(slider.value) >= turn.rounds.length) return halt();
      slider.value = Number(slider.value) + 1;
      show();
    }, 700);
  };
  slider.oninput = () => { halt(); show(); };
  words.append(play, make("span"));
  box.append(before, chips, slider, words);
  show();
  return box;
}

/// The player is kept with its turn, so that it survives every redraw.
function showRounds(turn) {
  if (!turn.rounds?.length) return tell(current, "Rounds are not kept when the page is reloaded. Retry writes an answer with new ones.");
  turn.player = turn.player ? null : player(turn);
  drawTalk();
  turn.player?.scrollIntoView({block: "nearest"});
}
