import { digits, entry, errorStrip, keepKeys, make } from "./kit.mjs";

const TURNED = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999"];
const DASHED = ["", "6 4", "2 3", "8 3 2 3"];
const FLOW = { left: 28, column: 76, row: 26, top: 12, bottom: 28 };

/**
 * Shorten a column's name so that it fits above numbers.
 * @param {string} name
 */
function headOf(name) {
  const short = { published_top1: "top-1", shrunk_h_score: "shrunk h", pretraining_size: "seen, M", parameters: "weights, M", multiply_adds: "GMACs", rank_elsewhere: "elsewhere", linear_probe: "probe" };
  return short[name] ?? name.replaceAll("_", " ");
}

/**
 * Format the number of a cell.
 * @param {number | null | undefined} value
 */
function told(value) {
  return value === null || value === undefined ? "–" : digits(value).replace("-", "−");
}

/** One view of the board. Sorting and the focused row are state of the view; the choice is the trait `backbone`. */
class Board {
  sort = { key: "consensus", down: false };
  title = make("div", { class: "wb-title", role: "status" });
  cautions = make("ul", { class: "wb-cautions" });
  rule = make("div", { class: "wb-quiet wb-small" });
  trial = make("div", { class: "wb-strong", role: "status" });
  scroller = make("div", { class: "wb-board-scroller" });
  flow = make("div", { class: "wb-board-scroller" });
  words = entry({ class: "wb-input wb-grow", type: "text", spellcheck: "false", "aria-label": "backbones to rank", title: "backbones to rank, separated by commas",
    placeholder: "names or folders, separated by commas; NAME random is a control" }, (text) => this.sendWords(text));
  seconds = make("input", { class: "wb-input wb-number wb-seconds", type: "number", min: "1", value: "60", "aria-label": "seconds of the short trial", title: "time budget of the short trial, in seconds, from 1" });
  rank = this.press("Rank", true, () => {
    this.sendWords(this.words.value);
    this.ask("rank");
  });
  stop = this.press("Stop", false, () => this.ask("stop"));
  tryButton = this.press("Run the short trial", false, () => this.ask("try", { seconds: Number(this.seconds.value) }));
  done = make("div", { class: "wb-progress-done" });
  progress = make("div", { class: "wb-progress", role: "progressbar", "aria-label": "progress", "aria-valuemin": 0, "aria-valuemax": 100 }, this.done);
  doing = make("div", { class: "wb-quiet wb-small", role: "status" });

  /**
   * @param {import("./kit.mjs").Model} model
   * @param {HTMLElement} el
   */
  constructor(model, el) {
    this.model = model;
    el.classList.add("wb-widget", "wb-board");
    el.append(this.title, this.cautions, this.bar(), make("div", { class: "wb-board-work" }, this.progress, this.doing), this.scroller, this.trial, this.flow, this.rule, errorStrip(model));
    model.on("change:board change:backbone", () => this.show());
    model.on("change:about change:words", () => this.showWork());
    this.show();
    this.showWork();
  }

  get(name) { return this.model.get(name); }

  ask(what, more = {}) { this.model.send({ do: what, ...more }); }

  // ---------------------------------------------------------------- controls

  /**
   * @param {string} text
   * @param {boolean} main
   * @param {() => void} call
   */
  press(text, main, call) {
    return make("button", { class: main ? "wb-button wb-main" : "wb-button", type: "button", text, on: { click: call } });
  }

  /** @param {string} text */
  sendWords(text) {
    this.model.set("words", text);
    this.model.save_changes();
  }

  bar() {
    return make("div", { class: "wb-bar wb-board-bar" }, this.words, this.rank, this.stop, this.tryButton,
      make("label", { class: "wb-field" }, this.seconds, make("span", { text: "s" })));
  }

  showWork() {
    const about = this.get("about");
    if (document.activeElement !== this.words) this.words.value = this.get("words");
    for (const [button, reason] of [[this.rank, about.no_rank], [this.stop, about.no_stop], [this.tryButton, about.no_trial]]) {
      button.disabled = Boolean(reason);
      button.title = reason ?? "";
    }
    const percent = Math.round(100 * (about.share ?? 0));
    this.progress.style.visibility = about.busy ? "visible" : "hidden";
    this.progress.setAttribute("aria-valuenow", String(percent));
    this.done.style.width = `${percent}%`;
    this.doing.textContent = about.busy ? `${about.what} …` : "";
    if (!this.get("board").rows) this.show();
  }

