import { count, digits, eachFrame, make } from "./kit.mjs";
import { axis, bounds, nearest, ticks, upright } from "./scatter.mjs";

/** @typedef {{ row: number, x: number, y: number }} Dot */
/** @typedef {CanvasRenderingContext2D} Pen */

const PLOT = { left: 52, right: 16, top: 12, bottom: 40 };

/** Backbones of the table as dots: size against accuracy, or against multiply-adds. */
export class BackbonePlot {
  /** @type {Dot[]} */
  dots = [];
  /** Rows of the catalogue that are drawn. @type {number[]} */
  order = [];
  /** Row under the pointer. @type {number | null} */
  over = null;

  /**
   * @param {import("./kit.mjs").Model} model
   * @param {(row: number) => void} choose called after a click on a dot
   */
  constructor(model, choose) {
    this.model = model;
    this.choose = choose;
    this.canvas = make("canvas", { class: "wb-canvas", role: "img", "aria-label": "size against accuracy; the table has the same values",
      on: { click: (event) => this.click(event), pointermove: (event) => this.hover(event), pointerleave: () => this.hover(null) } });
    this.pen = /** @type {Pen} */ (this.canvas.getContext("2d"));
    this.caption = make("div", { class: "wb-quiet wb-small" });
    this.axis = make("select", { class: "wb-select", on: { change: () => this.draw() } },
      make("option", { value: "auto", text: "automatic" }), make("option", { value: "top1", text: "ImageNet top-1" }),
      make("option", { value: "gmacs", text: "multiply-adds" }));
    this.heading = make("div", { class: "wb-strong wb-grow" });
    this.element = make("div", { class: "wb-plot" }, make("div", { class: "wb-bar wb-plot-head" }, this.heading,
      make("label", { class: "wb-field", title: "vertical axis: ImageNet top-1 accuracy in %, or multiply-adds per image in 10⁹; automatic: accuracy where it is known" }, make("span", { text: "vertical axis" }), this.axis)), this.canvas, this.caption);
    this.drawSoon = eachFrame(() => this.draw());
    this.markSoon = eachFrame(() => this.drawMarks());
    this.watch = new ResizeObserver(() => this.drawSoon());
    this.watch.observe(this.canvas);
    // a canvas is not redrawn when the theme changes; Lab sets the theme's name before its colors apply
    this.theme = new MutationObserver(() => setTimeout(() => this.drawSoon(), 200));
    this.theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name"] });
  }

  leave() {
    this.watch.disconnect();
    this.theme.disconnect();
  }

  /**
   * Draw rows of the catalogue in the next frame.
   * @param {number[]} order
   */
  show(order) {
    this.order = order;
    this.drawSoon();
  }

  draw() {
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    if (!width || !height) return;
    const scale = window.devicePixelRatio || 1, { pen } = this;
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    pen.scale(scale, scale);
    const rows = this.model.get("rows"), known = this.order.filter((row) => rows.top1[row] !== null), wanted = this.axis.value;
    const show = upright(known.length, this.order.length, wanted), log = show === "gmacs";
    const drawn = this.order.filter((row) => rows.parameters[row] > 0 && rows[show][row] !== null && rows[show][row] > 0);
    const xs = bounds(drawn.map((row) => rows.parameters[row]), true), ys = bounds(drawn.map((row) => rows[show][row]), log);
    const x = axis(...xs, PLOT.left, width - PLOT.right, true), y = axis(...ys, height - PLOT.bottom, PLOT.top, log);
    this.dots = drawn.map((row) => ({ row, x: x(rows.parameters[row]), y: y(rows[show][row]) }))
      .sort((a, b) => rows.offline[a.row] - rows.offline[b.row]);
    const style = getComputedStyle(this.element);
    this.drawAxes(pen, { width, height, xs, ys, x, y, log, style, show });
    this.drawDots(pen, style);
    this.keepLayer();
    this.drawMarks();
    const few = `ImageNet top-1 is published for ${known.length.toLocaleString("en")} of these ${this.order.length.toLocaleString("en")}`;
    this.heading.textContent = show === "top1" ? "Size against accuracy" : "Size against multiply-adds";
    this.caption.textContent = `${few}${show === "gmacs" && wanted === "auto" ? ", so multiply-adds are shown" : ""}. Filled: on this machine.`;
  }

  /** Cache the dots as an image: a click or a hover only draws its ring over them. */
  keepLayer() {
    this.layer = make("canvas", { width: this.canvas.width, height: this.canvas.height });
    this.layer.getContext("2d")?.drawImage(this.canvas, 0, 0);
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
    pen.fillText(show === "top1" ? "ImageNet top-1" : "GMACs per image", 0, 0);
    pen.restore();
  }

  /**
   * @param {Pen} pen
   * @param {CSSStyleDeclaration} style
   */
  drawDots(pen, style) {
    const { offline } = this.model.get("rows"), many = this.dots.length > 300;
    for (const dot of this.dots) {
      disc(pen, dot, many ? 2.5 : 4);
      pen.fillStyle = pen.strokeStyle = style.getPropertyValue("--wb-dot");
      pen.globalAlpha = offline[dot.row] ? 1 : many ? 0.45 : 0.9;
      if (offline[dot.row]) pen.fill();
      else pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  drawMarks() {
    if (!this.layer) return;
    const { pen } = this, style = getComputedStyle(this.element), scale = window.devicePixelRatio || 1;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.drawImage(this.layer, 0, 0);
    pen.scale(scale, scale);
    const chosen = this.model.get("rows").name.indexOf(this.model.get("backbone"));
    this.drawMark(pen, chosen, style, "--wb-ring");
    if (this.over !== chosen) this.drawMark(pen, this.over, style, "--wb-pen");
  }

  /**
   * Draw a ring around a row's dot, if it has one, and its name on the side with more space.
   * @param {Pen} pen
   * @param {number | null} row
   * @param {CSSStyleDeclaration} style
   * @param {string} colour name of the ring's CSS variable
   */
  drawMark(pen, row, style, colour) {
    const dot = this.dots.find((one) => one.row === row);
    if (!dot) return;
    disc(pen, dot, 6);
    pen.lineWidth = 2;
    pen.strokeStyle = style.getPropertyValue(colour);
    pen.stroke();
    pen.font = `11px ${style.fontFamily}`;
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    const name = this.model.get("rows").name[dot.row], wide = pen.measureText(name).width;
    const left = dot.x + 10 + wide < this.canvas.clientWidth ? dot.x + 10 : dot.x - 10 - wide;
    pen.fillStyle = style.getPropertyValue("--wb-paper");
    pen.fillRect(left - 2, dot.y - 8, wide + 4, 16);
    pen.fillStyle = style.getPropertyValue("--wb-pen-strong");
    pen.fillText(name, left, dot.y);
  }

  /** @param {MouseEvent} event */
  rowAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const found = nearest(this.dots, event.clientX - box.left, event.clientY - box.top, 12);
    return found < 0 ? null : this.dots[found].row;
  }

  /** @param {PointerEvent | null} event */
  hover(event) {
    const over = event ? this.rowAt(event) : null;
    if (over === this.over) return;
    this.over = over;
    this.canvas.style.cursor = over === null ? "" : "pointer";
    this.markSoon();
  }

  /** @param {MouseEvent} event */
  click(event) {
    const row = this.rowAt(event);
    if (row !== null) this.choose(row);
  }
}

/**
 * @param {Pen} pen
 * @param {{ x: number, y: number }} centre
 * @param {number} size
 */
function disc(pen, { x, y }, size) {
  pen.beginPath();
  pen.arc(x, y, size, 0, 2 * Math.PI);
}
