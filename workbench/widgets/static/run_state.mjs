import { errorStrip, make } from "./kit.mjs";

/** @param {import("./kit.mjs").Context} context */
function render({ model, el }) {
  el.classList.add("wb-widget", "wb-run-state");
  const dot = make("span", { "aria-hidden": "true" });
  const name = make("div", { class: "wb-strong wb-run-name" });
  const words = make("div", { class: "wb-quiet", role: "status" });
  const press = (text, what) => make("button", {
    class: "wb-button", type: "button", text,
    on: { click: (event) => { event.target.disabled = true; model.send({ do: what }); } },
  });
  const stop = press("Stop and keep", "stop"), resume = press("Resume", "resume");
  const done = make("div", { class: "wb-progress-done" });
  const progress = make("div", { class: "wb-progress", role: "progressbar", "aria-label": "progress", "aria-valuemin": 0, "aria-valuemax": 100 }, done);
  const trouble = make("div", { class: "wb-error wb-trouble" });
  const all = make("div", {}, make("div", { class: "wb-run-line" }, dot, make("div", { class: "wb-grow" }, name, words), stop, resume), progress, trouble);
  el.append(all, errorStrip(model));

  function show() {
    const about = model.get("about");
    all.hidden = !about.name;
    if (!about.name) return;
    dot.className = `wb-state wb-state-${about.state}`;
    name.textContent = name.title = about.name;
    const bad = ["failed", "interrupted", "damaged"].includes(about.state);
    words.textContent = bad || !about.sentence ? about.state : `${about.state}: ${about.sentence.replace(`${about.state}: `, "")}`;
    trouble.textContent = about.sentence;
    trouble.hidden = !bad || !about.sentence;
    const percent = Math.round(100 * about.share);
    done.style.width = `${percent}%`;
    progress.setAttribute("aria-valuenow", String(percent));
    for (const [button, reason] of [[stop, about.no_stop], [resume, about.no_resume]]) {
      button.disabled = Boolean(reason);
      button.title = reason;
    }
  }
  model.on("change:about change:error", show);
  show();
}

export default { render };