  // ---------------------------------------------------------------- ranking

  show() {
    const board = this.get("board");
    const some = Boolean(board.rows?.length);
    const images = this.get("about").images;
    this.title.textContent = some ? board.title : images ? `Which backbone for ${images}?` : "Which backbone?";
    this.cautions.replaceChildren(...(board.cautions ?? []).map((text) => make("li", { text })));
    this.cautions.hidden = !board.cautions?.length;
    this.rule.textContent = some ? `Consensus: ${board.rule}. Click a row to take that backbone.` : "";
    this.trial.textContent = board.trial ?? "";
    this.trial.hidden = !board.trial;
    this.flow.hidden = !some || board.rows.filter((row) => !row.reason).length < 2;
    this.scroller.replaceChildren(some ? this.table(board) : make("div", { class: "wb-empty",
      text: "Rank measures each backbone with one pass over the images, scores it, and says how far to trust the order." }));
    if (!this.flow.hidden) this.flow.replaceChildren(this.flowOf(board));
  }

  ordered(board) {
    const { key, down } = this.sort;
    const of = (row) => (key === "name" ? row.name : row.cells[key]?.value ?? null);
    return [...board.rows].sort((a, b) => {
      const [x, y] = [of(a), of(b)];
      if (x === null || y === null) return Number(x === null) - Number(y === null);
      return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
    });
  }

  head(key, text, what) {
    const by = this.sort.key === key;
    const button = make("button", { type: "button", class: key === "name" ? "wb-head" : "wb-head wb-number", text: by ? `${text} ${this.sort.down ? "↓" : "↑"}` : text,
      title: `${key.replaceAll("_", " ")}: ${what}; click sorts`, "data-key": key, on: { click: () => {
        this.sort = { key, down: by ? !this.sort.down : key !== "name" && key !== "consensus" };
        this.show();
        this.nodes(`[data-key="${key}"]`)[0]?.focus();
      } } });
    return make("th", { scope: "col", "aria-sort": by ? (this.sort.down ? "descending" : "ascending") : null }, button);
  }

  table(board) {
    const what = { consensus: "mean place by the scores that vote, 0 best to 1 worst", score: "a score that votes", baseline: "a naive baseline: it sees no image" };
    const heads = board.columns.map((c) => this.head(c.name, headOf(c.name), c.kind === "score" && !c.votes ? "a score that some backbone lacks: it has no vote" : what[c.kind]));
    const ends = Object.fromEntries(board.columns.map((c) => [c.name, this.span(board, c.name)]));
    const rows = this.ordered(board).map((row) => this.line(board, row, ends));
    return make("table", { class: "wb-board-table", "aria-label": "backbones" },
      make("thead", {}, make("tr", {}, this.head("name", "backbone", "what the ranking calls it"), heads)), make("tbody", { on: { keydown: (event) => this.key(event) } }, rows));
  }

  span(board, name) {
    const known = board.rows.flatMap(({ cells }) => [cells[name]?.low, cells[name]?.high, cells[name]?.value]).filter((v) => v !== null && v !== undefined);
    return [Math.min(...known), Math.max(...known)];
  }

  line(board, row, ends) {
    const chosen = row.name === this.get("backbone");
    const name = make("th", { scope: "row", class: "wb-board-name", title: row.name }, make("span", { text: row.name, class: board.among.includes(row.name) ? "wb-strong" : "" }));
    if (row.reason)
      return make("tr", { class: "wb-board-failed" }, name, make("td", { colspan: board.columns.length, class: "wb-quiet", text: row.reason }));
    return make("tr", { class: chosen ? "wb-board-row wb-picked" : "wb-board-row", tabindex: 0, "aria-selected": String(chosen), "data-name": row.name,
      on: { click: () => this.ask("pick", { name: row.name }) } }, name,
    board.columns.map((column) => this.cell(row.cells[column.name], ends[column.name], column, board.among.includes(row.name))));
  }

