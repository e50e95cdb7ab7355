import { eachFrame, errorStrip, make } from "./kit.mjs";
import { apart, extent, grow, nearest, ticks } from "./curves_scale.mjs";
import { rampColour, times } from "./painting.mjs";

const SPLITS = { train: "training", valid: "validation", target: "target" };
const PANELS = [{ metric: "accuracy", height: 168 }, { metric: "loss", height: 168 }];
const LEFT = 56, RIGHT = 136, TOP = 24, ROW = 8;
let patterns = 0;

const said = (metric, value) => (metric === "accuracy" ? `${(100 * value).toFixed(1)} %` : value.toPrecision(3));

/** @typedef {import("./curves_scale.mjs").Line} Line */
/** @typedef {{ epoch: number, accuracy: number }} Best */
/** @typedef {{ lines: Record<string, Line>, now: number, epochs: number | null, best: Best | null, serial: number }} State */
/** @typedef {(value: number) => number} Scale */

/** @param {import("./kit.mjs").Context} context */
function render({ model, el }) {
  el.classList.add("wb-widget", "wb-curves");
  const hatch = `wb-hatch-${(patterns += 1)}`;
  const title = make("div", { class: "wb-title" });
  const empty = make("div", { class: "wb-empty" });
  const chart = make("svg", { class: "wb-chart", role: "img" });
  el.append(title, chart, empty, errorStrip(model));
  /** @type {State} */
  let state = { lines: {}, now: 0, epochs: null, best: null, serial: 0, ...model.get("lines") };
  /** @type {number | null} */
  let pointed = null;

  const paint = eachFrame(() => {
    const some = Object.keys(state.lines).length > 0;
    title.textContent = model.get("title");
    title.hidden = !title.textContent;
    chart.style.display = some ? "" : "none";
    empty.hidden = some;
    empty.textContent = model.get("waiting");
    if (some) draw(chart, state, model.get("grid"), pointed, hatch);
    chart.setAttribute("aria-label", title.textContent || "curves of the run");
  });

  function arrived(message) {
    if (message.kind === "news" && message.serial !== state.serial + 1) {
      if (message.serial > state.serial) model.send({ kind: "whole" });
      return;
    }
    const before = message.kind === "news" ? state.lines : {};
    const lines = { ...before };
    for (const [name, part] of Object.entries(/** @type {Record<string, any>} */ (message.lines))) lines[name] = grow(before[name], part);
    state = { ...message, lines };
    paint();
  }
  function point(/** @type {PointerEvent} */ event) {
    const box = chart.getBoundingClientRect();
    const share = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    pointed = share >= 0 && share <= 1 ? share * span(state) : null;
    paint();
  }
  chart.addEventListener("pointermove", point);
  chart.addEventListener("pointerleave", () => { pointed = null; paint(); });
  model.on("msg:custom", arrived);
  model.on("change:title change:grid change:waiting", paint);
  const sized = new ResizeObserver(paint);
  sized.observe(el);
  // messages received since this model was created are in none of its traits
  model.send({ kind: "whole" });
  paint();
  return () => { sized.disconnect(); model.off("msg:custom", arrived); };
}

const span = (/** @type {State} */ state) => Math.max(state.epochs ?? 1, state.now, 1e-9);

/**
 * @param {SVGElement} chart
 * @param {State} state
 * @param {{ stages: string[], rates: number[][] } | null} grid
 * @param {number | null} pointed epoch under the pointer
 * @param {string} hatch id of the pattern for frozen stages
 */
function draw(chart, state, grid, pointed, hatch) {
  const room = chart.parentElement?.clientWidth;
  if (!room) return; // hidden, or the theme is changing: drawn once there is space again
  const width = Math.max(room, 320);
  const across = (/** @type {number} */ epoch) => LEFT + (epoch / span(state)) * (width - LEFT - RIGHT);
  /** @type {SVGElement[]} */
  const parts = [frozenPattern(hatch)];
  let top = 0;
  for (const panel of PANELS) {
    parts.push(...drawPanel(panel, top, width, across, state, pointed));
    top += TOP + panel.height;
  }
  const rows = grid?.stages?.length ? grid : null;
  if (rows) {
    parts.push(...drawStrip(rows, top, width, across, hatch));
    top += TOP + rows.stages.length * ROW + 4;
  }
  parts.push(...drawEpochs(top, width, across, state));
  const at = pointed ?? (state.epochs && state.now < state.epochs ? state.now : null);
  if (at !== null) parts.push(line(across(at), TOP, across(at), top, pointed === null ? "wb-now" : "wb-pointed"));
  chart.setAttribute("viewBox", `0 0 ${width} ${top + 36}`);
  chart.setAttribute("height", String(top + 36));
  chart.replaceChildren(...parts);
}

/**
 * @param {{ metric: string, height: number }} panel
 * @param {number} top
 * @param {number} width
 * @param {Scale} across
 * @param {State} state
 * @param {number | null} pointed
 */
