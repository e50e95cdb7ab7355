import { digits, eachFrame, entry, errorStrip, keepKeys, make } from "./kit.mjs";
import { between, beginsRun, cellLabel, cellUnder, epochsOf, moved, painted, rampColour, times, wantsBlack } from "./painting.mjs";

const HINT = "Drag to paint, shift to freeze; a name paints its row, a number its column.";
const BRUSHES = [0, 0.01, 0.1, 0.3, 1, 3];
let views = 0;

/** One view of the painter. The picture lives in the trait `rates`; a stroke is drawn here and saved when it ends. */
class Painter {
  constructor(model, el) {
    this.model = model;
    this.id = `wb-painter-${++views}`;
    this.brush = 1;
    this.at = null; // the cell that Tab reaches: [row, column], -1 is a header
    this.stroke = null;
    this.grid = [];
    el.classList.add("wb-widget", "wb-painter");
    this.table = make("div", { class: "wb-grid", role: "grid", "aria-label": "learning rate by stage and epoch" });
    this.status = make("div", { class: "wb-quiet wb-status", "aria-hidden": "true" });
    this.costs = make("div", { class: "wb-costs", "aria-live": "polite" });
    el.append(
      this.toolbar(),
      make("div", { class: "wb-painter-body" },
        make("div", { class: "wb-painter-left" }, make("div", { class: "wb-scroll" }, this.table), this.palette(), this.status),
        this.costs),
      errorStrip(model));
    this.listen();
    this.showAll();
    this.point(null);
  }

  get(name) { return this.model.get(name); }

  say(message) { this.model.send(message); }

  // ---------------------------------------------------------------- toolbar

  toolbar() {
    this.title = make("div", { class: "wb-title wb-grow" });
    this.preset = make("select", { class: "wb-select", on: { change: () => this.say({ do: "preset", name: this.preset.value }) } });
    this.form = make("span", { class: "wb-bar" });
    this.lr = entry({ type: "text", inputmode: "decimal", class: "wb-input wb-number wb-short" }, (text) => this.sendLr(text.trim()));
    this.epochs = entry({ type: "number", min: 1, max: 10000, step: 1, class: "wb-input wb-short" },
      (text) => this.say({ do: "epochs", value: Number(text) }));
    this.undo = make("button", { class: "wb-button", type: "button", text: "Undo", on: { click: () => this.say({ do: "undo" }) } });
    const field = (label, input) => make("label", { class: "wb-field" }, make("span", { text: label }), input);
    return make("div", {}, this.title, make("div", { class: "wb-bar wb-toolbar" },
      field("preset", this.preset), this.form, field("base rate", this.lr), field("epochs", this.epochs)));
  }

  sendLr(text) {
    this.say({ do: "lr", value: text === "" ? null : text });
  }

  showToolbar() {
    this.title.textContent = this.get("title");
    const chosen = this.get("preset"), own = this.get("own_lr");
    const options = this.get("presets").filter((one) => one.name !== "grid" || chosen === "grid");
    this.preset.replaceChildren(...options.map((one) => make("option", {
      value: one.name, text: one.name === "grid" ? "painted by hand" : one.name, title: one.what, disabled: one.name === "grid" })));
    this.preset.value = chosen;
    const known = options.find((one) => one.name === chosen);
    this.preset.title = known ? `${known.what} ${known.source}` : "";
    this.showForm(chosen, known?.fields ?? []);
    this.lr.value = this.get("lr") === null ? "" : rate(this.get("lr"));
    this.lr.placeholder = rate(own);
    this.lr.title = `base learning rate, which the grid multiplies; left empty, the tuning's own ${rate(own)} is taken`;
    this.epochs.value = this.get("epochs");
    this.undo.disabled = !this.get("undoable");
    this.undo.title = this.get("undoable") ? "take back the last stroke or preset (Ctrl+Z in the grid)" : "nothing to take back yet";
  }

  /** The preset's few parameters; built when another preset is chosen, else only their values change. */
  showForm(preset, fields) {
    if (this.formOf !== preset) {
      this.formOf = preset;
      this.inputs = fields.map((field) => this.inputOf(preset, field));
      this.form.replaceChildren(...fields.map((field, i) => make("label", { class: "wb-field", title: field.help },
        make("span", { text: field.name }), this.inputs[i])));
      this.form.hidden = !fields.length;
    }
    fields.forEach(({ name, type }, i) => {
      if (type === "bool") this.inputs[i].checked = this.get("params")[name];
      else this.inputs[i].value = this.get("params")[name];
    });
  }

