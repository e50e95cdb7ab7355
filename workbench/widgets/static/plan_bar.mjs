import { errorStrip, make } from "./kit.mjs";

/**
 * Copy text to the clipboard; where the page has no access, through a selection.
 * @param {string} text
 */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "wb-hidden" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

/** @param {import("./kit.mjs").Context} context */
function render({ model, el }) {
  el.classList.add("wb-widget", "wb-plan-bar");
  const words = make("span", { class: "wb-plan-words wb-grow" });
  const launch = make("button", {
    class: "wb-button wb-main", type: "button",
    on: { click: () => { launch.disabled = true; launch.textContent = "Starting…"; model.send({ do: "launch" }); } },
  });
  const copy = make("button", { class: "wb-button", type: "button", text: "Copy as code", "aria-expanded": "false", on: { click: open } });
  const code = make("code");
  const note = make("span", { class: "wb-quiet", role: "status" });
  const hide = make("button", { class: "wb-button wb-plain", type: "button", text: "Hide", on: { click: () => fold(true) } });
  const lines = make("div", { class: "wb-code", hidden: true }, make("pre", {}, code), make("div", { class: "wb-bar" }, note, hide));
  const reason = make("div", { class: "wb-quiet wb-small wb-reason" });

  function fold(shut) {
    lines.hidden = shut;
    copy.setAttribute("aria-expanded", String(!shut));
  }
  async function open() {
    fold(false);
    await copied(model.get("code"));
    note.textContent = "Copied to the clipboard.";
  }
  function show() {
    words.textContent = model.get("words");
    words.title = model.get("words");
    code.textContent = model.get("code");
    note.textContent = "";
    copy.disabled = !model.get("code");
    copy.title = copy.disabled ? model.get("reason") : "Python code of this plan";
    const busy = model.get("busy");
    launch.disabled = busy || Boolean(model.get("reason"));
    launch.textContent = busy ? "Starting…" : "Launch";
    launch.title = busy ? "the run is being prepared" : model.get("reason");
    reason.textContent = busy ? "" : model.get("reason");
    reason.hidden = !reason.textContent;
  }
  model.on("change:words change:code change:reason change:busy", show);
  // a refused launch may change no trait: the button must be restored all the same
  model.on("change:error msg:custom", show);
  el.append(make("div", { class: "wb-bar" }, words, copy, launch), reason, lines, errorStrip(model));
  show();
}

export default { render };
