// Markdown, made of nodes: nothing that a model says is ever read as HTML.

function inline(text) {
  const nodes = [];
  const pattern = /(`+)([^`]+?)\1|\*\*(?=\S)(.+?)\*\*|(?<![\w*])[*_](?=\S)([^*_]+?)[*_](?![\w*])|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/g;
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    nodes.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[2] !== undefined) nodes.push(make("code", {textContent: match[2]}));
    else if (match[3] !== undefined) nodes.push(make("strong", {}, ...inline(match[3])));
    else if (match[4] !== undefined) nodes.push(make("em", {}, ...inline(match[4])));
    else nodes.push(make("a", {href: match[6], rel: "noopener noreferrer", target: "_blank", textContent: match[5]}));
  }
  nodes.push(text.slice(end));
  return nodes.filter(node => node !== "");
}

const listItem = /^\s*(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;
const ruler = /^\s*([-*_])(?:\s*\1){2,}\s*$/;
const isBlank = line => /^\s*$/.test(line);
const isSpecial = line => /^\s*```|^#{1,6}\s|^>\s?/.test(line) || listItem.test(line) || ruler.test(line) || isBlank(line);
const indent = line => line.match(/^\s*/)[0].replaceAll("\t", "    ").length;

/// `depth` is bounded so that no answer can exhaust the stack.
function markdown(text, depth = 0) {
  const lines = text.split("\n"), out = document.createDocumentFragment();
  let index = 0;
  const until = test => { const taken = []; while (index < lines.length && test(lines[index])) taken.push(lines[index++]); return taken; };
  const cells = line => line.trim().replace(/^\||\|$/g, "").split("|").map(cell => cell.trim());
  if (depth > 20) { out.append(text); return out; }
  while (index < lines.length) {
    const line = lines[index];
    if (/^\s*```/.test(line)) {
      index++;
      const code = until(line => !/^\s*```/.test(line)).join("\n");
      index++;
      const copy = make("button", {className: "plain", textContent: "Copy", type: "button"});
      copy.onclick = () => toClipboard(code, copy);
      out.append(make("pre", {tabIndex: 0}, make("code", {textContent: code}), copy));
    } else if (/^#{1,6}\s/.test(line)) {
      index++;
      out.append(make("h3", {}, ...inline(line.replace(/^#+\s+/, ""))));
    } else if (/^>\s?/.test(line)) {
      out.append(make("blockquote", {}, markdown(until(line => /^>\s?/.test(line)).map(line => line.replace(/^>\s?/, "")).join("\n"), depth + 1)));
    } else if (ruler.test(line)) {
      index++;
      out.append(make("hr"));
    } else if (listItem.test(line)) {
      out.append(list());
    } else if (line.includes("|") && /^\s*\|?[\s:|-]+\|[\s:|-]*$/.test(lines[index + 1] ?? "")) {
      const rows = until(line => line.includes("|")).map(cells);
      const row = (cells, tag) => make("tr", {}, ...cells.map(cell => make(tag, {}, ...inline(cell))));
      out.append(make("table", {}, row(rows[0], "th"), ...rows.slice(2).map(cells => row(cells, "td"))));
    } else if (isBlank(line)) {
      index++;
    } else {
      const paragraph = make("p");
      [lines[index++], ...until(line => !isSpecial(line))].forEach((line, place) => {
        if (place) paragraph.append(make("br"));
        paragraph.append(...inline(line));
      });
      out.append(paragraph);
    }
  }
  return out;

  /// The list at `index`. Lines indented further than an item's marker belong to it: text, code, nested lists.
  function list() {
    const first = lines[index].match(listItem)[1];
    const list = make(first ? "ol" : "ul", first ? {start: Number(first)} : {});
    for (;;) {
      const match = lines[index]?.match(listItem);
      if (!match || Boolean(match[1]) !== Boolean(first) || ruler.test(lines[index])) return list;
      const left = indent(lines[index++]), inner = [];
      for (let next = index; next < lines.length; next++) {
        if (isBlank(lines[next])) continue;
        if (indent(lines[next]) < left + 2) break;
        inner.push(...lines.slice(index, next + 1));
        index = next + 1;
      }
      const margin = Math.min(...inner.filter(line => !isBlank(line)).map(indent));
      const within = inner.map(line => line.replace(/^\s+/, space => space.replaceAll("\t", "    ")).slice(margin));
      let said = match[2];
      while (within.length && !isSpecial(within[0])) said += "\n" + within.shift();
      list.append(make("li", {}, ...inline(said), markdown(within.join("\n"), depth + 1)));
      let next = index;
      while (next < lines.length && isBlank(lines[next])) next++;
      if (listItem.test(lines[next] ?? "")) index = next;
    }
  }
}
