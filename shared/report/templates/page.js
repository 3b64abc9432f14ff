// Sorts and filters what is on the page. Without it the page is whole: riskiest first, nothing hidden.
(() => {
  "use strict";
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const value = (cell) => cell.dataset.sort ?? cell.textContent.trim();

  // A heading with data-by ("n": numbers, "t": texts) sorts its table, again the other way round.
  for (const heading of all("th[data-by]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const table = heading.closest("table"), body = table.tBodies[0], at = heading.cellIndex;
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of all("th[aria-sort]", table)) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const number = heading.dataset.by === "n";
      const key = (row) => number ? parseFloat(value(row.cells[at]).replaceAll(",", "")) || 0 : value(row.cells[at]);
      const compare = number ? (a, b) => a[0] - b[0] : (a, b) => a[0].localeCompare(b[0], undefined, { numeric: true });
      const rows = [...body.rows].map((row) => [key(row), row]);
      rows.sort((a, b) => down ? compare(b, a) : compare(a, b)); // stable: what is equal stays in its order
      body.append(...rows.map(([, row]) => row));
    });
  }

  const form = document.getElementById("filter");
  if (!form) return;
  form.hidden = false;
  const rows = all(".findings tbody tr").map((row) => ({ row, text: row.textContent.toLowerCase().replace(/\s+/g, " "), desk: row.closest(".desk") }));
  const find = document.getElementById("q"), shown = document.getElementById("shown"), nothing = document.getElementById("nothing");
  const choices = ["risk", "flag", "standing", "answer"].map((name) => [name, document.getElementById("f-" + name)]);
  const apply = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const left = new Map();
    let n = 0;
    for (const { row, text, desk } of rows) {
      const fits = words.every((word) => text.includes(word)) && choices.every(([name, select]) => !select.value || row.dataset[name] === select.value);
      row.hidden = !fits;
      if (fits) { n++; left.set(desk, (left.get(desk) ?? 0) + 1); }
    }
    for (const desk of all(".desk")) {
      const here = left.get(desk) ?? 0, part = desk.querySelector(".part");
      desk.hidden = here === 0;
      part.hidden = here === +desk.dataset.all;
      part.textContent = here + " of " + desk.dataset.all + " shown";
    }
    shown.textContent = n === rows.length ? n.toLocaleString("en") + " findings" : n.toLocaleString("en") + " of " + rows.length.toLocaleString("en") + " findings";
    nothing.hidden = n > 0 || rows.length === 0;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("all").addEventListener("click", () => { form.reset(); apply(); find.focus(); });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) { event.preventDefault(); find.focus(); }
    if (event.key === "Escape" && event.target === find) { form.reset(); apply(); }
  });
  apply();

  // On a reviewer's own page the answer is composed: a line for each number, as the task takes it.
  const panel = document.getElementById("answer");
  if (!panel) return;
  panel.hidden = false;
  const lines = document.getElementById("lines"), answered = document.getElementById("answered"), copy = document.getElementById("copy");
  const open = all('tr[data-no][data-answer="none"]'), answers = new Map();
  const compose = () => {
    const runs = [];
    for (const [no, answer] of [...answers].sort((a, b) => a[0] - b[0])) {
      const last = runs.at(-1);
      if (last && last.answer === answer && last.to === no - 1) last.to = no;
      else runs.push({ from: no, to: no, answer });
    }
    lines.value = runs.map((r) => (r.from === r.to ? r.from : r.from + "-" + r.to) + " " + r.answer).join("\n");
    answered.textContent = answers.size + " of " + open.length + " answered";
    panel.classList.toggle("whole", answers.size === open.length);
  };
  for (const row of open) {
    const no = +row.dataset.no, group = document.createElement("fieldset"), legend = document.createElement("legend");
    legend.className = "unseen";
    legend.textContent = "Answer for number " + no;
    group.className = "pick";
    group.append(legend);
    for (const answer of ["keep", "revoke"]) {
      const label = document.createElement("label"), radio = document.createElement("input");
      radio.type = "radio"; radio.name = "answer-" + no; radio.value = answer;
      radio.addEventListener("change", () => { answers.set(no, answer); row.dataset.picked = answer; compose(); });
      label.append(radio, answer === "keep" ? "Keep" : "Revoke");
      group.append(label);
    }
    row.cells[row.cells.length - 1].append(group);
  }
  copy.addEventListener("click", () => { lines.select(); document.execCommand("copy"); copy.textContent = "Copied"; setTimeout(() => { copy.textContent = "Copy"; }, 2000); });
  compose();
})();