  inputOf(preset, { name, type, options, low, high }) {
    const send = (value) => this.say({ do: "preset", name: preset, params: { ...this.get("params"), [name]: value } });
    if (options.length) {
      const menu = make("select", { class: "wb-select", on: { change: () => send(options[menu.selectedIndex]) } },
        options.map((option) => make("option", { text: option, value: option })));
      return menu;
    }
    if (type === "bool") return make("input", { type: "checkbox", on: { change: (event) => send(event.target.checked) } });
    if (type === "int" || type === "float")
      return entry({ type: "number", step: type === "int" ? 1 : "any", min: low, max: high, class: "wb-input wb-short" }, (text) => send(Number(text)));
    return entry({ type: "text" }, send);
  }

  // ---------------------------------------------------------------- palette

  palette() {
    const group = make("div", { class: "wb-palette", role: "radiogroup", "aria-label": "rate to paint with" });
    this.swatches = BRUSHES.map((value) => {
      const radio = make("input", { type: "radio", name: `${this.id}-brush`, class: "wb-hidden", value, checked: value === this.brush,
        on: { change: () => this.choose(value) } });
      const swatch = make("span", { class: "wb-cell wb-swatch" });
      tint(swatch, value);
      group.append(make("label", { class: "wb-brush" }, radio, swatch, make("span", { text: value ? `${value}×` : "frozen" })));
      return radio;
    });
    return make("div", { class: "wb-tools" }, group, this.undo);
  }

  choose(value) {
    this.brush = value;
    this.swatches.forEach((radio) => { radio.checked = Number(radio.value) === value; });
  }

  // ---------------------------------------------------------------- the grid

  build() {
    const stages = this.get("stages"), columns = this.grid[0]?.length ?? 0;
    const most = Math.max(...stages.map((stage) => stage.share), 1e-9);
    this.shape = `${stages.length} ${columns} ${this.get("epochs")} ${stages.map((s) => s.name).join(" ")}`;
    this.table.style.setProperty("--wb-columns", columns);
    this.table.setAttribute("aria-rowcount", stages.length + 1);
    this.table.setAttribute("aria-colcount", columns + 1);
    this.when = Array.from({ length: columns }, (_, column) => epochsOf(column, columns, this.get("epochs")));
    this.heads = this.when.map(({ first, words }, column) => make("div", {
      class: "wb-epoch", role: "columnheader", tabindex: -1, "data-row": -1, "data-column": column,
      text: columns <= 20 || column % 5 === 0 ? first : "·", "aria-label": `${words}: paint the column`, title: `${words}: click paints the column` }));
    this.names = [];
    this.cells = [];
    const rows = stages.map((stage, row) => {
      this.names[row] = make("div", { class: "wb-stage", role: "rowheader", tabindex: -1, "data-row": row, "data-column": -1, text: stage.name,
        "aria-label": `${stage.name}, ${percent(stage.share)} of the weights: paint the row`, title: `${stage.name}: click paints the row` });
      const share = make("div", { class: "wb-share wb-number", role: "presentation", text: percent(stage.share), title: `${stage.parameters.toLocaleString("en")} weights` });
      share.style.setProperty("--wb-part", `${(100 * stage.share) / most}%`);
      this.cells[row] = this.when.map((_, column) => make("div", { class: "wb-cell", role: "gridcell", tabindex: -1, "data-row": row, "data-column": column }));
      return make("div", { class: "wb-row", role: "row" }, this.names[row], share, this.cells[row]);
    });
    const top = make("div", { class: "wb-row", role: "row" },
      make("div", { class: "wb-quiet", text: "stage", role: "presentation" }), make("div", { class: "wb-quiet wb-number", text: "share", role: "presentation" }),
      this.heads);
    this.table.replaceChildren(top, ...rows.reverse());
    this.drawn = this.cells.map(() => []);
    this.reach(this.at ?? [stages.length - 1, 0], false);
  }

  draw() {
    this.grid.forEach((row, r) => row.forEach((value, c) => {
      const number = beginsRun(row, c) ? times(value) : "";
      const key = `${value} ${number}`;
      if (this.drawn[r][c] === key) return;
      this.drawn[r][c] = key;
      const cell = this.cells[r][c];
      tint(cell, value);
      cell.textContent = number;
      cell.setAttribute("aria-label", cellLabel(this.get("stages")[r].name, this.when[c].words, value));
    }));
  }

