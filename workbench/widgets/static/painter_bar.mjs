import { digits, entry, make } from "./kit.mjs";

/**
 * Parameter of a preset, as shown in a form.
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {string} type
 * @property {string} help
 * @property {string[]} options to choose from, or none
 * @property {number | null} low
 * @property {number | null} high
 */

/** Bar above the grid: the preset with its parameters, the learning rate, the epochs. */
export class PainterBar {
  title = make("div", { class: "wb-title wb-grow" });
  preset = make("select", { class: "wb-select", on: { change: () => this.model.send({ do: "preset", name: this.preset.value }) } });
  form = make("span", { class: "wb-bar" });
  lr = entry({ type: "text", inputmode: "decimal", class: "wb-input wb-number wb-short" }, (text) => this.sendLr(text.trim()));
  epochs = entry({ type: "number", min: 1, max: 10000, step: 1, class: "wb-input wb-short", title: "passes over the training images, from 1 to 10000" },
    (text) => this.model.send({ do: "epochs", value: Number(text) }));
  undo = make("button", { class: "wb-button", type: "button", text: "Undo", on: { click: () => this.model.send({ do: "undo" }) } });
  /** Preset of the present form, and the inputs of its parameters. @type {string | null} */
  formOf = null;
  /** @type {(HTMLInputElement | HTMLSelectElement)[]} */
  inputs = [];

  /** @param {import("./kit.mjs").Model} model */
  constructor(model) {
    this.model = model;
    const field = (/** @type {string} */ label, /** @type {HTMLElement} */ input) => make("label", { class: "wb-field" }, make("span", { text: label }), input);
    this.element = make("div", {}, this.title, make("div", { class: "wb-bar wb-toolbar" },
      field("preset", this.preset), this.form, field("learning rate", this.lr), field("epochs", this.epochs)));
  }

  get(name) { return this.model.get(name); }

  /** @param {string} text */
  sendLr(text) {
    this.model.send({ do: "lr", value: text === "" ? null : text });
  }

  show() {
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
    this.lr.title = `learning rate, multiplied by the grid; empty: the tuning's own, ${rate(own)}`;
    this.epochs.value = this.get("epochs");
    this.undo.disabled = !this.get("undoable");
    this.undo.title = this.get("undoable") ? "undo the last stroke or preset (Ctrl+Z in the grid)" : "nothing to undo yet";
  }

  /**
   * Show the preset's parameters: build them for a new preset, otherwise update their values.
   * @param {string} preset
   * @param {Field[]} fields
   */
  showForm(preset, fields) {
    if (this.formOf !== preset) {
      this.formOf = preset;
      this.inputs = fields.map((field) => this.inputOf(preset, field));
      this.form.replaceChildren(...fields.map((field, i) => make("label", { class: "wb-field", title: field.help },
        make("span", { text: field.label }), this.inputs[i])));
      this.form.hidden = !fields.length;
    }
    fields.forEach(({ name, type }, i) => {
      const input = this.inputs[i], value = this.get("params")[name];
      if (type === "bool" && input instanceof HTMLInputElement) input.checked = value;
      else input.value = value;
    });
  }

  /**
   * @param {string} preset
   * @param {Field} field
   */
  inputOf(preset, { name, type, options, low, high }) {
    const send = (/** @type {unknown} */ value) => this.model.send({ do: "preset", name: preset, params: { ...this.get("params"), [name]: value } });
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
}

/**
 * Format a learning rate with three digits: 0.01, 3e-4.
 * @param {number} value
 */
export function rate(value) {
  return value >= 0.01 && value < 1000 ? digits(Number(value.toPrecision(3))) : value.toExponential().replace(/(\.\d{1,2})\d*/, "$1");
}