  cell(cell, [least, most], column, among) {
    const known = cell.value !== null;
    const interval = cell.low === null ? "" : `, 90 % interval ${told(cell.low)} to ${told(cell.high)}`;
    const title = known ? `${column.name} ${told(cell.value)}${interval}; place ${cell.place}` : cell.why;
    const box = make("td", { class: column.kind === "baseline" ? "wb-number wb-board-baseline" : "wb-number", title }, make("span", { text: told(cell.value) }));
    if (known && most > least) {
      const at = (v) => 100 * (column.kind === "consensus" ? most - v : v - least) / (most - least);
      const [a, b] = cell.low === null ? [at(cell.value), at(cell.value)] : [at(cell.low), at(cell.high)].sort((x, y) => x - y);
      box.append(make("div", { class: among ? "wb-board-track wb-board-among" : "wb-board-track", "aria-hidden": "true" },
        make("div", { class: "wb-board-span", style: `left:${a}%;width:${b - a}%` }), make("div", { class: "wb-board-dot", style: `left:${at(cell.value)}%` })));
    }
    return box;
  }

  /**
   * @param {string} selector
   * @returns {HTMLElement[]} parts of the table
   */
  nodes(selector) {
    return [...this.scroller.querySelectorAll(selector)].filter((node) => node instanceof HTMLElement);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const rows = this.nodes(".wb-board-row");
    const from = rows.findIndex((row) => row === event.target);
    if (from < 0) return;
    if (event.key === "Enter" || event.key === " ") this.ask("pick", { name: rows[from].dataset.name });
    const to = { ArrowDown: from + 1, ArrowUp: from - 1, Home: 0, End: rows.length - 1, Enter: from, " ": from }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    rows[to]?.focus();
  }

  // ---------------------------------------------------------------- ranks by score

  flowOf(board) {
    const rows = board.rows.filter((row) => !row.reason);
    const columns = board.columns.filter((c) => new Set(rows.map((row) => row.cells[c.name].value).filter((v) => v !== null)).size > 1);
    const width = FLOW.left + FLOW.column * columns.length + 220, height = FLOW.top + FLOW.row * (rows.length - 1) + FLOW.bottom + 12;
    const x = (i) => FLOW.left + FLOW.column * i + FLOW.column / 2, y = (place) => FLOW.top + 6 + FLOW.row * (place - 1);
    const svg = make("svg", { class: "wb-board-flow", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "place of each backbone by each score" });
    columns.forEach((c, i) => {
      if (i && c.kind === "baseline" && columns[i - 1].kind !== "baseline")
        svg.append(make("line", { x1: x(i) - FLOW.column / 2, x2: x(i) - FLOW.column / 2, y1: 0, y2: height - FLOW.bottom + 8, class: "wb-board-rule" }));
      svg.append(make("text", { x: x(i), y: height - 8, "text-anchor": "middle", class: "wb-board-word", text: headOf(c.name) }));
    });
    const ends = rows.map((row) => columns.reduce((last, c, i) => (row.cells[c.name].place ? i : last), 0));
    const chosen = this.get("backbone");
    const heights = this.spread(rows.map((row, r) => y(row.cells[columns[ends[r]].name].place)), 15);
    rows.forEach((row, r) => {
      const points = columns.map((c, i) => [i, row.cells[c.name].place]).filter(([, place]) => place !== null);
      const faint = chosen && chosen !== row.name && rows.some((one) => one.name === chosen);
      const colour = TURNED[r % TURNED.length];
      const group = make("g", { class: faint ? "wb-board-faint" : "" },
        make("polyline", { points: points.map(([i, place]) => `${x(i)},${y(place)}`).join(" "), fill: "none", stroke: colour, "stroke-width": 2.2, "stroke-dasharray": DASHED[r % DASHED.length] }),
        points.map(([i, place]) => make("circle", { cx: x(i), cy: y(place), r: 4, fill: colour }, make("title", { text: `${row.name}: place ${place} by ${columns[i].name}` }))),
        make("line", { x1: x(ends[r]) + 6, y1: y(row.cells[columns[ends[r]].name].place), x2: x(columns.length - 1) + 26, y2: heights[r], stroke: colour, "stroke-width": 1 }),
        make("text", { x: x(columns.length - 1) + 30, y: heights[r] + 4, class: "wb-board-word", text: row.name.length > 30 ? `${row.name.slice(0, 16)}…${row.name.slice(-13)}` : row.name }));
      svg.append(group);
    });
    return svg;
  }

  spread(heights, gap) {
    const order = heights.map((_, i) => i).sort((a, b) => heights[a] - heights[b]);
    const out = [...heights];
    order.forEach((i, at) => { if (at) out[i] = Math.max(out[i], out[order[at - 1]] + gap); });
    return out;
  }
}

/** @param {import("./kit.mjs").Context} context */
function render({ model, el }) {
  new Board(model, el);
  return keepKeys(el);
}

export default { render };
