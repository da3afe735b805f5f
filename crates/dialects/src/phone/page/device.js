// What this phone is linked to, and the code that links it.

import { Problem } from "./api.js";
import { announce, field, groups, h, term } from "./dom.js";
import { forget } from "./keys.js";
import { plain } from "./record.js";
import { t } from "./text.js";

/**
 * @typedef {import("./api.js").Known} Known
 * @typedef {import("./api.js").TypedIn} TypedIn
 */

/**
 * This phone.
 *
 * @param {Known} known
 */
export function device(known) {
  const links = known.links.map((link) =>
    h(
      "li",
      {},
      h("span", { class: "quiet" }, link.kind === "subject" ? t.device.subject : t.device.approver),
      " ",
      h("bdi", {}, plain(link.kind === "subject" ? link.id : t.device.approverOf(link.id, link.organization))),
    ),
  );
  const assets = known.assets.map((asset) =>
    h(
      "li",
      {},
      h("bdi", {}, asset.provider === null ? t.device.countersigned : plain(asset.provider)),
      " ",
      h("span", { class: "tag" }, t.device.assetState[asset.state]),
    ),
  );
  const state = known.locked ? t.device.lockedState : t.device.active;
  return h(
    "section",
    { "aria-labelledby": "view-title" },
    h("h1", { id: "view-title", tabindex: -1 }, t.device.title),
    h(
      "div",
      { class: "card" },
      h(
        "dl",
        {},
        term(t.device.name, h("bdi", {}, plain(known.name))),
        term(t.device.environment, h("bdi", {}, plain(known.environment))),
        term(t.device.state, known.locked ? state : `${state} · ${t.device.tries(known.tries_left)}`),
        term(t.device.id, h("span", { class: "mono" }, known.id)),
      ),
    ),
    h(
      "div",
      { class: "card" },
      h("h2", {}, t.device.links),
      links.length > 0 ? h("ul", { class: "plain" }, ...links) : h("p", { class: "quiet" }, t.device.noLinks),
    ),
    h(
      "div",
      { class: "card" },
      h("h2", {}, t.device.assets),
      assets.length > 0 ? h("ul", { class: "plain" }, ...assets) : h("p", { class: "quiet" }, t.device.noAssets),
    ),
    forgetting(),
  );
}

function forgetting() {
  const first = h("button", { type: "button", class: "danger", onclick: () => ask(true) }, t.device.forget);
  const no = h("button", { type: "button", onclick: () => ask(false) }, t.device.forgetNo);
  const yes = h(
    "button",
    { type: "button", class: "danger filled", onclick: () => void forget().then(() => location.replace("/phone")) },
    t.device.forgetYes,
  );
  const sure = h(
    "div",
    { role: "group", "aria-labelledby": "forget-title", hidden: true },
    h("h3", { id: "forget-title" }, t.device.forgetSure),
    h("div", { class: "buttons" }, no, yes),
  );
  /** @param {boolean} asks */
  const ask = (asks) => {
    first.hidden = asks;
    sure.hidden = !asks;
    (asks ? no : first).focus();
  };
  return h("div", { class: "card" }, h("h2", {}, t.device.forget), h("p", { class: "quiet" }, t.device.forgetText), first, sure);
}

/**
 * A code to type in.
 *
 * @param {(nonce: string) => Promise<TypedIn>} typeIn
 * @param {() => void} locked
 */
export function code(typeIn, locked) {
  const nonce = field(
    "nonce",
    t.code.label,
    { inputmode: "numeric", autocomplete: "off", maxlength: 15, required: true, class: "digits" },
    t.code.hint,
  );
  const submit = h("button", { class: "primary" }, t.code.submit);
  const trouble = h("p", { class: "error", role: "alert" });
  const section = h(
    "section",
    { "aria-labelledby": "view-title" },
    h("h1", { id: "view-title", tabindex: -1 }, t.code.title),
    h("p", { class: "lead" }, t.code.text),
  );
  /** @param {Event} event */
  const submitted = async (event) => {
    event.preventDefault();
    nonce.complain("");
    trouble.textContent = "";
    const digits = nonce.input.value.replace(/[\s-]/g, "");
    if (!/^[0-9]{9}$/.test(digits)) return nonce.complain(t.code.wrongForm);
    submit.disabled = true;
    try {
      section.replaceChildren(...linked(await typeIn(digits)));
      focusTitle(section);
    } catch (error) {
      complain(error, nonce, trouble, locked);
      submit.disabled = false;
    }
  };
  section.append(
    h("form", { class: "card", novalidate: true, onsubmit: submitted }, nonce.field, submit, trouble),
  );
  return section;
}

/**
 * A code that the address brought: a link can come from anybody, so it is not used before its owner says so.
 *
 * @param {string} digits
 * @param {(nonce: string) => Promise<TypedIn>} typeIn
 * @param {() => void} locked
 * @param {() => void} declined
 */
export function brought(digits, typeIn, locked, declined) {
  const trouble = h("p", { class: "error", role: "alert" });
  const section = h("section", { "aria-labelledby": "view-title" });
  const yes = h(
    "button",
    {
      type: "button",
      class: "primary",
      onclick: async () => {
        yes.disabled = true;
        try {
          section.replaceChildren(...linked(await typeIn(digits)));
          focusTitle(section);
        } catch (error) {
          complain(error, { complain: (text) => (trouble.textContent = text) }, trouble, locked);
          yes.disabled = false;
        }
      },
    },
    t.code.broughtYes,
  );
  section.append(
    h("h1", { id: "view-title", tabindex: -1 }, t.code.broughtTitle),
    h("p", { class: "lead" }, t.code.brought(groups(digits, 3).join(" "))),
    h("p", { class: "note" }, t.code.broughtWarning),
    h("div", { class: "buttons" }, h("button", { type: "button", onclick: declined }, t.code.broughtNo), yes),
    trouble,
  );
  return section;
}

/** @param {TypedIn} typed */
function linked(typed) {
  const isAbout = typed.purpose === "provider" || typed.purpose === "registration";
  const sentence = t.code.done[typed.purpose];
  const who = plain(typed.shown_by);
  const title = isAbout ? `${who} ${sentence}` : sentence;
  announce(title);
  return [
    h(
      "div",
      { class: "outcome good" },
      h("div", { class: "mark", "aria-hidden": "true" }, "✓"),
      h("h1", { id: "view-title", tabindex: -1 }, title),
      isAbout ? null : h("p", { class: "lead" }, who),
      h("a", { class: "button", href: "#/device" }, t.device.title),
    ),
  ];
}

/** @param {HTMLElement} section */
function focusTitle(section) {
  const title = section.querySelector("h1");
  if (title instanceof HTMLElement) title.focus();
}

/**
 * @param {unknown} error
 * @param {{complain: (text: string) => void}} nonce
 * @param {HTMLElement} trouble
 * @param {() => void} locked
 */
function complain(error, nonce, trouble, locked) {
  if (!(error instanceof Problem)) trouble.textContent = t.problem.network;
  else if (error.status === 404) nonce.complain(t.code.wrong);
  else if (error.kind === "device-locked") locked();
  else if (error.status === 409) trouble.textContent = error.message;
  else trouble.textContent = error.status === 429 ? t.problem.busy : t.problem.other;
}
