import { eachFrame, errorStrip, keepKeys, make } from "./kit.mjs";
import { costTable } from "./painter_costs.mjs";
import { PainterBar, rate } from "./painter_bar.mjs";
import { between, beginsRun, cellLabel, cellUnder, epochsOf, moved, painted, rampColour, times, wantsBlack } from "./painting.mjs";

const HINT = "Drag to paint, Shift-drag to freeze; click a name to paint its row, a number to paint its column.";
const BRUSHES = [0, 0.01, 0.1, 0.3, 1, 3];
let views = 0;

/** @typedef {import("./painting.mjs").Cell} Cell */
/** @typedef {import("./painting.mjs").Box & { down: number }} Box */

/** One view of the painter. The grid is the trait `rates`; a stroke is drawn here and saved when it ends. */
class Painter {
  id = `wb-painter-${++views}`;
  brush = 1;
  /** Cell that the Tab key reaches. @type {Cell | null} */
  at = null;
  /** @type {{ value: number, last: Cell, box: Box } | null} */
  stroke = null;
  /** @type {number[][]} */
  grid = [];
  /** Content of the page at present: stages, columns and epochs as one string. @type {string | null} */
  shape = null;
  /** Elements and labels of the page, by row and column. @type {HTMLElement[]} */
  heads = [];
  /** @type {HTMLElement[]} */
  names = [];
  /** @type {HTMLElement[][]} */
  cells = [];
  /** @type {string[][]} */
  drawn = [];
  /** @type {ReturnType<typeof epochsOf>[]} */
  when = [];
  swatches = BRUSHES.map((value) => make("input", { type: "radio", name: `${this.id}-brush`, class: "wb-hidden", value, checked: value === this.brush,
    on: { change: () => this.choose(value) } }));
  table = make("div", { class: "wb-grid", role: "grid", "aria-label": "learning rate by stage and epoch" });
  status = make("div", { class: "wb-quiet wb-status", "aria-hidden": "true" });
  costs = make("div", { class: "wb-costs", "aria-live": "polite" });
  drawSoon = eachFrame(() => this.draw());

