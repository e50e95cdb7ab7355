import { BackbonePlot } from "./backbone_plot.mjs";
import { count, digits, eachFrame, errorStrip, keepKeys, make } from "./kit.mjs";
import { fits, inView, ordered } from "./scatter.mjs";

const ROW = 28;
/** @type {{ key: string, head: string, what: string, number?: boolean, show?: (value: any) => string }[]} */
const COLUMNS = [
  { key: "name", head: "name", what: "name for wb.load_net" },
  { key: "family", head: "family", what: "the library module that defines it" },
  { key: "parameters", head: "weights", number: true, show: count, what: "number of weights" },
  { key: "gmacs", head: "GMACs", number: true, show: (v) => (v === null ? "–" : v.toFixed(v < 9.995 ? 2 : v < 99.95 ? 1 : 0)), what: "multiply-adds per image, in 10⁹" },
  { key: "image_size", head: "pixels", number: true, show: String, what: "height and width of the input, in pixels" },
  { key: "pretrained_on", head: "trained on", what: "data that the weights were trained on" },
  { key: "licence", head: "licence", what: "licence of the weights" },
  { key: "top1", head: "top-1", number: true, show: (v) => (v === null ? "–" : `${v.toFixed(1)} %`), what: "published ImageNet accuracy" },
  { key: "offline", head: "offline", show: (v) => (v ? "yes" : "no"), what: "are the weights on this machine?" },
  { key: "memory", head: "memory", number: true, what: "memory for full fine-tuning with batches of 32, estimated from weights, multiply-adds and image size; good to a factor of two" },
];
let pickers = 0;

/** One view of the picker. Sorting and the row under the cursor are state of the view; the choice is the trait `backbone`. */
class Picker {
  id = `wb-picker-${++pickers}`;
  /** Rows of the catalogue in the order shown. @type {number[]} */
  order = [];
  /** @type {{ key: string, down: boolean } | null} */
  sort = null;
  cursor = 0;
  /** Row elements on the page, by position in the order. @type {Map<number, HTMLElement>} */
  lines = new Map();
  /** Timer of the delayed search. @type {number | undefined} */
  timer = undefined;
  title = make("div", { class: "wb-title wb-grow" });
  search = make("input", { class: "wb-input wb-grow", type: "search", "aria-label": "search backbones", title: "words that a backbone has, then bounds on columns after a comma; parameters are numbers of weights", spellcheck: "false",
    placeholder: "words, then bounds: mobilenet imagenet, parameters < 6e6 and licence == 'apache-2.0'",
    on: { input: () => this.askSoon(), keydown: (event) => this.searchKey(event) } });
  only = make("input", { type: "checkbox", on: { change: () => this.showOnly() } });
  heads = COLUMNS.map((column) => make("button", {
    type: "button", class: column.number ? "wb-head wb-number" : "wb-head", text: column.head, title: `${column.what}; click sorts`,
    on: { click: () => this.sortBy(column) } }));
  headCells = this.heads.map((button) => make("span", { role: "columnheader" }, button));
  body = make("div", { class: "wb-lines" });
  empty = make("div", { class: "wb-empty", hidden: true });
  scroller = make("div", { class: "wb-scroller", role: "grid", tabindex: 0, "aria-label": "backbones", "aria-colcount": COLUMNS.length,
    on: { scroll: () => this.drawSoon(), keydown: (event) => this.key(event), click: (event) => this.click(event) } },
  make("div", { class: "wb-line wb-heads", role: "row" }, this.headCells), this.body, this.empty);

  /**
   * @param {import("./kit.mjs").Model} model
   * @param {HTMLElement} el
   */
  constructor(model, el) {
    this.model = model;
    el.classList.add("wb-widget", "wb-picker");
    this.summary = make("div", { class: "wb-quiet wb-note", role: "status" });
    this.chosen = make("div", { class: "wb-details" });
    this.plot = new BackbonePlot(model, (row) => {
      this.goTo(this.order.indexOf(row));
      this.choose(row);
    });
    el.append(this.bar(), this.summary, make("div", { class: "wb-picker-body" }, make("div", { class: "wb-picker-table" }, this.scroller), this.plot.element), this.chosen, errorStrip(model));
    el.addEventListener("keydown", (event) => {
      if (event.key !== "/" || (event.target instanceof Element && event.target.matches("input, select"))) return;
      event.preventDefault();
      this.search.focus();
      this.search.select();
    });
    this.drawSoon = eachFrame(() => this.drawRows());
    model.on("change:found change:rows", () => this.showFound());
    model.on("change:note change:title change:query change:offline_only", () => this.showBar());
    model.on("change:backbone", () => this.showChosen());
    this.showBar();
    this.showFound();
    this.showChosen();
    this.watch = new ResizeObserver(() => this.drawSoon());
    this.watch.observe(this.body);
  }

