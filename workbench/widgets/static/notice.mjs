import { errorStrip, make } from "./kit.mjs";

/** @param {import("./kit.mjs").Context} context */
function render({ model, el }) {
  el.classList.add("wb-widget", "wb-notice");
  const quiet = make("div", { class: "wb-quiet", role: "status" });
  const show = () => {
    quiet.textContent = model.get("text");
    quiet.hidden = !model.get("text") || Boolean(model.get("error"));
  };
  model.on("change:text change:error", show);
  show();
  el.append(quiet, errorStrip(model));
}

export default { render };
