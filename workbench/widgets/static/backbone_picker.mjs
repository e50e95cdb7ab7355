import { count, digits, eachFrame, errorStrip, keepKeys, make } from "./kit.mjs";
import { axis, bounds, fits, inView, nearest, ordered, ticks, upright } from "./scatter.mjs";

const ROW = 28;
const PLOT = { left: 52, right: 16, top: 12, bottom: 40 };
const COLUMNS = [
  { key: "name", head: "name", what: "what wb.load takes" },
  { key: "family", head: "family", what: "the library module that defines it" },
  { key: "parameters", head: "weights", number: true, show: count, what: "number of weights" },
  { key: "gmacs", head: "GMACs", number: true, show: (v) => (v === null ? "–" : v.toFixed(v < 9.995 ? 2 : v < 99.95 ? 1 : 0)), what: "multiply-adds an image, in 10⁹" },
  { key: "image_size", head: "pixels", number: true, show: String, what: "edge of the input, in pixels" },
  { key: "pretrained_on", head: "trained on", what: "data that the weights were trained on" },
  { key: "licence", head: "licence", what: "licence of the weights" },
  { key: "top1", head: "top-1", number: true, show: (v) => (v === null ? "–" : `${v.toFixed(1)} %`), what: "published ImageNet accuracy" },
  { key: "offline", head: "offline", show: (v) => (v ? "yes" : "no"), what: "whether the weights are on this machine" },
  { key: "memory", head: "memory", number: true, what: "memory for full fine-tuning with batches of 32, estimated from weights, multiply-adds and image size; good to a factor of two" },
];
let pickers = 0;

