"use strict";
// The page works without this script, but for choosing: it shows and hides what the page already has.
(() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const root = document.documentElement;
  const data = JSON.parse($("#data").textContent);
  const keys = Object.keys(data.executions);
  const tip = $("#tip"), detail = $("#detail");
  let current = keys[0] || null; // the execution shown
  let event = null; // the number of the event picked
  let scale = 1;
  root.classList.add("js");

  const figure = () => $(`figure[data-execution="${current}"]`);
  const execution = () => data.executions[current];
  const node = (number) => $(`.event[data-event="${number}"]`, figure());
  const edges = () => all(".edge", figure()).filter((edge) => !edge.hasAttribute("hidden"));
  const ends = (edge) => [Number(edge.dataset.source), Number(edge.dataset.target)];
  const show = (element, on) => on ? element.removeAttribute("hidden") : element.setAttribute("hidden", "");
  const make = (name, className, text) => {
    const element = document.createElement(name);
    element.className = className || "";
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // --- tabs -----------------------------------------------------------------------------------------------------
  const tabs = all("[role=tab]");
  const openTab = (tab, focus) => {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      show($("#" + other.getAttribute("aria-controls")), chosen);
    }
    if (focus) tab.focus();
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => openTab(tab));
    tab.addEventListener("keydown", (press) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[press.key];
      if (!step) return;
      press.preventDefault();
      press.stopPropagation();
      openTab(tabs[(index + step + tabs.length) % tabs.length], true);
    });
  });
  if (tabs.length) openTab(tabs[0]);

  // --- source ---------------------------------------------------------------------------------------------------
  const reveal = (line) => {
    for (let outer = line.parentElement; outer; outer = outer.parentElement) {
      if (outer.tagName === "DETAILS") outer.open = true;
    }
    line.scrollIntoView({ block: "nearest" });
  };
  const pickLine = (id) => {
    all(".line.picked").forEach((line) => line.classList.remove("picked"));
    const line = id && document.getElementById(id);
    if (line) {
      line.classList.add("picked");
      reveal(line);
    }
  };
  const markLines = () => {
    all(".line.here").forEach((line) => {
      line.classList.remove("here");
      line.removeAttribute("tabindex");
      line.removeAttribute("role");
      $(".chips", line).textContent = "";
    });
    const names = new Map();
    for (const entry of execution().events) {
      if (entry.line) names.set(entry.line, [...(names.get(entry.line) || []), entry.name]);
    }
    for (const [id, here] of names) {
      const line = document.getElementById(id);
      if (!line) continue;
      line.classList.add("here");
      line.tabIndex = 0;
      line.setAttribute("role", "button");
      const chip = make("span", "chip", here.length > 2 ? `${here[0]} +${here.length - 1}` : here.join(" "));
      chip.title = here.join(", ");
      $(".chips", line).append(chip);
    }
  };
  const fromLine = (line) => {
    const here = execution().events.flatMap((entry, number) => (entry.line === line.id && node(number) ? [number] : []));
    if (here.length) pick(here[(here.indexOf(event) + 1) % here.length]);
  };
  $("#sources").addEventListener("click", (click) => {
    const line = click.target.closest(".line.here");
    if (line) fromLine(line);
  });
  document.addEventListener("click", (click) => {
    const link = click.target.closest("a.ref");
    if (!link) return;
    click.preventDefault();
    const id = link.getAttribute("href").slice(1);
    const here = current ? execution().events.flatMap((entry, number) => (entry.line === id ? [number] : [])) : [];
    if (here.length === 1 && node(here[0])) pick(here[0]);
    else pickLine(id);
  });

  // --- events and edges -----------------------------------------------------------------------------------------
  const treeOf = (edge) => {
    const { relation, source, target, step } = edge.dataset;
    const trees = execution().trees;
    return (step && on.layers.has("cycle") && trees[step]) || trees[`${relation} ${source} ${target}`];
  };
  const between = (source, target, leaf) => {
    const [from, to] = [source, target].map((number) => execution().events[number]);
    if (source === target) return `${from.where}: ${from.action}`;
    return leaf ? `${from.where}: ${from.action} → ${to.where}: ${to.action}` : `${from.where} → ${to.where}`;
  };
  const told = (edge) => {
    const list = make("ul", "tree");
    const lines = treeOf(edge) || [[0, edge.dataset.relation, ...ends(edge), "", ""]];
    lines.forEach(([depth, relation, source, target, rule, defined], index) => {
      const leaf = index + 1 === lines.length || lines[index + 1][0] <= depth;
      const item = make("li");
      item.style.setProperty("--depth", depth);
      item.append(make("b", "", relation), ` ${between(source, target, leaf)} `, make("i", "", rule), " ", make("small", "", defined));
      list.append(item);
    });
    return list;
  };
  const toldEvent = (number) => {
    const entry = execution().events[number];
    const box = make("div");
    const first = make("p");
    first.append(make("b", "", entry.name), ` ${entry.where}: ${entry.action} `, make("small", "", entry.tags.join(", ")));
    box.append(first);
    if (entry.text) box.append(make("code", "", entry.text));
    return box;
  };
  const unpick = () => {
    all(".picked").forEach((element) => element.classList.remove("picked"));
    all(".edge[tabindex='0']").forEach((edge) => (edge.tabIndex = -1));
  };
  const pick = (number) => {
    unpick();
    event = number;
    const entry = execution().events[number];
    const target = node(number);
    all(".event[tabindex='0']", figure()).forEach((other) => (other.tabIndex = -1));
    if (target) {
      target.tabIndex = 0;
      target.classList.add("picked");
      target.focus({ preventScroll: true });
      target.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    edges().filter((edge) => ends(edge).includes(number)).forEach((edge) => (edge.tabIndex = 0));
    for (const row of all(`tr[data-execution="${current}"]`)) {
      row.classList.toggle("picked", Number(row.dataset.event) === number);
    }
    pickLine(entry.line);
    detail.replaceChildren(toldEvent(number));
  };
  const pickEdge = (edge) => {
    unpick();
    edge.classList.add("picked");
    edge.tabIndex = 0;
    edge.focus({ preventScroll: true });
    edge.scrollIntoView({ block: "nearest", inline: "nearest" });
    detail.replaceChildren(told(edge));
  };
  const place = (x, y) => {
    show(tip, true);
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${y + 18 + tip.offsetHeight > innerHeight ? Math.max(4, y - tip.offsetHeight - 10) : y + 18}px`;
  };
  const hint = (element, x, y) => {
    tip.replaceChildren(element.classList.contains("edge") ? told(element) : toldEvent(Number(element.dataset.event)));
    place(x, y);
  };
  const pictures = $("#pictures");
  const active = (target) => target.closest && target.closest(".edge, .event[data-event]");
  pictures.addEventListener("mousemove", (move) => {
    const element = active(move.target);
    if (element) hint(element, move.clientX, move.clientY);
    else show(tip, false);
  });
  pictures.addEventListener("mouseleave", () => show(tip, false));
  pictures.addEventListener("focusin", (focus) => {
    const element = active(focus.target);
    if (!element || !element.matches(":focus-visible")) return;
    if (element.classList.contains("edge")) {
      const box = element.getBoundingClientRect();
      hint(element, box.left + box.width / 2, box.top + box.height / 2);
    }
  });
  pictures.addEventListener("focusout", () => show(tip, false));
  pictures.addEventListener("click", (click) => {
    const element = active(click.target);
    if (!element) return;
    if (element.classList.contains("edge")) pickEdge(element);
    else pick(Number(element.dataset.event));
  });

  // --- relations ------------------------------------------------------------------------------------------------
  const on = { base: new Set(), layers: new Set(["cycle", "gap"]) };
  const boxOf = (number) => {
    const rect = node(number) && $("rect", node(number));
    if (!rect) return null;
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name)));
    return { x, y, width, height, right: x + width, middle: y + height / 2 };
  };
  const overlay = (a, b) => {
    if (a === b || Math.abs(a.x - b.x) < 1) {
      const bend = 22 + Math.min(60, Math.abs(a.middle - b.middle) / 8);
      const dy = a === b ? 9 : 0;
      return `M${a.right},${a.middle - dy} C${a.right + bend},${a.middle - dy} ${b.right + bend},${b.middle + dy} ${b.right},${b.middle + dy}`;
    }
    const forward = a.x < b.x;
    const from = forward ? a.right : a.x, to = forward ? b.x : b.right, handle = (to - from) * 0.45;
    return `M${from},${a.middle} C${from + handle},${a.middle} ${to - handle},${b.middle} ${to},${b.middle}`;
  };
  const svgNode = (parent, name, attributes) => {
    const element = document.createElementNS(parent.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.append(element);
    return element;
  };
  const meets = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
  const label = (layer, path, text, taken) => {
    const width = text.length * 6.63 + 6, length = path.getTotalLength();
    for (const part of [0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78]) {
      const point = path.getPointAtLength(length * part);
      const box = { x: point.x - width / 2, y: point.y - 7, width, height: 14 };
      if (taken.some((other) => meets(box, other))) continue;
      taken.push(box);
      const group = svgNode(layer, "g", { class: "label t-other" });
      svgNode(group, "rect", { ...box, rx: 3 });
      svgNode(group, "text", { x: point.x, y: point.y + 3.5 }).textContent = text;
      return;
    }
  };
  const drawDerived = () => {
    const svg = $("svg.graph", figure());
    const layer = $("g.derived", svg);
    const labels = $("g.derived-labels", svg);
    layer.replaceChildren();
    labels.replaceChildren();
    const visible = all(".event rect, text.head, .label:not([hidden]) rect", svg);
    const taken = visible.map((rect) => rect.getBBox());
    for (const [name, [, pairs]] of Object.entries(execution().relations)) {
      if (!on.base.has(name)) continue;
      for (const [source, target] of pairs.slice(0, data.maximum)) {
        const [a, b] = [boxOf(source), source === target ? null : boxOf(target)];
        if (!a || (source !== target && !b)) continue;
        const d = overlay(a, b || a);
        const group = svgNode(layer, "g", { class: "edge", "data-relation": name, "data-source": source, "data-target": target, tabindex: -1, role: "button", "aria-label": name });
        const path = svgNode(group, "path", { class: "way s-other", d, "marker-end": "url(#m-other)" });
        svgNode(group, "path", { class: "hit", d });
        if (b) label(labels, path, name, taken);
      }
    }
  };
  const refresh = () => {
    for (const element of all("[data-layer]", figure())) {
      const { layer, relation, marked } = element.dataset;
      const wanted = layer === "base" ? on.base.has(relation) || (marked && on.layers.has("cycle")) : on.layers.has(layer);
      show(element, wanted);
      element.classList.toggle("marked", Boolean(marked) && on.layers.has("cycle"));
    }
    all("path.halo", figure()).forEach((halo) => show(halo, on.layers.has("cycle")));
    drawDerived();
    for (const box of all("input[data-relation]")) {
      const found = execution().relations[box.dataset.relation];
      const count = $(".count", box.closest("li"));
      if (found) count.textContent = `${found[0]} pair${found[0] === 1 ? "" : "s"}${found[1].length > data.maximum ? `, the first ${data.maximum} drawn` : ""}`;
      else count.textContent = "";
    }
  };
  for (const box of all("#relations input")) {
    const { relation, layer } = box.dataset;
    const set = layer ? on.layers : on.base, name = layer || relation;
    if (box.checked) set.add(name);
    else set.delete(name);
    box.addEventListener("change", () => {
      if (box.checked) set.add(name);
      else set.delete(name);
      refresh();
    });
  }

  // --- executions -----------------------------------------------------------------------------------------------
  const zoom = (value) => {
    scale = Math.max(0.3, Math.min(2.5, value));
    const svg = $("svg.graph", figure());
    const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    svg.style.width = `${width * scale}px`;
    svg.style.height = `${height * scale}px`;
  };
  const LEAST = innerWidth < 700 ? 0.85 : 0.73; // of the scale: smaller text cannot be read
  const fitting = () => (pictures.clientWidth - 18) / Number($("svg.graph", figure()).getAttribute("viewBox").split(" ")[2]);
  const fit = (least) => zoom(Math.max(least, Math.min(1.2, fitting())));
  const choose = (key) => {
    if (!data.executions[key]) return;
    unpick();
    current = key;
    event = null;
    all("#pictures figure").forEach((other) => show(other, other.dataset.execution === key));
    $("#execution").value = key;
    all(".go[data-execution]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.execution === key)));
    detail.replaceChildren(make("small", "", "Click an event or an edge; hover for why. Keys: ?"));
    markLines();
    refresh();
    fit(LEAST);
  };
  const stepExecution = (step) => choose(keys[(keys.indexOf(current) + step + keys.length) % keys.length]);
  document.addEventListener("click", (click) => {
    const button = click.target.closest("button.go");
    if (button && button.dataset.switch) {
      const box = $(`input[value="${button.dataset.switch}"]`);
      if (!box.checked) box.click();
      openTab($("#tab-what-if"));
    } else if (button) {
      choose(button.dataset.execution);
      const [relation, source, target] = (button.dataset.edge || "").split(" ");
      const edge = source && $(`.edge[data-layer="gap"][data-relation="${relation}"][data-source="${source}"][data-target="${target}"]`, figure());
      if (edge) pickEdge(edge);
    }
    const row = click.target.closest("tr[data-event]");
    if (row && !click.target.closest("a")) {
      if (current !== row.dataset.execution) choose(row.dataset.execution);
      pick(Number(row.dataset.event));
    }
  });

  // --- what if --------------------------------------------------------------------------------------------------
  const switches = all("input[name='what-if']");
  const badge = (kind) => make("span", `badge b-${kind}`, data.badges[kind].join(" "));
  const apply = (key) => {
    all(".line.added").forEach((line) => line.remove());
    all(".line.removed").forEach((line) => line.classList.remove("removed"));
    const edit = data.switches[key];
    const verdict = $("#verdict");
    $(".badge", verdict).classList.toggle("was", Boolean(edit));
    $(".under", verdict).replaceChildren();
    all("#matrix .changed").forEach((cell) => show(cell, Boolean(edit)));
    all("#matrix td.changed").forEach((cell) => cell.replaceChildren());
    if (!edit) return;
    const effect = edit.effects[data.model];
    $(".under", verdict).append(`with “${edit.text}”: `, effect ? badge(effect[0]) : "not checked");
    for (const row of all("#matrix tr[data-model]")) {
      const found = edit.effects[row.dataset.model];
      $(".changed", row).append(found ? badge(found[0]) : "not checked");
    }
    edit.removed.forEach((number) => {
      const line = document.getElementById(`L${edit.file}-${number}`);
      if (line) line.classList.add("removed");
    });
    let touched = edit.removed.length ? document.getElementById(`L${edit.file}-${edit.removed[0]}`) : null;
    [...edit.added].reverse().forEach(([after, text]) => {
      const before = document.getElementById(`L${edit.file}-${after}`);
      if (!before) return;
      const line = make("div", "line added");
      line.append(make("span", "no", "+"), make("span", "chips"), make("span", "text", text));
      before.after(line);
      touched = line;
    });
    if (touched) reveal(touched);
    if (edit.shows) choose(edit.shows);
  };
  switches.forEach((box) => box.addEventListener("change", () => {
    switches.forEach((other) => { if (other !== box) other.checked = false; });
    apply(box.checked ? box.value : null);
  }));

  // --- keys -----------------------------------------------------------------------------------------------------
  const order = () => all(".event[data-event]", figure()).map((element) => Number(element.dataset.event));
  const stepEvent = (step) => {
    const list = order();
    const at = list.indexOf(event);
    pick(list[at < 0 ? (step > 0 ? 0 : list.length - 1) : (at + step + list.length) % list.length]);
  };
  const sideways = (step) => {
    const here = event === null ? null : boxOf(event);
    if (!here) return stepEvent(1);
    const inThreads = order().filter((number) => !node(number).classList.contains("k-initial"));
    const others = inThreads.map((number) => [number, boxOf(number)]).filter(([, box]) => (box.x - here.x) * step > 1);
    const x = Math.min(...others.map(([, box]) => Math.abs(box.x - here.x)));
    const column = others.filter(([, box]) => Math.abs(Math.abs(box.x - here.x) - x) < 1);
    column.sort((a, b) => Math.abs(a[1].y - here.y) - Math.abs(b[1].y - here.y));
    if (column.length) pick(column[0][0]);
  };
  const stepEdge = (step) => {
    const list = edges().filter((edge) => event === null || ends(edge).includes(event));
    const at = list.findIndex((edge) => edge.classList.contains("picked"));
    if (list.length) pickEdge(list[at < 0 ? 0 : (at + step + list.length) % list.length]);
  };
  const theme = () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  };
  const widen = () => {
    const wide = root.classList.toggle("wide-graph");
    $("#widen").setAttribute("aria-pressed", String(wide));
    fit(LEAST);
  };
  const help = () => $("#keys").open ? $("#keys").close() : $("#keys").showModal();
  const enter = () => {
    const focused = document.activeElement;
    if (focused.classList.contains("here")) fromLine(focused);
    else if (focused.classList.contains("edge")) pickEdge(focused);
    else if (focused.classList.contains("event")) {
      pick(Number(focused.dataset.event));
      const line = $(".line.picked");
      if (line) line.focus();
    } else return false;
    return true;
  };
  const actions = {
    j: () => stepEvent(1), ArrowDown: () => stepEvent(1), k: () => stepEvent(-1), ArrowUp: () => stepEvent(-1),
    l: () => sideways(1), ArrowRight: () => sideways(1), h: () => sideways(-1), ArrowLeft: () => sideways(-1),
    e: () => stepEdge(1), E: () => stepEdge(-1), "]": () => stepExecution(1), "[": () => stepExecution(-1),
    "+": () => zoom(scale * 1.2), "=": () => zoom(scale * 1.2), "-": () => zoom(scale / 1.2), 0: () => fit(0.3), w: widen,
  };
  document.addEventListener("keydown", (press) => {
    if (press.ctrlKey || press.metaKey || press.altKey || press.target.matches("select, input[type=text]")) return;
    if (press.key === "?") return void (press.preventDefault(), help());
    if ($("#keys").open) return;
    if (press.key === "t") return theme();
    if (/^[1-9]$/.test(press.key) && tabs[press.key - 1]) return openTab(tabs[press.key - 1], true);
    if (press.key === "Escape") return show(tip, false);
    if (!current) return;
    if ((press.key === "Enter" || press.key === " ") && enter()) return press.preventDefault();
    const arrow = press.key.startsWith("Arrow");
    if (arrow && !pictures.contains(document.activeElement)) return; // arrows scroll elsewhere
    if (actions[press.key]) {
      press.preventDefault();
      actions[press.key]();
    }
  });
  $("#theme").addEventListener("click", theme);
  $("#help").addEventListener("click", help);
  if (current) {
    $("#previous").addEventListener("click", () => stepExecution(-1));
    $("#next").addEventListener("click", () => stepExecution(1));
    $("#execution").addEventListener("change", (change) => choose(change.target.value));
    $("#smaller").addEventListener("click", () => zoom(scale / 1.2));
    $("#larger").addEventListener("click", () => zoom(scale * 1.2));
    $("#fit").addEventListener("click", () => fit(0.3));
    $("#widen").addEventListener("click", widen);
    choose(current);
    if (innerWidth > 900 && fitting() < LEAST) widen(); // beside the text it would be cut
  }
})();
