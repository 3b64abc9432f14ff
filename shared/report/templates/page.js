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
})();
