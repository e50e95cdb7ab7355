import { CloudCards } from "./cloud_cards.mjs";
import { CloudPicture } from "./cloud_picture.mjs";
import { CloudPointer } from "./cloud_pointer.mjs";
import { eachFrame, errorStrip, keepKeys, make } from "./kit.mjs";

/** Choosers of the bar: label and tooltip. @type {Record<string, [string, string]>} */
const CHOOSERS = {
  net: ["net", "net whose features are embedded"],
  stage: ["stage", "stage whose features are embedded, stem first"],
  method: ["method", "embedding method"],
  space: ["dimensions", "number of dimensions of the embedding; drag to rotate three"],
  colour: ["color by", "column that colors the points"],
};

/**
 * Read the bytes of a trait as an aligned typed array.
 * @template T
 * @param {DataView | null} view
 * @param {new (buffer: ArrayBuffer) => T} Kind
 */
function numbers(view, Kind) {
  if (!view?.byteLength) return new Kind(new ArrayBuffer(0));
  return new Kind(/** @type {ArrayBuffer} */ (view.buffer).slice(view.byteOffset, view.byteOffset + view.byteLength));
}

/** Embedding explorer: choosers above, the canvas with its legend, thumbnails below. */
class CloudView {
  /** @type {Record<string, HTMLSelectElement>} */
  choosers = {};
  /** @type {Record<string, HTMLInputElement>} */
  sliders = {};
  /** Present options of each chooser. @type {Record<string, string>} */
  told = {};

  /** @param {import("./kit.mjs").Context} context */
  constructor({ model, el }) {
    this.model = model;
    this.el = el;
    this.picture = new CloudPicture();
    this.cards = new CloudCards(model, this.picture, () => this.pick(new Uint32Array(0)));
    this.lassoButton = this.button("Lasso", () => this.pointer.lasso(!this.pointer.lassoing),
      { "aria-pressed": false, title: "drag around points to select them; Shift and drag does the same" });
    this.pointer = new CloudPointer(this.picture, {
      hover: (row, event) => this.cards.hover(row, event), open: (row) => this.cards.open(row),
      pick: (rows) => this.pick(rows), lassoed: (on) => this.lassoButton.setAttribute("aria-pressed", String(on)),
    });
    this.title = make("div", { class: "wb-title" });
    this.note = make("div", { class: "wb-quiet wb-small" });
    this.newest = this.button("Newest epoch", () => model.send({ kind: "refresh" }), { hidden: true, title: "show the net that the run has saved last" });
    this.busyWords = make("span", { role: "status" });
    this.halt = this.button("Stop and keep", () => model.send({ kind: "stop" }), { hidden: true });
    this.busy = make("div", { class: "wb-cloud-busy", hidden: true }, this.busyWords, this.halt);
    this.field = make("div", { class: "wb-cloud-field" }, this.picture.canvas, this.picture.over, this.cards.tip, this.busy);
    this.legend = make("div", { class: "wb-cloud-legend" });
    el.classList.add("wb-widget", "wb-cloud");
    el.append(this.title, this.note, this.bar(), make("div", { class: "wb-cloud-body" }, this.field,
      make("div", { class: "wb-cloud-side" }, this.legend)), this.cards.panel, errorStrip(model));
    this.watch = new ResizeObserver(() => this.picture.resized(this.field.clientWidth));
    this.watch.observe(this.field);
    this.unkeep = keepKeys(el);
    this.listen();
    this.takePoints(false);
    this.takeColours();
    this.takeChosen();
    this.showWords();
  }

  get(name) { return this.model.get(name); }

