"use strict";
(() => {
  document.documentElement.classList.add("js");
  const form = document.getElementById("filters");
  const table = document.getElementById("checks");
  const rows = [...table.tBodies];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const usual = location.search;

  // Which rows are shown; the filters are kept in the address, so that a view can be linked to.
  function apply() {
    const data = new FormData(form);
    const kinds = new Set(data.getAll("kind"));
    const model = data.get("model");
    const words = data.get("text").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = kinds.has(row.dataset.kind) && (!model || row.dataset.model === model)
        && words.every((word) => texts.get(row).includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    document.getElementById("shown").textContent = `${shown} of ${rows.length} shown`;
    document.getElementById("none").hidden = shown > 0 || rows.length === 0;
  }

  function remember() {
    const data = new FormData(form);
    const query = new URLSearchParams({ kinds: data.getAll("kind").join(","), model: data.get("model"), text: data.get("text") });
    try {
      history.replaceState(null, "", `?${query}${location.hash}`);
    } catch {
      // some browsers keep the address of local files as it is
    }
  }

  function recall() {
    const query = new URLSearchParams(usual);
    if (query.has("kinds")) {
      const kinds = query.get("kinds").split(",");
      for (const box of form.querySelectorAll("[name=kind]")) box.checked = kinds.includes(box.value);
    }
    if (query.has("model")) form.elements.model.value = query.get("model");
    if (form.elements.model.selectedIndex < 0) form.elements.model.value = "";
    form.elements.text.value = query.get("text") || "";
  }

  // A link to a row that is filtered out shows it.
  function reveal() {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (row && row.hidden && rows.includes(row)) {
      form.querySelector(`[name=kind][value="${row.dataset.kind}"]`).checked = true;
      form.elements.model.value = "";
      form.elements.text.value = "";
      apply();
    }
    if (row && rows.includes(row)) {
      row.querySelectorAll("details").forEach((part) => { part.open = true; });
      row.scrollIntoView({ block: "center" });
    }
  }

  table.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("th");
    if (!head) return;
    const column = head.cellIndex;
    const down = head.getAttribute("aria-sort") === "ascending";
    const key = (row) => row.rows[0].cells[column].dataset.sort || row.rows[0].cells[column].textContent.trim();
    const order = new Intl.Collator("en", { numeric: true }).compare;
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sorted = [...rows].sort((a, b) => (down ? -1 : 1) * order(key(a), key(b)));
    table.append(...sorted);
  });
  form.addEventListener("input", () => { apply(); remember(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("all").addEventListener("click", () => { form.reset(); apply(); remember(); });
  addEventListener("hashchange", reveal);
  recall();
  apply();
  reveal();
})();
