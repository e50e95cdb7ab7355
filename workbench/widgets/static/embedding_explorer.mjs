import { eachFrame, errorStrip, keepKeys, make } from "./kit.mjs";
import { cellsOf, dataAt, nearestTo, packed, plot, scaleOf, shuffled, stamp, under, wholeView, zoomed } from "./point_cloud.mjs";
import { banded, FRONT, outToIn, roundView, spun, turnedTo } from "./point_space.mjs";

const HEIGHT = 520, WHILE_MOVING = 150000, MOVE = 500, ANIMATED = 60000, REACH = 10, HALF_TURN = 400, NOTCH = Math.PI / 18;

/** The bytes of a trait as numbers of a kind, aligned. */
function numbers(view, Kind) {
  if (!view?.byteLength) return new Kind(0);
  return new Kind(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

class CloudView {
  constructor({ model, el }) {
    this.model = model;
    this.get = (name) => model.get(name);
    this.xy = this.flat = this.z = new Float32Array(0);
    this.turn = FRONT;
    this.hidden = new Set();
    this.thumbs = new Map();
    this.view = null;
    this.hovered = -1;
    this.build(el);
    this.listen();
    this.takePoints(false);
    this.takeColours();
    this.takeChosen();
    this.showWords();
  }

  // ---------------------------------------------------------------- parts

  build(el) {
    el.classList.add("wb-widget", "wb-cloud");
    this.title = make("div", { class: "wb-title" });
    this.note = make("div", { class: "wb-quiet wb-small" });
    this.bar = make("div", { class: "wb-bar" });
    this.choosers = {};
    for (const [name, word] of [["net", "net"], ["stage", "stage"], ["method", "drawn by"], ["space", "in"], ["colour", "coloured by"]]) {
      const chooser = make("select", { class: "wb-select", on: { change: () => this.set(name, chooser.value) } });
      this.choosers[name] = chooser;
      this.bar.append(make("label", { class: "wb-field", "data-of": name }, make("span", { text: word }), chooser));
    }
    this.sliders = {};
    for (const name of ["net", "stage"]) {
      const slider = make("input", { type: "range", min: 0, class: "wb-cloud-slider", "data-of": name, "aria-label": name, on: { input: () => this.slide(name) } });
      this.sliders[name] = slider;
      this.choosers[name].parentElement.after(slider);
    }
    this.lassoButton = make("button", { class: "wb-button", type: "button", text: "Lasso", "aria-pressed": false,
      title: "drag around points to select them; Shift and drag does the same", on: { click: () => this.lasso(!this.lassoing) } });
    this.newest = make("button", { class: "wb-button", type: "button", text: "Newest epoch", hidden: true,
      title: "the run goes on: show what it saved last", on: { click: () => this.model.send({ kind: "refresh" }) } });
    this.bar.append(make("span", { class: "wb-grow" }), this.newest, this.lassoButton,
      make("button", { class: "wb-button", type: "button", text: "Show all", on: { click: () => this.showAll() } }));
    this.canvas = make("canvas", { class: "wb-cloud-canvas", tabindex: 0, role: "application",
      "aria-label": "images as points: arrow keys move, plus and minus zoom, 0 shows all, Escape clears the selection" });
    this.over = make("canvas", { class: "wb-cloud-over" });
    this.tip = make("div", { class: "wb-cloud-tip", hidden: true });
    this.busyWords = make("span", { role: "status" });
    this.halt = make("button", { class: "wb-button", type: "button", text: "Stop and keep", hidden: true,
      on: { click: () => this.model.send({ kind: "stop" }) } });
    this.busy = make("div", { class: "wb-cloud-busy", hidden: true }, this.busyWords, this.halt);
    this.field = make("div", { class: "wb-cloud-field" }, this.canvas, this.over, this.tip, this.busy);
    this.legend = make("div", { class: "wb-cloud-legend" });
    this.panel = make("div", { class: "wb-cloud-panel", "aria-live": "polite" });
    el.append(this.title, this.note, this.bar, make("div", { class: "wb-cloud-body" }, this.field,
      make("div", { class: "wb-cloud-side" }, this.legend)), this.panel, errorStrip(this.model));
    this.el = el;
  }

  listen() {
    const on = (names, call) => names.forEach((name) => this.model.on(`change:${name}`, call));
    on(["xy"], () => this.takePoints(true));
    on(["codes", "palette"], eachFrame(() => this.takeColours()));
    on(["chosen"], () => this.takeChosen());
    on(["title", "note", "busy", "stoppable", "live", "options", "space", "net", "stage", "method", "colour", "gaps"], eachFrame(() => this.showWords()));
    this.model.on("msg:custom", (message, buffers) => this.heard(message, buffers));
    this.drawSoon = eachFrame(() => this.draw());
    this.overSoon = eachFrame(() => this.drawOver());
    this.canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.canvas.addEventListener("pointerdown", (event) => this.down(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    this.canvas.addEventListener("pointerup", (event) => this.up(event));
    this.canvas.addEventListener("pointerleave", () => this.hover(-1));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("dblclick", () => this.showAll());
    this.watch = new ResizeObserver(() => this.resized());
    this.watch.observe(this.field);
    this.unkeep = keepKeys(this.el);
  }

  leave() {
    this.watch.disconnect();
    this.unkeep();
    for (const address of this.thumbs.values()) URL.revokeObjectURL(address);
  }

  set(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  // ---------------------------------------------------------------- what comes from Python

  takePoints(animate) {
    const flat = numbers(this.get("xy"), Float32Array), deep = numbers(this.get("z"), Float32Array);
    const z = deep.length * 2 === flat.length ? deep : new Float32Array(0), before = { flat: this.flat, z: this.z };
    this.n = flat.length / 2;
    this.order = this.order?.length === this.n ? this.order : shuffled(this.n);
    this.goal = { flat, z };
    const same = before.flat.length === flat.length && before.z.length === z.length;
    const moves = animate && same && this.n <= ANIMATED && this.n > 0;
    if (!moves) this.view = null;
    this.from = moves ? { flat: before.flat.slice(), z: before.z.slice() } : this.goal;
    [this.flat, this.z] = moves ? [before.flat.slice(), before.z.slice()] : [flat, z];
    this.began = performance.now();
    this.ball = z.length ? roundView(flat, z, 1, 1) : null;
    this.canvas.setAttribute("aria-label", `images as points: arrow keys ${this.deep ? "turn" : "move"}, plus and minus zoom, 0 shows all, Escape clears the selection`);
    this.canvas.classList.toggle("wb-cloud-deep", this.deep);
    this.face();
    this.dress();
    if (!moves) this.drawSoon();
    else this.glide(this.whole(this.goal));
  }

  /** Whether the picture has a third dimension. */
  get deep() {
    return this.z.length > 0;
  }

  /** Where the points fall on the page, as the picture is turned now. */
  face() {
    this.cells = null;
    if (!this.deep) {
      this.xy = this.flat;
      return;
    }
    if (this.xy === this.flat || this.xy.length !== this.flat.length) this.xy = new Float32Array(this.flat.length);
    if (this.depth?.length !== this.n) this.depth = new Float32Array(this.n);
    turnedTo(this.turn, this.flat, this.z, this.ball.middle, this.xy, this.depth);
  }

  /** The view that holds all of a picture, however it is turned. */
  whole({ flat, z }) {
    return z.length ? roundView(flat, z, this.width || 1, this.height || 1).view : wholeView(flat, this.width || 1, this.height || 1);
  }

  /** Points go from where they were to where they are now; the view with them. */
  glide(aim) {
    const start = this.view ?? aim, { goal, from } = this;
    const step = () => {
      if (this.goal !== goal) return;
      const t = Math.min((performance.now() - this.began) / MOVE, 1), s = t * t * (3 - 2 * t);
      for (const part of ["flat", "z"])
        for (let i = 0; i < goal[part].length; i++) this[part][i] = from[part][i] + s * (goal[part][i] - from[part][i]);
      this.view = { x: start.x + s * (aim.x - start.x), y: start.y + s * (aim.y - start.y), half: start.half + s * (aim.half - start.half) };
      if (t === 1) [this.flat, this.z] = [goal.flat, goal.z];
      this.face();
      this.draw();
      if (t < 1) requestAnimationFrame(step);
      else this.canvas.dataset.settled = Number(this.canvas.dataset.settled ?? 0) + 1;
    };
    requestAnimationFrame(step);
  }

  takeColours() {
    this.codes = numbers(this.get("codes"), Uint16Array);
    this.hidden.clear();
    this.dress();
    this.showLegend();
    this.drawSoon();
  }

  /** Marks by code, as large as the number of points allows. */
  dress() {
    const palette = this.get("palette"), ratio = window.devicePixelRatio || 1;
    const radius = (this.n < 1500 ? 3.6 : this.n < 12000 ? 2.4 : this.n < 150000 ? 1.3 : 0.7) * ratio;
    const kinds = [0, 1, 2, 3].map((shape) => stamp(shape, radius));
    this.stamps = (palette.shapes ?? []).map((shape) => kinds[this.n < 12000 ? shape : 0]);
    this.colours = (palette.colours ?? []).map((colour, code) => (this.hidden.has(code) ? 0 : packed(colour)));
    this.faint = this.colours.map((colour) => (colour ? ((0x30 << 24) | 0x808080) >>> 0 : 0));
    if (!this.deep) return;
    // what lies behind is smaller and paler
    this.near = banded(this.colours, this.faint, (share) => (palette.shapes ?? []).map((shape) => stamp(this.n < 12000 ? shape : 0, radius * share)));
  }

  takeChosen() {
    this.chosen = numbers(this.get("chosen"), Uint32Array);
    if (!this.chosen.length && this.panelShows === "chosen") this.panel.replaceChildren();
    this.drawSoon();
  }

  showWords() {
    this.title.textContent = this.get("title");
    const gaps = this.get("gaps"), gap = gaps?.net === this.get("net") ? gaps.stages[this.get("stage")] : null;
    const apart = gap ? ` Source and target lie ${gap[0].toFixed(2)} apart here (proxy A-distance, ${gap[1].toFixed(2)} to ${gap[2].toFixed(2)}; 2 is told apart always).` : "";
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
    for (const [name, held] of [["net", options.net ?? []], ["stage", stages]]) {
      const slider = this.sliders[name];
      slider.hidden = held.length < 2;
      slider.max = Math.max(held.length - 1, 0);
      slider.value = held.indexOf(this.get(name));
      slider.title = `from ${held[0]} to ${held[held.length - 1]}`;
      slider.setAttribute("aria-valuetext", this.get(name));
    }
  }

  fill(name, pairs) {
    const chooser = this.choosers[name], now = this.get(name), told = JSON.stringify(pairs);
    if (chooser.told !== told) chooser.replaceChildren(...pairs.map(([value, text]) => make("option", { value, text })));
    chooser.told = told;
    chooser.value = now;
    chooser.parentElement.hidden = pairs.length < 2;
  }

  slide(name) {
    const options = this.get("options"), held = name === "net" ? options.net : options.stage?.[this.get("net")];
    this.set(name, held?.[Number(this.sliders[name].value)] ?? this.get(name));
  }

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
    const few = this.n < 12000;
    names.forEach((name, code) => {
      const mark = make("span", { class: `wb-cloud-mark wb-cloud-shape${few ? shapes[code] : 0}` });
      mark.style.background = colours[code];
      this.legend.append(make("button", { type: "button", class: "wb-cloud-name", "aria-pressed": true, title: `hide or show ${name}; double-click shows it alone`,
        on: { click: (event) => this.toggle(code, event.currentTarget), dblclick: () => this.alone(code) } },
        mark, make("span", { class: "wb-grow", text: name }), make("span", { class: "wb-quiet wb-number", text: counts[code].toLocaleString("en") })));
    });
  }

  toggle(code, button) {
    if (!this.hidden.delete(code)) this.hidden.add(code);
    button.setAttribute("aria-pressed", !this.hidden.has(code));
    this.dress();
    this.drawSoon();
  }

  alone(code) {
    const buttons = [...this.legend.querySelectorAll("button")];
    this.hidden = new Set(buttons.map((_, at) => at).filter((at) => at !== code));
    buttons.forEach((button, at) => button.setAttribute("aria-pressed", at === code));
    this.dress();
    this.drawSoon();
  }

  // ---------------------------------------------------------------- drawing

  resized() {
    const ratio = window.devicePixelRatio || 1, width = Math.round(this.field.clientWidth * ratio), height = Math.round(HEIGHT * ratio);
    if (!width || (width === this.width && height === this.height)) return;
    for (const canvas of [this.canvas, this.over]) Object.assign(canvas, { width, height });
    [this.width, this.height, this.ratio] = [width, height, ratio];
    const pen = this.canvas.getContext("2d");
    this.image = pen.createImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.face();
    this.dress();
    this.draw();
  }

  draw(moving = false) {
    if (!this.width) return;
    if (this.codes?.length !== this.n) return;
    this.view ??= this.whole(this.goal);
    const started = performance.now(), last = moving ? Math.min(WHILE_MOVING, this.n) : this.n;
    this.pixels.fill(0);
    const chosen = this.chosen?.length, paint = (codes, colours, stamps, order, count) =>
      plot(this.pixels, this.width, this.height, this.view, this.xy, codes, colours, stamps, order, 0, count);
    if (this.deep) {
      const { near } = this, { order, codes } = outToIn(this.depth, this.ball.reach, this.codes, this.colours.length);
      paint(codes, chosen ? near.faint : near.colours, near.stamps, last < this.n ? this.order : order, last);
      if (chosen) paint(codes, near.colours, near.stamps, this.chosen, chosen);
    } else {
      paint(this.codes, chosen ? this.faint : this.colours, this.stamps, this.order, last);
      if (chosen) paint(this.codes, this.colours, this.stamps, this.chosen, chosen);
    }
    this.canvas.getContext("2d").putImageData(this.image, 0, 0);
    this.canvas.dataset.drawn = last;
    this.canvas.dataset.took = (performance.now() - started).toFixed(1);
    this.drawOver();
    clearTimeout(this.later);
    if (last < this.n) this.later = setTimeout(() => this.draw(), 120);
  }

  drawOver() {
    const pen = this.over.getContext("2d"), ink = getComputedStyle(this.el).color;
    pen.clearRect(0, 0, this.width, this.height);
    pen.strokeStyle = ink;
    for (const [row, size] of [[this.opened ?? -1, 9], [this.hovered, 7]]) {
      if (row < 0 || row >= this.n) continue;
      const [x, y] = this.placeOf(row);
      pen.lineWidth = 2 * this.ratio;
      pen.beginPath();
      pen.arc(x, y, size * this.ratio, 0, 7);
      pen.stroke();
    }
    if (!this.path) return;
    pen.lineWidth = this.ratio;
    pen.setLineDash([4 * this.ratio, 3 * this.ratio]);
    this.trace(pen);
    pen.stroke();
    pen.setLineDash([]);
  }

  placeOf(row) {
    const scale = scaleOf(this.view, this.height);
    return [this.width / 2 + (this.xy[2 * row] - this.view.x) * scale, this.height / 2 - (this.xy[2 * row + 1] - this.view.y) * scale];
  }

  // ---------------------------------------------------------------- pointer and keys

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * this.ratio, (event.clientY - box.top) * this.ratio];
  }

  /** Before the first picture, and while nothing is drawn, there is nothing to move. */
  get ready() {
    return this.view && this.n > 0;
  }

  wheel(event) {
    if (!this.ready || !(event.ctrlKey || document.activeElement === this.canvas)) return;
    event.preventDefault();
    this.zoom(...this.at(event), Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) * 0.005));
  }

  zoom(px, py, factor) {
    this.view = zoomed(this.view, this.width, this.height, px, py, factor);
    this.moveSoon ??= eachFrame(() => this.draw(true));
    this.moveSoon();
  }

  down(event) {
    if (!this.ready || event.button !== 0) return;
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    const [x, y] = this.at(event);
    this.pressed = { x, y, view: this.view, turn: this.turn, moved: false };
    if (this.lassoing || event.shiftKey) this.path = [[x, y]];
    this.hover(-1);
  }

  move(event) {
    if (!this.ready) return;
    const [x, y] = this.at(event);
    if (!this.pressed) {
      const [dx, dy] = dataAt(this.view, this.width, this.height, x, y);
      this.hover(nearestTo(this.xy, this.sorted, dx, dy, (REACH * this.ratio) / scaleOf(this.view, this.height), (i) => this.colours[this.codes[i]] !== 0), event);
      return;
    }
    const { pressed } = this;
    pressed.moved ||= Math.hypot(x - pressed.x, y - pressed.y) > 3 * this.ratio;
    if (this.path) {
      this.path.push([x, y]);
      this.overSoon();
    } else if (pressed.moved && this.deep) {
      this.spin(pressed.turn, ((x - pressed.x) / this.ratio / HALF_TURN) * Math.PI, ((y - pressed.y) / this.ratio / HALF_TURN) * Math.PI);
    } else if (pressed.moved) {
      const scale = scaleOf(pressed.view, this.height);
      this.view = { ...pressed.view, x: pressed.view.x - (x - pressed.x) / scale, y: pressed.view.y + (y - pressed.y) / scale };
      this.moveSoon ??= eachFrame(() => this.draw(true));
      this.moveSoon();
    }
  }

  /** Turns the picture from where it was: to the right and down, as a ball under the hand. */
  spin(turn, right, down) {
    this.turn = spun(turn, right, down);
    this.face();
    this.moveSoon ??= eachFrame(() => this.draw(true));
    this.moveSoon();
  }

  /** The points by place, sorted when first asked for after they moved. */
  get sorted() {
    return (this.cells ??= cellsOf(this.xy));
  }

  up(event) {
    const { pressed, path } = this;
    this.pressed = this.path = null;
    if (!pressed) return;
    if (path && pressed.moved) {
      this.take(path);
      this.lasso(false);
    } else if (!pressed.moved) this.click(event);
    this.overSoon();
  }

  click(event) {
    const [x, y] = dataAt(this.view, this.width, this.height, ...this.at(event));
    const row = nearestTo(this.xy, this.sorted, x, y, (REACH * this.ratio) / scaleOf(this.view, this.height), (i) => this.colours[this.codes[i]] !== 0);
    if (row >= 0) this.open(row);
  }

  open(row) {
    this.opened = row;
    this.model.send({ kind: "open", row });
    this.overSoon();
  }

  key(event) {
    if (!this.ready) return;
    const step = this.view.half / 6, middle = [this.width / 2, this.height / 2];
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
    const turns = { ArrowLeft: [-NOTCH, 0], ArrowRight: [NOTCH, 0], ArrowUp: [0, -NOTCH], ArrowDown: [0, NOTCH] }[event.key];
    if (turns && this.deep) this.spin(this.turn, ...turns);
    else if (moves) this.view = { ...this.view, x: this.view.x + moves[0], y: this.view.y + moves[1] };
    else if (event.key === "+" || event.key === "=") this.zoom(...middle, 1.3);
    else if (event.key === "-") this.zoom(...middle, 1 / 1.3);
    else if (event.key === "0") this.showAll();
    else if (event.key === "Escape") this.pick(new Uint32Array(0));
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.drawSoon();
  }

  showAll() {
    this.view = null;
    this.turn = FRONT;
    this.face();
    this.drawSoon();
  }

  lasso(on) {
    this.lassoing = on;
    this.lassoButton.setAttribute("aria-pressed", on);
    this.canvas.classList.toggle("wb-cloud-lassoing", on);
  }

  trace(pen) {
    pen.beginPath();
    this.pathDrawn(pen, this.path);
  }

  pathDrawn(pen, path) {
    path.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.closePath();
  }

  take(path) {
    const cover = make("canvas", { width: this.width, height: this.height }), pen = cover.getContext("2d", { willReadFrequently: true });
    pen.beginPath();
    this.pathDrawn(pen, path);
    pen.fill();
    const inside = pen.getImageData(0, 0, this.width, this.height).data, mask = new Uint8Array(this.width * this.height);
    for (let i = 0; i < mask.length; i++) mask[i] = inside[4 * i + 3] > 127;
    this.pick(under(mask, this.width, this.height, this.view, this.xy, (i) => this.colours[this.codes[i]] !== 0));
  }

  pick(rows) {
    this.set("chosen", new DataView(rows.buffer));
    this.takeChosen();
  }

  // ---------------------------------------------------------------- pictures

  hover(row, event) {
    if (event && row >= 0) this.placeTip(event);
    if (row === this.hovered) return;
    this.hovered = row;
    this.tip.hidden = true;
    this.canvas.classList.toggle("wb-cloud-over-point", row >= 0);
    clearTimeout(this.asking);
    if (row >= 0) this.asking = setTimeout(() => this.model.send({ kind: "hover", row }), 40);
    this.overSoon();
  }

  placeTip(event) {
    const box = this.field.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    this.tip.style.left = x > box.width - 150 ? `${x - 140}px` : `${x + 14}px`;
    this.tip.style.top = `${Math.max(Math.min(y + 14, HEIGHT - 170), 0)}px`;
  }

  heard(message, buffers) {
    let at = 0;
    const cards = message.rows.map((row, i) => {
      const bytes = message.has[i] ? buffers[at++] : null;
      return this.card(row, message.words[i], bytes);
    });
    if (message.kind === "hover") {
      if (message.row !== this.hovered) return;
      this.tip.replaceChildren(...cards);
      this.tip.hidden = false;
    } else if (message.kind === "open") this.showOpened(cards);
    else this.showChosen(cards, message.count);
  }

  card(row, words, bytes) {
    const card = make("figure", { class: "wb-cloud-card", "data-row": row });
    if (bytes) {
      const address = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
      card.append(make("img", { src: address, alt: words.join(", "), on: { load: () => URL.revokeObjectURL(address) } }));
    }
    card.append(make("figcaption", {}, words.map((line, i) => make("div", { class: i ? "wb-quiet" : "wb-strong", text: line }))));
    return card;
  }

  clickable(card) {
    const row = Number(card.dataset.row);
    return make("button", { type: "button", class: "wb-cloud-open", "aria-label": "its neighbours", on: {
      click: () => this.open(row), mouseenter: () => { this.hovered = row; this.overSoon(); }, mouseleave: () => { this.hovered = -1; this.overSoon(); } } }, card);
  }

  showOpened([first, ...near]) {
    this.panelShows = "open";
    first.classList.add("wb-cloud-large");
    this.panel.replaceChildren(make("div", { class: "wb-cloud-opened" }, first, make("div", {},
      make("h4", { class: "wb-answer", text: "Nearest, as this stage sees them" }), make("div", { class: "wb-cloud-cards" }, near.map((card) => this.clickable(card))))));
  }

  showChosen(cards, count) {
    this.panelShows = "chosen";
    if (!count) return this.panel.replaceChildren();
    const words = `${count.toLocaleString("en")} selected${count > cards.length ? `, ${cards.length} of them here` : ""}; the next cell has them as .selected`;
    this.panel.replaceChildren(make("div", { class: "wb-bar" }, make("h4", { class: "wb-answer wb-grow", text: words }),
      make("button", { class: "wb-button", type: "button", text: "Clear", on: { click: () => this.pick(new Uint32Array(0)) } })),
      make("div", { class: "wb-cloud-cards" }, cards.map((card) => this.clickable(card))));
  }
}

function render(context) {
  const view = new CloudView(context);
  return () => view.leave();
}

export default { render };