  /**
   * @param {import("./kit.mjs").Model} model
   * @param {HTMLElement} el
   */
  constructor(model, el) {
    this.model = model;
    this.bar = new PainterBar(model);
    el.classList.add("wb-widget", "wb-painter");
    el.append(
      this.bar.element,
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

  // ---------------------------------------------------------------- palette

  palette() {
    const group = make("div", { class: "wb-palette", role: "radiogroup", "aria-label": "learning rate to paint with" });
    BRUSHES.forEach((value, i) => {
      const swatch = make("span", { class: "wb-cell wb-swatch" });
      tint(swatch, value);
      group.append(make("label", { class: "wb-brush", title: value ? `paint with ${value} times the learning rate` : "paint frozen stages: no learning" }, this.swatches[i], swatch, make("span", { text: value ? `${value}×` : "frozen" })));
    });
    return make("div", { class: "wb-tools" }, group, this.bar.undo);
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
    this.table.style.setProperty("--wb-columns", String(columns));
    this.table.setAttribute("aria-rowcount", String(stages.length + 1));
    this.table.setAttribute("aria-colcount", String(columns + 1));
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
    this.drawn = stages.map(() => []);
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
    if (this.stroke) return; // the unfinished stroke is saved as a whole when it ends
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

  /**
   * Change the cell that the Tab key reaches; with `focus` move the focus too.
   * @param {Cell} cell
   */
  reach([row, column], focus = true) {
    const node = (/** @type {number} */ r, /** @type {number} */ c) => (r === -1 ? this.heads[c] : c === -1 ? this.names[r] : this.cells[r]?.[c]);
    if (this.at) node(...this.at)?.setAttribute("tabindex", "-1");
    this.at = node(row, column) ? [row, column] : [this.cells.length - 1, 0];
    const target = node(...this.at);
    target.setAttribute("tabindex", "0");
    if (focus) target.focus();
  }

  /**
   * Return the cells that a cell or header covers.
   * @param {Cell} cell
   * @returns {Cell[]}
   */
  reachOf([row, column]) {
    if (row === -1) return this.grid.map((_, r) => [r, column]);
    if (column === -1) return this.grid[row].map((_, c) => [row, c]);
    return [[row, column]];
  }

  /**
   * @param {Cell[]} cells
   * @param {number} value
   */
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
    this.table.addEventListener("pointerdown", (event) => this.press(event));
    this.table.addEventListener("pointermove", (event) => this.drag(event));
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) this.table.addEventListener(kind, () => this.lift());
    this.table.addEventListener("pointerleave", () => this.point(null));
    this.table.addEventListener("keydown", (event) => this.key(event));
    this.table.addEventListener("focusin", (event) => this.point(placeOf(event.target)));
    const grid = () => this.showGrid(), bar = () => this.bar.show();
    this.model.on("change:rates change:stages change:epochs", grid);
    this.model.on("change:title change:presets change:preset change:params change:lr change:own_lr change:epochs change:undoable", bar);
    this.model.on("change:costs", () => this.showCosts());
    // a refused value does not change the traits: show them again
    this.model.on("change:error", bar);
  }

  /** @param {PointerEvent} event */
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

  /** @param {PointerEvent} event */
  drag(event) {
    if (!this.stroke) {
      this.point(placeOf(event.target));
      return;
    }
    const { last, box, value } = this.stroke;
    let place = cellUnder(event.clientX, this.flip(event.clientY, box), box, this.grid.length, this.grid[0].length);
    // a stroke that began on a header continues over headers
    if (last[0] === -1) place = [-1, place[1]];
    else if (last[1] === -1) place = [place[0], -1];
    if (place[0] === last[0] && place[1] === last[1]) return;
    this.paint(between(last, place).flatMap((cell) => this.reachOf(cell)), value);
    this.stroke.last = place;
    this.point(place);
  }

  /** Measure the first cell's left and top and the pitch, in a grid with the stem on top. */
  box() {
    const across = this.grid[0].length, down = this.grid.length;
    const first = this.cells[down - 1][0].getBoundingClientRect(), last = this.cells[0][across - 1].getBoundingClientRect();
    const width = across > 1 ? (last.left - first.left) / (across - 1) : first.width;
    const height = down > 1 ? (last.top - first.top) / (down - 1) : first.height;
    return { left: first.left - (width - first.width) / 2, top: first.top - (height - first.height) / 2, width, height, down };
  }

  /**
   * @param {number} y
   * @param {Box} box
   */
  flip(y, box) { return 2 * box.top + box.down * box.height - y; }

  lift() {
    if (!this.stroke) return;
    this.stroke = null;
    this.save();
    this.showGrid();
  }

  /** @param {KeyboardEvent} event */
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

  /** Describe the cell under the pointer or focus below the grid, and highlight its row and column names. @param {Cell | null} place */
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

  showCosts() {
    const said = this.get("costs");
    this.costs.replaceChildren(...(said.moving ? costTable(said) : []));
    if (said.moving) this.costs.classList.toggle("wb-busy", Boolean(said.busy));
  }

  showAll() {
    this.bar.show();
    this.showGrid();
    this.showCosts();
  }
}

/**
 * Find the cell or header that an element belongs to.
 * @param {EventTarget | null} node
 * @returns {Cell | null}
 */
function placeOf(node) {
  /** @type {HTMLElement | null} */
  const found = node instanceof Element ? node.closest("[data-row]") : null;
  return found ? [Number(found.dataset.row), Number(found.dataset.column)] : null;
}

/**
 * @param {HTMLElement} cell
 * @param {number} value
 */
function tint(cell, value) {
  cell.classList.toggle("wb-frozen", !(value > 0));
  const colour = value > 0 ? rampColour(value) : null;
  cell.style.background = colour ? `rgb(${colour.join()})` : "";
  cell.style.color = colour ? (wantsBlack(colour) ? "#000" : "#fff") : "";
}

/** @param {number} share */
function percent(share) { return `${(100 * share).toFixed(1)} %`; }

/** @param {import("./kit.mjs").Context} context */
function render({ model, el }) {
  new Painter(model, el);
  return keepKeys(el);
}

export default { render };
