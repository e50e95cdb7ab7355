import { errorStrip, make } from "./kit.mjs";

/** @param {import("./kit.mjs").Context} context */
function render({ model, el }) {
  el.classList.add("wb-widget", "wb-run-list");
  const list = make("div", { role: "listbox", "aria-label": "runs", class: "wb-runs" });
  const empty = make("div", { class: "wb-empty", text: "No runs yet. Launch one: it is kept here, also after a restart." });
  const heading = make("span", { class: "wb-quiet wb-small", text: "best validation accuracy" });
  el.append(make("div", { class: "wb-run-head" }, make("span", { class: "wb-strong", text: "Runs" }), heading), list, empty, errorStrip(model));

  /** Row elements on the page. */
  function rowsShown() {
    return /** @type {HTMLElement[]} */ ([...list.children]);
  }
  function choose(/** @type {string | undefined} */ name) {
    model.set("chosen", name);
    model.save_changes();
  }
  function row(run) {
    const chosen = run.name === model.get("chosen");
    const best = run.best === null ? "" : `${(100 * run.best).toFixed(1)} %`;
    return make("div", {
      role: "option", class: "wb-run", "aria-selected": String(chosen), tabindex: chosen ? "0" : "-1", "data-name": run.name,
      title: run.sentence || null, on: { click: () => choose(run.name) },
    },
    make("span", { class: `wb-state wb-state-${run.state}`, "aria-hidden": "true" }),
    make("span", { class: "wb-run-name", text: run.name, title: run.name }), make("span", { class: "wb-number wb-strong", text: best }),
    make("span", { class: "wb-quiet wb-small wb-run-what", text: `${run.state} · ${run.what}` }));
  }
  function show() {
    const focused = list.contains(document.activeElement);
    const at = list.scrollTop;
    list.replaceChildren(...model.get("rows").map(row));
    list.hidden = !list.children.length;
    empty.hidden = !list.hidden;
    heading.hidden = list.hidden;
    const current = rowsShown().find((one) => one.ariaSelected === "true") ?? rowsShown()[0];
    if (current) current.tabIndex = 0;
    list.scrollTop = at;
    if (focused) current?.focus({ preventScroll: true });
  }
  list.addEventListener("keydown", (event) => {
    const rows = rowsShown();
    const from = Math.max(rows.findIndex((one) => one.tabIndex === 0), 0);
    const to = { ArrowDown: from + 1, ArrowUp: from - 1, Home: 0, End: rows.length - 1, Enter: from, " ": from }[event.key];
    if (to === undefined || !rows[to]) return;
    event.preventDefault();
    event.stopPropagation();
    rows[to].focus();
    choose(rows[to].dataset.name);
  });
  model.on("change:rows change:chosen", show);
  show();
}

export default { render };
