"use strict";
(() => {
  const collator = new Intl.Collator("en", { numeric: true });
  const compare = (index, numeric) => (left, right) => {
    const a = left.cells[index], b = right.cells[index];
    if (!numeric && !a.dataset.v && !b.dataset.v) return collator.compare(a.textContent, b.textContent);
    const x = parseFloat(a.dataset.v), y = parseFloat(b.dataset.v);
    return Number.isNaN(x) ? (Number.isNaN(y) ? 0 : 1) : Number.isNaN(y) ? -1 : x - y;
  };
  for (const table of document.querySelectorAll(".table table")) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].sort(compare(index, head.classList.contains("n")));
        body.append(...(down ? rows.reverse() : rows));
      });
    });
  }
  for (const box of document.querySelectorAll(".table.filtered")) {
    const rows = [...box.querySelectorAll("tbody tr")];
    const label = document.createElement("label");
    const field = document.createElement("input");
    const count = document.createElement("output");
    field.type = "search";
    label.append("Filter ", field);
    box.querySelector(".bar").append(label, count);
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = words.length ? `${shown} of ${rows.length}` : "";
    });
  }
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    for (let up = target; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