  get(name) { return this.model.get(name); }

  set(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  // ---------------------------------------------------------------- search

  bar() {
    return make("div", {}, this.title, make("div", { class: "wb-bar wb-toolbar" }, this.search,
      make("label", { class: "wb-field", title: "list only backbones whose weights are on this machine" }, this.only, make("span", { text: "only those on this machine" }))));
  }

  askSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), 200);
  }

  ask() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.set("query", this.search.value.trim());
  }

  showOnly() {
    const only = this.only.checked; // changing the query redraws the bar
    this.model.set("query", this.search.value.trim());
    this.set("offline_only", only);
  }

  searchKey(event) {
    if (event.key !== "ArrowDown" && event.key !== "Enter") return;
    event.preventDefault();
    if (this.timer) this.ask();
    this.scroller.focus();
  }

  showBar() {
    this.title.textContent = this.get("title");
    if (document.activeElement !== this.search && !this.timer) this.search.value = this.get("query");
    this.only.checked = this.get("offline_only");
    const all = this.get("rows").name?.length ?? 0, found = this.get("found").length;
    this.summary.textContent = this.get("note") || `${found.toLocaleString("en")} of ${all.toLocaleString("en")}. Memory: full fine-tuning with batches of 32, against ${this.get("limit_words")}.`;
    this.summary.classList.toggle("wb-warning", Boolean(this.get("note")));
  }

  // ---------------------------------------------------------------- table

  sortBy(column) {
    const first = Boolean(column.number && column.key === "top1") || column.key === "offline";
    const down = this.sort !== null && this.sort.key === column.key ? !this.sort.down : first;
    this.sort = { key: column.key, down };
    this.cursor = 0;
    this.showFound();
    this.scroller.scrollTop = 0;
  }

  showFound() {
    const rows = this.get("rows"), found = this.get("found"), { sort } = this;
    const under = this.order[this.cursor];
    this.order = sort ? ordered(found, rows[sort.key], sort.down) : found;
    this.cursor = Math.max(this.order.indexOf(under), 0);
    COLUMNS.forEach((column, i) => {
      const by = sort !== null && sort.key === column.key;
      this.headCells[i].setAttribute("aria-sort", by ? (sort.down ? "descending" : "ascending") : "none");
      this.heads[i].textContent = column.head + (by ? (sort.down ? " ↓" : " ↑") : "");
    });
    this.lines.clear();
    this.body.replaceChildren();
    this.body.style.height = `${this.order.length * ROW}px`;
    this.empty.hidden = this.order.length > 0;
    this.empty.textContent = this.get("offline_only") ? "None of these is on this machine: clear the box to see those that can be downloaded."
      : "No backbone matches: remove a word or widen a bound.";
    this.scroller.setAttribute("aria-rowcount", String(this.order.length + 1));
    this.showBar();
    this.drawRows();
    this.plot.show(this.order);
  }

  /** Draw the visible rows; existing rows remain, and only their marks are updated. */
  drawRows() {
    const [first, last] = inView(this.scroller.scrollTop, this.scroller.clientHeight || 392, ROW, this.order.length);
    for (const [at, node] of this.lines)
      if (at < first || at >= last) {
        node.remove();
        this.lines.delete(at);
      }
    const chosen = this.get("backbone"), names = this.get("rows").name;
    for (let at = first; at < last; at++) {
      const node = this.lines.get(at) ?? this.body.appendChild(this.line(at)), picked = names[this.order[at]] === chosen;
      this.lines.set(at, node);
      node.classList.toggle("wb-cursor", at === this.cursor);
      node.classList.toggle("wb-picked", picked);
      node.setAttribute("aria-selected", String(picked));
    }
    if (this.order.length) this.scroller.setAttribute("aria-activedescendant", `${this.id}-${this.cursor}`);
    else this.scroller.removeAttribute("aria-activedescendant");
  }

  line(at) {
    const row = this.order[at], rows = this.get("rows");
    const cells = COLUMNS.map((column) => {
      const value = rows[column.key][row];
      if (column.key === "memory") return this.memoryCell(value);
      const text = column.show ? column.show(value) : value ?? "–";
      return make("span", { role: "gridcell", class: column.number ? "wb-number" : `wb-word wb-${column.key}`, text, title: column.number ? null : text });
    });
    const node = make("div", { id: `${this.id}-${at}`, class: "wb-line", role: "row", "data-at": at, "aria-rowindex": at + 2 }, cells);
    node.style.top = `${at * ROW}px`;
    return node;
  }

  memoryCell(value) {
    const verdict = fits(value, this.get("limit"));
    return make("span", { role: "gridcell", class: "wb-number" }, value ? `${gigabytes(value)} ` : "–",
      make("span", { class: verdict === "too big" ? "wb-misfit" : "wb-quiet", text: verdict }));
  }

  click(event) {
    const at = event.target.closest("[data-at]")?.dataset.at;
    if (at === undefined) return;
    this.cursor = Number(at);
    this.choose(this.order[this.cursor]);
  }

  key(event) {
    const page = Math.max(Math.floor(this.scroller.clientHeight / ROW) - 2, 1), end = this.order.length - 1;
    const to = { ArrowDown: this.cursor + 1, ArrowUp: this.cursor - 1, PageDown: this.cursor + page, PageUp: this.cursor - page, Home: 0, End: end }[event.key];
    if (event.target !== this.scroller || !this.order.length) return;
    if (to !== undefined) this.goTo(Math.min(Math.max(to, 0), end));
    else if (event.key === "Enter" || event.key === " ") this.choose(this.order[this.cursor]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  goTo(at) {
    this.cursor = at;
    const top = at * ROW, view = this.scroller.clientHeight - ROW;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW > this.scroller.scrollTop + view) this.scroller.scrollTop = top + ROW - view;
    this.drawRows();
  }

  choose(row) {
    this.set("backbone", this.get("rows").name[row]);
  }

  showChosen() {
    const rows = this.get("rows"), name = this.get("backbone"), row = rows.name?.indexOf(name) ?? -1;
    const at = this.order.indexOf(row);
    if (at >= 0) this.goTo(at);
    else this.drawRows();
    this.plot.markSoon();
    this.chosen.replaceChildren(...(name ? [make("span", { class: "wb-strong", text: name }), this.words(rows, row)]
      : [make("span", { class: "wb-quiet", text: "None chosen yet: click a row or a dot, or press Enter on a row." })]));
  }

  words(rows, row) {
    if (row < 0) return make("span", { class: "wb-quiet", text: "not in the catalogue" });
    const of = (key) => rows[key][row];
    const verdict = fits(of("memory"), this.get("limit"));
    const parts = [`${count(of("parameters"))} weights`, of("gmacs") === null ? null : `${digits(of("gmacs"))} GMACs at ${of("image_size")} px`,
      `pretrained on ${of("pretrained_on")}`, `licence ${of("licence")}`,
      of("top1") === null ? "no published top-1 at hand" : `top-1 ${of("top1").toFixed(1)} % (${of("top1_source")})`,
      of("offline") ? "weights on this machine" : "weights to be downloaded",
      verdict ? `training needs about ${gigabytes(of("memory"))}: ${verdict}` : null];
    return make("span", { text: parts.filter(Boolean).join(" · ") });
  }
}

/** @param {number} value */
function gigabytes(value) {
  return `${(value / 1e9).toFixed(value < 9.95e9 ? 1 : 0)} GB`;
}

/** @param {import("./kit.mjs").Context} context */
function render({ model, el }) {
  const picker = new Picker(model, el);
  const release = keepKeys(el);
  return () => {
    release();
    picker.watch.disconnect();
    picker.plot.leave();
    clearTimeout(picker.timer);
  };
}

export default { render };
