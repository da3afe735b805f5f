// Making this browser a phone: a name, a PIN twice, a key.

import { Problem } from "./api.js";
import { PIN_FIELD, field, h } from "./dom.js";
import { make, save } from "./keys.js";
import { t } from "./text.js";

/**
 * @typedef {import("./keys.js").Device} Device
 * @typedef {import("./api.js").Known} Known
 */

/**
 * @param {import("./api.js").Server} server
 * @param {string} environment
 * @param {Device | undefined} begun made before, but perhaps never heard of by the server
 * @param {boolean} bringsCode whether a link's code waits for this phone
 * @param {(device: Device, known: Known) => void} done
 */
export function setup(server, environment, begun, bringsCode, done) {
  const name = field("name", t.setup.name, { autocomplete: "off", maxlength: 64, required: true }, t.setup.nameHint);
  const pin = field("pin", t.setup.pin, PIN_FIELD, t.setup.pinHint);
  const again = field("pin-again", t.setup.again, PIN_FIELD);
  if (begun) name.input.value = begun.name;
  const submit = h("button", { class: "primary" }, t.setup.submit);
  const trouble = h("p", { class: "error", role: "alert" });

  /** @param {Event} event */
  const submitted = async (event) => {
    event.preventDefault();
    trouble.textContent = "";
    for (const one of [name, pin, again]) one.complain("");
    if (name.input.value.trim() === "") return name.complain(t.setup.name_missing);
    if (!/^[0-9]{6,12}$/.test(pin.input.value)) return pin.complain(t.setup.pin_digits);
    if (pin.input.value !== again.input.value) return again.complain(t.setup.pin_differs);
    submit.disabled = true;
    submit.textContent = t.setup.working;
    try {
      const fresh = begun ? { ...begun, name: name.input.value.trim() } : await make(name.input.value.trim());
      begun = fresh;
      const { made, known } = await enrolled(server, fresh, pin.input.value, again.input.value);
      const device = { ...made, enrolled: true };
      await save(device);
      // So that the browser does not clear the key away when it needs room.
      await navigator.storage?.persist?.();
      done(device, known);
    } catch (error) {
      complain(error, pin, trouble);
      submit.disabled = false;
      submit.textContent = t.setup.submit;
    }
  };

  return h(
    "section",
    { "aria-labelledby": "view-title" },
    h("h1", { id: "view-title", tabindex: -1 }, t.setup.title),
    h("p", { class: "lead" }, t.setup.lead(environment)),
    bringsCode ? h("p", { class: "note" }, t.code.broughtSetup) : null,
    h(
      "form",
      { class: "card", novalidate: true, onsubmit: submitted },
      name.field,
      pin.field,
      again.field,
      h("p", { class: "hint" }, t.setup.key),
      submit,
      trouble,
    ),
  );
}

/**
 * Enrol. A key that is known already was enrolled by a request whose answer got lost, with a PIN that may have been
 * another one: a new key takes its place, and what nobody links the server forgets.
 *
 * @param {import("./api.js").Server} server
 * @param {Device} device
 * @param {string} pin
 * @param {string} pinAgain
 * @returns {Promise<{made: Device, known: Known}>}
 */
async function enrolled(server, device, pin, pinAgain) {
  try {
    return { made: device, known: await server.enrol(device, pin, pinAgain) };
  } catch (error) {
    if (!(error instanceof Problem && error.status === 409)) throw error;
    const made = await make(device.name);
    return { made, known: await server.enrol(made, pin, pinAgain) };
  }
}

/**
 * @param {unknown} error
 * @param {{complain: (text: string) => void}} pin
 * @param {HTMLElement} trouble
 */
function complain(error, pin, trouble) {
  if (error instanceof Problem && error.status === 400) pin.complain(t.setup.pinHint);
  else if (error instanceof Problem && error.status === 429) trouble.textContent = t.problem.busy;
  else if (error instanceof Problem) trouble.textContent = t.problem.other;
  else if (error instanceof DOMException) trouble.textContent = t.broken.text;
  else trouble.textContent = t.problem.network;
}