/** One view of the picker; sorting and the row under the cursor are the view's own, the choice is the trait `backbone`. */
class Picker {
  constructor(model, el) {
    this.model = model;
    this.id = `wb-picker-${++pickers}`;
    this.sort = null; // { key, down }
    this.cursor = 0;
    this.wanted = "auto";
    this.points = [];
    this.lines = new Map(); // place in the order -> its row in the page
    el.classList.add("wb-widget", "wb-picker");
    this.summary = make("div", { class: "wb-quiet wb-note", role: "status" });
    this.chosen = make("div", { class: "wb-details" });
    this.plot = make("div", { class: "wb-plot" });
    el.append(this.bar(), this.summary, make("div", { class: "wb-picker-body" }, this.table(), this.plotArea()), this.chosen, errorStrip(model));
    el.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.target.matches("input, select")) return;
      event.preventDefault();
      this.search.focus();
      this.search.select();
    });
    this.drawSoon = eachFrame(() => this.drawRows());
    this.plotSoon = eachFrame(() => this.drawPlot());
    this.markSoon = eachFrame(() => this.drawMarks());
    model.on("change:found change:rows", () => this.showFound());
    model.on("change:note change:title change:query change:offline_only", () => this.showBar());
    model.on("change:backbone", () => this.showChosen());
    this.showBar();
    this.showFound();
    this.showChosen();
    this.watch = new ResizeObserver(() => { this.drawSoon(); this.plotSoon(); });
    this.watch.observe(this.body);
    this.watch.observe(this.canvas);
    // a canvas does not follow the theme by itself; Lab names the theme before its colours are in force
    this.theme = new MutationObserver(() => setTimeout(() => this.plotSoon(), 200));
    this.theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name"] });
  }

  get(name) { return this.model.get(name); }

  set(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  // ---------------------------------------------------------------- search

  bar() {
    this.title = make("div", { class: "wb-title wb-grow" });
    this.search = make("input", { class: "wb-input wb-grow", type: "search", "aria-label": "search backbones", spellcheck: "false",
      placeholder: "words, then bounds: mobilenet imagenet, parameters < 6e6 and licence == 'apache-2.0'",
      on: { input: () => this.askSoon(), keydown: (event) => this.searchKey(event) } });
    this.only = make("input", { type: "checkbox", on: { change: () => this.showOnly() } });
    return make("div", {}, this.title, make("div", { class: "wb-bar wb-toolbar" }, this.search,
      make("label", { class: "wb-field" }, this.only, make("span", { text: "only those on this machine" }))));
  }

  askSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), 200);
  }

  ask() {
    clearTimeout(this.timer);
    this.timer = null;
    this.set("query", this.search.value.trim());
  }

  showOnly() {
    const only = this.only.checked; // a change of the query shows the bar anew
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

  table() {
    this.heads = COLUMNS.map((column) => make("button", {
      type: "button", class: column.number ? "wb-head wb-number" : "wb-head", text: column.head, title: `${column.what}; click sorts`,
      on: { click: () => this.sortBy(column) } }));
    const head = make("div", { class: "wb-line wb-heads", role: "row" }, this.heads.map((button) => make("span", { role: "columnheader" }, button)));
    this.headCells = [...head.children];
    this.body = make("div", { class: "wb-lines" });
    this.empty = make("div", { class: "wb-empty", hidden: true });
    this.scroller = make("div", { class: "wb-scroller", role: "grid", tabindex: 0, "aria-label": "backbones", "aria-colcount": COLUMNS.length,
      on: { scroll: () => this.drawSoon(), keydown: (event) => this.key(event), click: (event) => this.click(event) } }, head, this.body, this.empty);
    return make("div", { class: "wb-picker-table" }, this.scroller);
  }

  sortBy(column) {
    const first = Boolean(column.number && column.key === "top1") || column.key === "offline";
    const down = this.sort?.key === column.key ? !this.sort.down : first;
    this.sort = { key: column.key, down };
    this.cursor = 0;
    this.showFound();
    this.scroller.scrollTop = 0;
  }

  showFound() {
    const rows = this.get("rows"), found = this.get("found");
    const under = this.order?.[this.cursor];
    this.order = this.sort ? ordered(found, rows[this.sort.key], this.sort.down) : found;
    this.cursor = Math.max(this.order.indexOf(under), 0);
    COLUMNS.forEach((column, i) => {
      const by = this.sort?.key === column.key;
      this.headCells[i].setAttribute("aria-sort", by ? (this.sort.down ? "descending" : "ascending") : "none");
      this.heads[i].textContent = column.head + (by ? (this.sort.down ? " ↓" : " ↑") : "");
    });
    this.lines.clear();
    this.body.replaceChildren();
    this.body.style.height = `${this.order.length * ROW}px`;
    this.empty.hidden = this.order.length > 0;
    this.empty.textContent = this.get("offline_only") ? "None of these is on this machine: untick the box to see those that can be fetched."
      : "No backbone answers this: drop a word or widen a bound.";
    this.scroller.setAttribute("aria-rowcount", this.order.length + 1);
    this.showBar();
    this.drawRows();
    this.plotSoon();
  }

  /** Draws the rows in view; those already there stay, and only their marks change. */
  drawRows() {
    const [first, last] = inView(this.scroller.scrollTop, this.scroller.clientHeight || 392, ROW, this.order.length);
    for (const [at, node] of this.lines)
      if (at < first || at >= last) {
        node.remove();
        this.lines.delete(at);
      }
    const chosen = this.get("backbone"), names = this.get("rows").name;
    for (let at = first; at < last; at++) {
      if (!this.lines.has(at)) this.lines.set(at, this.body.appendChild(this.line(at)));
      const node = this.lines.get(at), picked = names[this.order[at]] === chosen;
      node.classList.toggle("wb-cursor", at === this.cursor);
      node.classList.toggle("wb-picked", picked);
      node.setAttribute("aria-selected", picked);
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
    this.markSoon();
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
      of("offline") ? "weights on this machine" : "weights to be fetched",
      verdict ? `training needs about ${gigabytes(of("memory"))}: ${verdict}` : null];
    return make("span", { text: parts.filter(Boolean).join(" · ") });
  }

  // ---------------------------------------------------------------- plot

  plotArea() {
    this.canvas = make("canvas", { class: "wb-canvas", role: "img", "aria-label": "size against accuracy; the table says the same",
      on: { click: (event) => this.plotClick(event), pointermove: (event) => this.hover(event), pointerleave: () => this.hover(null) } });
    this.caption = make("div", { class: "wb-quiet wb-small" });
    this.axis = make("select", { class: "wb-select", on: { change: () => { this.wanted = this.axis.value; this.drawPlot(); } } },
      make("option", { value: "auto", text: "automatic" }), make("option", { value: "top1", text: "ImageNet top-1" }),
      make("option", { value: "gmacs", text: "multiply-adds" }));
    this.heading = make("div", { class: "wb-strong wb-grow" });
    this.plot.append(make("div", { class: "wb-bar wb-plot-head" }, this.heading,
      make("label", { class: "wb-field" }, make("span", { text: "upright axis" }), this.axis)), this.canvas, this.caption);
    return this.plot;
  }

  drawPlot() {
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    if (!width || !height) return;
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    const rows = this.get("rows"), known = this.order.filter((row) => rows.top1[row] !== null);
    const show = upright(known.length, this.order.length, this.wanted), log = show === "gmacs";
    const drawn = this.order.filter((row) => rows.parameters[row] > 0 && rows[show][row] !== null && rows[show][row] > 0);
    const xs = bounds(drawn.map((row) => rows.parameters[row]), true), ys = bounds(drawn.map((row) => rows[show][row]), log);
    const x = axis(...xs, PLOT.left, width - PLOT.right, true), y = axis(...ys, height - PLOT.bottom, PLOT.top, log);
    this.points = drawn.map((row) => ({ row, x: x(rows.parameters[row]), y: y(rows[show][row]) }))
      .sort((a, b) => rows.offline[a.row] - rows.offline[b.row]);
    const style = getComputedStyle(this.plot);
    this.drawAxes(pen, { width, height, xs, ys, x, y, log, style, show });
    this.drawPoints(pen, style);
    // the dots are kept as a picture: a click or a hover only lays its ring over them
    this.layer = make("canvas", { width: this.canvas.width, height: this.canvas.height });
    this.layer.getContext("2d").drawImage(this.canvas, 0, 0);
    this.drawMarks();
    const few = `ImageNet top-1 is published for ${known.length.toLocaleString("en")} of these ${this.order.length.toLocaleString("en")}`;
    this.heading.textContent = show === "top1" ? "Size against accuracy" : "Size against multiply-adds";
    this.caption.textContent = `${few}${show === "gmacs" && this.wanted === "auto" ? ", so multiply-adds are shown" : ""}. Filled: on this machine.`;
  }

  drawAxes(pen, { width, height, xs, ys, x, y, log, style, show }) {
    pen.font = `11px ${style.fontFamily}`;
    pen.fillStyle = style.getPropertyValue("--wb-pen");
    pen.strokeStyle = style.getPropertyValue("--wb-rule");
    pen.lineWidth = 1;
    pen.beginPath();
    for (const value of ticks(ys, log)) {
      const at = Math.round(y(value)) + 0.5;
      pen.moveTo(PLOT.left, at);
      pen.lineTo(width - PLOT.right, at);
      pen.textAlign = "right";
      pen.textBaseline = "middle";
      pen.fillText(show === "top1" ? `${digits(value)} %` : digits(value), PLOT.left - 8, at);
    }
    pen.stroke();
    pen.textAlign = "center";
    pen.textBaseline = "top";
    for (const value of ticks(xs, true)) pen.fillText(count(value).replace(".0", ""), x(value), height - PLOT.bottom + 6);
    pen.fillText("weights", (PLOT.left + width - PLOT.right) / 2, height - 14);
    pen.save();
    pen.translate(4, (PLOT.top + height - PLOT.bottom) / 2);
    pen.rotate(-Math.PI / 2);
    pen.fillText(show === "top1" ? "ImageNet top-1" : "GMACs an image", 0, 0);
    pen.restore();
  }

  drawPoints(pen, style) {
    const rows = this.get("rows");
    const many = this.points.length > 300;
    for (const point of this.points) {
      disc(pen, point, many ? 2.5 : 4);
      pen.fillStyle = pen.strokeStyle = style.getPropertyValue("--wb-dot");
      pen.globalAlpha = rows.offline[point.row] ? 1 : many ? 0.45 : 0.9;
      if (rows.offline[point.row]) pen.fill();
      else pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  drawMarks() {
    if (!this.layer) return;
    const pen = this.canvas.getContext("2d"), style = getComputedStyle(this.plot), scale = window.devicePixelRatio || 1;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.drawImage(this.layer, 0, 0);
    pen.scale(scale, scale);
    const chosen = this.get("rows").name.indexOf(this.get("backbone"));
    const find = (row) => this.points.find((point) => point.row === row);
    if (find(chosen)) this.drawMark(pen, find(chosen), style, "--wb-ring");
    if (this.over !== chosen && find(this.over)) this.drawMark(pen, find(this.over), style, "--wb-pen");
  }

  /** A ring around a point, and its name on the side that has room. */
  drawMark(pen, point, style, colour) {
    const of = (name) => style.getPropertyValue(name);
    disc(pen, point, 6);
    pen.lineWidth = 2;
    pen.strokeStyle = of(colour);
    pen.stroke();
    pen.font = `11px ${style.fontFamily}`;
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    const name = this.get("rows").name[point.row], wide = pen.measureText(name).width;
    const left = point.x + 10 + wide < this.canvas.clientWidth ? point.x + 10 : point.x - 10 - wide;
    pen.fillStyle = of("--wb-paper");
    pen.fillRect(left - 2, point.y - 8, wide + 4, 16);
    pen.fillStyle = of("--wb-pen-strong");
    pen.fillText(name, left, point.y);
  }

  pointAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const found = nearest(this.points, event.clientX - box.left, event.clientY - box.top, 12);
    return found < 0 ? null : this.points[found].row;
  }

  hover(event) {
    const over = event ? this.pointAt(event) : null;
    if (over === this.over) return;
    this.over = over;
    this.canvas.style.cursor = over === null ? "" : "pointer";
    this.markSoon();
  }

  plotClick(event) {
    const row = this.pointAt(event);
    if (row === null) return;
    this.goTo(this.order.indexOf(row));
    this.choose(row);
  }
}

function gigabytes(value) {
  return `${(value / 1e9).toFixed(value < 9.95e9 ? 1 : 0)} GB`;
}

function disc(pen, { x, y }, size) {
  pen.beginPath();
  pen.arc(x, y, size, 0, 2 * Math.PI);
}

function render({ model, el }) {
  const picker = new Picker(model, el);
  const release = keepKeys(el);
  return () => {
    release();
    picker.watch.disconnect();
    picker.theme.disconnect();
    clearTimeout(picker.timer);
  };
}

export default { render };
