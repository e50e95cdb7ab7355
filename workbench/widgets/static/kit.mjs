// Elements, error strips and number formats shared by all widgets. Text is set as text, never as markup.

/**
 * Traits of a widget as anywidget passes them to its view: synchronized with Python, observed by name.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(content: unknown) => void} send
 * @property {(events: string, call: (...given: any[]) => void) => void} on
 * @property {(events: string, call: (...given: any[]) => void) => void} off
 */

/** @typedef {{ model: Model, el: HTMLElement }} Context */

/**
 * @template T
 * @typedef {T extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[T]
 *   : T extends keyof SVGElementTagNameMap ? SVGElementTagNameMap[T] : never} Made
 */

/** @typedef {Node | string | null | undefined} Child */

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "path", "rect", "circle", "line", "text", "defs", "pattern", "polyline", "title"]);

/**
 * Make an element: attributes by name, `on` for listeners, `text` for its text, children appended in order.
 * @template {keyof HTMLElementTagNameMap | keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} attributes
 * @param {...(Child | Child[])} children
 * @returns {Made<T>}
 */
export function make(tag, attributes = {}, ...children) {
  const node = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name === "on") for (const [kind, call] of Object.entries(value)) node.addEventListener(kind, call);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return /** @type {Made<T>} */ (node);
}

/**
 * Make an input that passes its text to `commit` once, when it loses focus or Enter is pressed.
 * @param {Record<string, any>} attributes
 * @param {(text: string) => void} commit
 */
export function entry(attributes, commit) {
  const input = make("input", { class: "wb-input", ...attributes });
  /** @type {string | null} */
  let last = null;
  const done = () => {
    if (input.value === last) return;
    last = input.value;
    commit(input.value);
  };
  input.addEventListener("focus", () => { last = input.value; });
  input.addEventListener("change", done);
  // Lab handles Enter before the browser fires a change event
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") done(); });
  return input;
}

/**
 * Make the strip under a widget that shows its trait `error`, with a button that closes it.
 * @param {Model} model
 */
export function errorStrip(model) {
  const words = make("span");
  const strip = make("div", { class: "wb-error", role: "alert", hidden: true }, words,
    make("button", {
      class: "wb-button wb-plain", type: "button", text: "Dismiss",
      on: { click: () => { model.set("error", ""); model.save_changes(); } },
    }));
  const show = () => {
    words.textContent = model.get("error");
    strip.hidden = !model.get("error");
  };
  model.on("change:error", show);
  show();
  return strip;
}

/**
 * Format a count with its unit prefix, as in figures: 11180000 -> "11.2 M".
 * @param {number | null | undefined} value
 */
export function count(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  for (const [size, prefix] of /** @type {[number, string][]} */ ([[1e9, "G"], [1e6, "M"], [1e3, "k"]]))
    if (value >= size * 0.9995) return `${(value / size).toFixed(value / size >= 99.95 ? 0 : 1)} ${prefix}`;
  return digits(value);
}

/**
 * Format a number with three digits: 0.0123, 4.56, 78.9, 123.
 * @param {number} value
 */
export function digits(value) {
  const size = Math.abs(value);
  if (size === 0 || Number.isInteger(value)) return String(value);
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  if (size >= 0.995) return value.toFixed(2);
  return String(Number(value.toPrecision(2)));
}

/**
 * Format bytes as MB or GB: 412000000 -> "0.41 GB".
 * @param {number | null | undefined} value
 */
export function bytes(value) {
  if (value === null || value === undefined) return "–";
  return value >= 1e8 ? `${digits(value / 1e9)} GB` : `${digits(value / 1e6)} MB`;
}

/**
 * Format seconds: 0.4 s, 12 s, 3 min, 1 h 20 min.
 * @param {number | null | undefined} seconds
 */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  const hours = Math.floor(seconds / 3600);
  return `${hours} h ${Math.round((seconds - hours * 3600) / 60)} min`;
}

/**
 * Keep Lab's single-key commands (d d deletes a cell) from keys pressed inside `root`; Ctrl+S still saves.
 * @param {HTMLElement} root
 */
export function keepKeys(root) {
  // Lab's selectors end in `:focus`, so the attribute must be on the focused element itself
  const mark = (/** @type {KeyboardEvent} */ event) => {
    if (event.target instanceof Element && root.contains(event.target))
      event.target.toggleAttribute("data-lm-suppress-shortcuts", !(event.ctrlKey || event.metaKey));
  };
  // on the window, since Lab listens on the document, before any element receives the key
  window.addEventListener("keydown", mark, true);
  return () => window.removeEventListener("keydown", mark, true);
}

/**
 * Wrap `call` so that it runs at most once per animation frame, with the latest arguments.
 * @template {any[]} T
 * @param {(...given: T) => void} call
 */
export function eachFrame(call) {
  /** @type {T | null} */
  let waiting = null;
  return (/** @type {T} */ ...given) => {
    const first = waiting === null;
    waiting = given;
    if (first) requestAnimationFrame(() => { const last = /** @type {T} */ (waiting); waiting = null; call(...last); });
  };
}