  showGrid() {
    if (this.stroke) return; // the stroke under way is saved whole at its end
    this.grid = this.get("rates");
    const stages = this.get("stages");
    if (!stages.length || !this.grid.length) {
      this.shape = null;
      this.table.replaceChildren(make("div", { class: "wb-empty", text: "Reading the stages of this net …" }));
      return;
    }
    const columns = this.grid[0].length;
    if (this.shape !== `${stages.length} ${columns} ${this.get("epochs")} ${stages.map((s) => s.name).join(" ")}`) this.build();
    this.draw();
  }

  /** Moves the one cell that Tab reaches; with `focus` the focus follows. */
  reach([row, column], focus = true) {
    const node = (r, c) => (r === -1 ? this.heads[c] : c === -1 ? this.names[r] : this.cells[r]?.[c]);
    if (this.at) node(...this.at)?.setAttribute("tabindex", -1);
    this.at = node(row, column) ? [row, column] : [this.cells.length - 1, 0];
    const target = node(...this.at);
    target.setAttribute("tabindex", 0);
    if (focus) target.focus();
  }

  /** The cells that a cell or header stands for. */
  reachOf([row, column]) {
    if (row === -1) return this.grid.map((_, r) => [r, column]);
    if (column === -1) return this.grid[row].map((_, c) => [row, c]);
    return [[row, column]];
  }

  paint(cells, value) {
    this.grid = painted(this.grid, cells, value);
    this.drawSoon();
  }

  save() {
    if (this.grid === this.get("rates")) return;
    this.model.set("rates", this.grid);
    this.model.save_changes();
  }

  // ---------------------------------------------------------------- pointer and keys