  set(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  leave() {
    this.watch.disconnect();
    this.unkeep();
  }

  // ---------------------------------------------------------------- parts

  button(text, click, more = {}) {
    return make("button", { class: "wb-button", type: "button", text, on: { click }, ...more });
  }

  bar() {
    const bar = make("div", { class: "wb-bar" });
    for (const [name, [word, title]] of Object.entries(CHOOSERS)) {
      const chooser = make("select", { class: "wb-select", on: { change: () => this.set(name, chooser.value) } });
      this.choosers[name] = chooser;
      bar.append(make("label", { class: "wb-field", "data-of": name, title }, make("span", { text: word }), chooser));
      if (name !== "net" && name !== "stage") continue;
      this.sliders[name] = make("input", { type: "range", min: 0, class: "wb-cloud-slider", "data-of": name, "aria-label": name, on: { input: () => this.slide(name) } });
      bar.append(this.sliders[name]);
    }
    bar.append(make("span", { class: "wb-grow" }), this.newest, this.lassoButton, this.button("Show all", () => this.picture.showAll()));
    return bar;
  }

  listen() {
    const on = (names, call) => names.forEach((name) => this.model.on(`change:${name}`, call));
    on(["xy"], () => this.takePoints(true));
    on(["codes", "palette"], eachFrame(() => this.takeColours()));
    on(["chosen"], () => this.takeChosen());
    on(["title", "note", "busy", "stoppable", "live", "options", "space", "net", "stage", "method", "colour", "gaps"], eachFrame(() => this.showWords()));
  }

  // ---------------------------------------------------------------- messages from and to Python

  takePoints(animate) {
    this.picture.takePoints(numbers(this.get("xy"), Float32Array), numbers(this.get("z"), Float32Array), animate);
  }

  takeColours() {
    this.picture.codes = numbers(this.get("codes"), Uint16Array);
    this.picture.palette = this.get("palette");
    this.picture.hidden.clear();
    this.showLegend();
    this.redress();
  }

  takeChosen() {
    this.picture.chosen = numbers(this.get("chosen"), Uint32Array);
    if (!this.picture.chosen.length) this.cards.forgetChosen();
    this.picture.drawSoon();
  }

  /** @param {Uint32Array<ArrayBuffer>} rows */
  pick(rows) {
    this.set("chosen", new DataView(rows.buffer));
    this.takeChosen();
  }

  // ---------------------------------------------------------------- text and choosers

  showWords() {
    this.title.textContent = this.get("title");
    const gaps = this.get("gaps"), gap = gaps?.net === this.get("net") ? gaps.stages[this.get("stage")] : null;
    const apart = gap ? ` Proxy A-distance of source and target here: ${gap[0].toFixed(2)} (${gap[1].toFixed(2)} to ${gap[2].toFixed(2)}; 2: always separable).` : "";
    this.note.textContent = this.get("note") + apart;
    this.busyWords.textContent = this.get("busy");
    this.busy.hidden = !this.get("busy");
    this.halt.hidden = !this.get("stoppable");
    this.newest.hidden = !this.get("live");
    const options = this.get("options"), net = this.get("net"), stages = options.stage?.[net] ?? [];
    this.fill("net", (options.net ?? []).map((n) => [n, n]));
    this.fill("stage", stages.map((n) => [n, gaps?.net === net && gaps.stages[n] ? `${n} (${gaps.stages[n][0].toFixed(2)} apart)` : n]));
    this.fill("method", options.method ?? []);
    this.fill("space", options.space ?? []);
    this.fill("colour", (options.colour ?? []).map((n) => [n, n === "correct" ? "right or wrong" : n]));
    this.showSlider("net", options.net ?? []);
    this.showSlider("stage", stages);
  }

  /**
   * @param {string} name
   * @param {string[]} held
   */
  showSlider(name, held) {
    const slider = this.sliders[name];
    slider.hidden = held.length < 2;
    slider.max = String(Math.max(held.length - 1, 0));
    slider.value = String(held.indexOf(this.get(name)));
    slider.title = `from ${held[0]} to ${held[held.length - 1]}`;
    slider.setAttribute("aria-valuetext", this.get(name));
  }

  /**
   * @param {string} name
   * @param {[string, string][]} pairs values with their labels
   */
  fill(name, pairs) {
    const chooser = this.choosers[name], told = JSON.stringify(pairs);
    if (this.told[name] !== told) chooser.replaceChildren(...pairs.map(([value, text]) => make("option", { value, text })));
    this.told[name] = told;
    chooser.value = this.get(name);
    if (chooser.parentElement) chooser.parentElement.hidden = pairs.length < 2;
  }

  /** @param {string} name */
  slide(name) {
    const options = this.get("options"), held = name === "net" ? options.net : options.stage?.[this.get("net")];
    this.set(name, held?.[Number(this.sliders[name].value)] ?? this.get(name));
  }

  // ---------------------------------------------------------------- legend

  showLegend() {
    const { names = [], counts = [], colours = [], shapes = [], ends = [], by } = this.get("palette");
    this.legend.replaceChildren();
    if (ends.length) {
      const ramp = make("div", { class: "wb-cloud-ramp", role: "img", "aria-label": `${by} from ${ends[0]} to ${ends[1]}` });
      ramp.style.background = `linear-gradient(to right, ${colours.slice(0, -1).join(", ")})`;
      this.legend.append(make("div", { class: "wb-quiet", text: by }), ramp,
        make("div", { class: "wb-bar wb-cloud-ends" }, make("span", { text: ends[0] }), make("span", { text: ends[1] })));
      return;
    }
    if (names.length < 2) return;
    const few = this.picture.n < 12000;
    names.forEach((name, code) => {
      const mark = make("span", { class: `wb-cloud-mark wb-cloud-shape${few ? shapes[code] : 0}` });
      mark.style.background = colours[code];
      this.legend.append(make("button", { type: "button", class: "wb-cloud-name", "aria-pressed": true, title: `hide or show ${name}; double-click shows it alone`,
        on: { click: () => this.toggle(code), dblclick: () => this.alone(code) } },
        mark, make("span", { class: "wb-grow", text: name }), make("span", { class: "wb-quiet wb-number", text: counts[code].toLocaleString("en") })));
    });
  }

  /** @param {number} code */
  toggle(code) {
    if (!this.picture.hidden.delete(code)) this.picture.hidden.add(code);
    this.redress();
  }

  /** @param {number} code */
  alone(code) {
    const codes = [...this.legend.querySelectorAll("button")].keys();
    this.picture.hidden = new Set([...codes].filter((at) => at !== code));
    this.redress();
  }

  redress() {
    this.legend.querySelectorAll("button").forEach((button, at) => button.setAttribute("aria-pressed", String(!this.picture.hidden.has(at))));
    this.picture.dress();
    this.picture.drawSoon();
  }
}

/** @param {import("./kit.mjs").Context} context */
function render(context) {
  const view = new CloudView(context);
  return () => view.leave();
}

export default { render };