function drawPanel({ metric, height }, top, width, across, state, pointed) {
  const shown = Object.keys(SPLITS).filter((split) => state.lines[`${metric}/${split}`]?.x.length);
  const lines = shown.map((split) => state.lines[`${metric}/${split}`]);
  const [low, high] = extent(lines, metric);
  const floor = top + TOP + height - 8;
  const up = (/** @type {number} */ value) => floor - ((Math.min(value, high) - low) / (high - low)) * (height - 16);
  /** @type {SVGElement[]} */
  const parts = [words(0, top + 14, metric === "accuracy" ? "Accuracy" : "Loss", "wb-panel-name")];
  for (const tick of ticks(low, high, 5)) {
    parts.push(line(LEFT, up(tick), width - RIGHT, up(tick), "wb-grid-line"));
    parts.push(words(LEFT - 8, up(tick) + 4, metric === "accuracy" ? `${Number((100 * tick).toFixed(1))} %` : String(tick), "wb-tick wb-end"));
  }
  if (!shown.length) return [...parts, words(LEFT + 8, top + TOP + height / 2, "not measured yet", "wb-tick")];
  const best = metric === "accuracy" ? state.best : null;
  if (best) parts.push(...drawBest(best, across, up, floor));
  lines.forEach(({ x, y }, i) => {
    const steps = x.map((epoch, k) => `${across(epoch).toFixed(1)},${up(y[k]).toFixed(1)}`).join(" ");
    parts.push(make("polyline", { points: steps, class: `wb-line wb-${shown[i]}` }));
    if (x.length === 1 || shown[i] !== "train") parts.push(...dots(x, y, across, up, shown[i]));
  });
  return [...parts, ...drawLabels(metric, shown, lines, { across, up, pointed, low: top + TOP, high: floor, width })];
}

function drawLabels(metric, shown, lines, { across, up, pointed, low, high, width }) {
  const read = lines.map(({ x }) => (pointed === null ? x.length - 1 : nearest(x, pointed)));
  const heights = apart(lines.map(({ y }, i) => up(y[read[i]])), 18, low + 8, high);
  return shown.flatMap((split, i) => {
    const value = lines[i].y[read[i]];
    const x = across(lines[i].x[read[i]]);
    const edge = width - RIGHT;
    return [
      line(x, up(value), edge + 4, heights[i], `wb-leader wb-${split}`),
      pointed === null ? null : make("circle", { cx: x, cy: up(value), r: 4, class: `wb-dot wb-${split}` }),
      words(edge + 8, heights[i] + 4, `${SPLITS[split]} ${said(metric, value)}`, `wb-label wb-${split}`),
    ];
  }).filter((part) => part !== null);
}

function drawBest({ epoch, accuracy }, across, up, floor) {
  const x = across(epoch), y = up(accuracy);
  return [
    line(x, y, x, floor, "wb-best-line"),
    make("circle", { cx: x, cy: y, r: 6, class: "wb-best" }, make("title", { text: `best: ${said("accuracy", accuracy)} after epoch ${epoch}` })),
    words(x + (x > across(0) + 48 ? -6 : 6), floor - 4, "best", `wb-tick${x > across(0) + 48 ? " wb-end" : ""}`),
  ];
}

function dots(x, y, across, up, split) {
  if (x.length > 60) return [];
  return x.map((epoch, k) => make("circle", { cx: across(epoch), cy: up(y[k]), r: 2.5, class: `wb-dot wb-${split}` }));
}

function drawStrip({ stages, rates }, top, width, across, hatch) {
  const key = width >= 520 ? drawKey(width - RIGHT, top + 5, hatch) : [];
  /** @type {SVGElement[]} */
  const parts = [words(0, top + 14, "Learning rate by stage", "wb-panel-name"), ...key];
  const columns = rates[0].length;
  const edge = (k) => across(0) + (k / columns) * (width - RIGHT - LEFT);
  stages.forEach((stage, s) => {
    const y = top + TOP + (stages.length - 1 - s) * ROW;
    rates[s].forEach((rate, k) => parts.push(make("rect", {
      x: edge(k), y, width: edge(k + 1) - edge(k) - 1, height: ROW - 1, fill: rate > 0 ? rateColour(rate) : `url(#${hatch})`,
    }, make("title", { text: `${stage}, epoch ${k + 1}: ${rate > 0 ? `${times(rate)} × the learning rate` : "frozen"}` }))));
  });
  const named = (s) => words(LEFT - 8, top + TOP + (stages.length - 1 - s) * ROW + 8, short(stages[s]), "wb-tick wb-end");
  return stages.length > 1 ? [...parts, named(stages.length - 1), named(0)] : [...parts, named(0)];
}

function drawKey(right, top, hatch) {
  const keys = [["frozen", `url(#${hatch})`], ["0.01×", rateColour(0.01)], ["0.1×", rateColour(0.1)], ["1×", rateColour(1)]];
  return keys.flatMap(([name, fill], i) => {
    const x = right - (keys.length - i) * 60;
    return [make("rect", { x, y: top, width: 10, height: 10, fill }), words(x + 14, top + 9, name, "wb-tick")];
  });
}

function drawEpochs(top, width, across, state) {
  const marks = ticks(0, span(state), 10).filter((epoch) => Number.isInteger(epoch));
  return [
    ...marks.map((epoch) => words(across(epoch), top + 14, String(epoch), "wb-tick wb-middle")),
    words(width - RIGHT + 16, top + 14, "epochs", "wb-tick"),
  ];
}

function frozenPattern(id) {
  return make("defs", {}, make("pattern", { id, width: 4, height: 4, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    make("rect", { width: 4, height: 4, class: "wb-frozen-ground" }), make("rect", { width: 1.5, height: 4, class: "wb-frozen-line" })));
}

const rateColour = (rate) => `rgb(${rampColour(rate).join(" ")})`;
const short = (name) => (name.length > 8 ? `${name.slice(0, 7)}…` : name);
const line = (x1, y1, x2, y2, kind) => make("line", { x1, y1, x2, y2, class: kind });
const words = (x, y, text, kind) => make("text", { x, y, text, class: kind });

export default { render };