  listen() {
    this.drawSoon = eachFrame(() => this.draw());
    this.table.addEventListener("pointerdown", (event) => this.press(event));
    this.table.addEventListener("pointermove", (event) => this.drag(event));
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) this.table.addEventListener(kind, () => this.lift());
    this.table.addEventListener("pointerleave", () => this.point(null));
    this.table.addEventListener("keydown", (event) => this.key(event));
    this.table.addEventListener("focusin", (event) => this.point(placeOf(event.target)));
    const grid = () => this.showGrid(), bar = () => this.showToolbar();
    this.model.on("change:rates change:stages change:epochs", grid);
    this.model.on("change:title change:presets change:preset change:params change:lr change:own_lr change:epochs change:undoable", bar);
    this.model.on("change:costs", () => this.showCosts());
    // a refused value leaves the traits as they were: show them again
    this.model.on("change:error", bar);
  }

  press(event) {
    const place = placeOf(event.target);
    if (!place || event.button !== 0) return;
    event.preventDefault();
    this.reach(place);
    const value = event.shiftKey ? 0 : this.brush;
    this.stroke = { value, last: place, box: this.box() };
    this.paint(this.reachOf(place), value);
    this.table.setPointerCapture(event.pointerId);
  }

  drag(event) {
    if (!this.stroke) {
      this.point(placeOf(event.target));
      return;
    }
    const { last, box, value } = this.stroke;
    let place = cellUnder(event.clientX, this.flip(event.clientY, box), box, this.grid.length, this.grid[0].length);
    // a stroke that began on a header goes on over headers
    if (last[0] === -1) place = [-1, place[1]];
    else if (last[1] === -1) place = [place[0], -1];
    if (place[0] === last[0] && place[1] === last[1]) return;
    this.paint(between(last, place).flatMap((cell) => this.reachOf(cell)), value);
    this.stroke.last = place;
    this.point(place);
  }

  /** The first cell's left and top and the pitch, in a picture with the stem on top. */
  box() {
    const first = this.cells.at(-1)[0].getBoundingClientRect(), last = this.cells[0].at(-1).getBoundingClientRect();
    const across = this.grid[0].length, down = this.grid.length;
    const width = across > 1 ? (last.left - first.left) / (across - 1) : first.width;
    const height = down > 1 ? (last.top - first.top) / (down - 1) : first.height;
    return { left: first.left - (width - first.width) / 2, top: first.top - (height - first.height) / 2, width, height, down };
  }

  flip(y, box) { return 2 * box.top + box.down * box.height - y; }

  lift() {
    if (!this.stroke) return;
    this.stroke = null;
    this.save();
    this.showGrid();
  }

  key(event) {
    const place = placeOf(event.target);
    if (!place) return;
    const next = moved(place, event.key, event.ctrlKey || event.metaKey, this.grid.length, this.grid[0].length);
    const brush = BRUSHES[Number(event.key) - 1];
    if (next) this.reach(next);
    else if (event.key === " " || event.key === "Enter") {
      this.paint(this.reachOf(place), event.shiftKey ? 0 : this.brush);
      this.save();
      this.point(place);
    } else if ((event.ctrlKey || event.metaKey) && event.key === "z") this.say({ do: "undo" });
    else if (brush !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey) this.choose(brush);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Says under the grid what the pointer or the focus is on, and lights the row's and column's names. */
  point(place) {
    this.table.querySelectorAll(".wb-here").forEach((node) => node.classList.remove("wb-here"));
    if (!place || !this.grid.length) {
      this.status.textContent = HINT;
      return;
    }
    const [row, column] = place;
    this.names[row]?.classList.add("wb-here");
    this.heads[column]?.classList.add("wb-here");
    const stage = this.get("stages")[row]?.name;
    if (row === -1) this.status.textContent = `${this.when[column].words}: paint every stage`;
    else if (column === -1) this.status.textContent = `${stage}: paint every epoch`;
    else {
      const value = this.grid[row][column], base = this.get("lr") ?? this.get("own_lr");
      this.status.textContent = `${stage}, ${this.when[column].words}: ${value ? `${times(value)} × ${rate(base)} = ${rate(value * base)}` : "frozen"}`;
    }
  }

  // ---------------------------------------------------------------- costs

  showCosts() {
    const said = this.get("costs");
    if (!said.moving) {
      this.costs.replaceChildren();
      return;
    }
    const row = (name, words) => (words ? [make("div", { class: "wb-quiet", text: name }), make("div", { text: words })] : []);
    const list = make("div", { class: "wb-facts" }, row("moving", said.moving), row("memory", said.memory), row("time", said.time));
    this.costs.replaceChildren(list,
      ...(said.warning ? [make("div", { class: "wb-warning", text: said.warning })] : []),
      ...(said.busy ? [make("div", { class: "wb-quiet", text: `${said.busy} …` })] : []),
      ...(said.note ? [make("div", { class: "wb-quiet", text: said.note })] : []),
      ...this.phases(said));
    this.costs.classList.toggle("wb-busy", Boolean(said.busy));
  }

  phases(said) {
    const most = 8, count = said.epochs.length;
    if (count < 2) return [];
    const kept = count <= most ? said.epochs.map((_, i) => i) : [...Array(most - 2).keys(), -1, count - 1];
    const cell = (text, kind = "wb-number") => make("td", { class: kind, text: text ?? "–" });
    const rows = kept.map((i) => (i === -1
      ? make("tr", {}, make("td", { class: "wb-quiet", colspan: 4, text: `… ${count - most + 1} more` }))
      : make("tr", {}, cell(span(said.epochs[i]), ""), cell(said.weights[i]), cell(said.each?.[i]?.[0]), cell(said.each?.[i]?.[1]))));
    const head = ["epochs", "moving", "memory", "an epoch"].map((text, i) => make("th", { scope: "col", class: i ? "wb-number" : "", text }));
    return [make("table", { class: "wb-phases" }, make("thead", {}, make("tr", {}, head)), make("tbody", {}, rows))];
  }

  showAll() {
    this.showToolbar();
    this.showGrid();
    this.showCosts();
  }
}

function placeOf(node) {
  const found = node.closest?.("[data-row]");
  return found ? [Number(found.dataset.row), Number(found.dataset.column)] : null;
}

function tint(cell, value) {
  cell.classList.toggle("wb-frozen", !(value > 0));
  const colour = value > 0 ? rampColour(value) : null;
  cell.style.background = colour ? `rgb(${colour})` : "";
  cell.style.color = colour ? (wantsBlack(colour) ? "#000" : "#fff") : "";
}

function percent(share) { return `${(100 * share).toFixed(1)} %`; }

function span([first, last]) { return first === last ? String(first) : `${first}–${last}`; }

function rate(value) {
  return value >= 0.01 && value < 1000 ? digits(Number(value.toPrecision(3))) : value.toExponential().replace(/(\.\d{1,2})\d*/, "$1");
}

function render({ model, el }) {
  new Painter(model, el);
  return keepKeys(el);
}

export default { render };
