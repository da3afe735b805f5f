// Elements, and what screen readers are told. Text goes in as text: nothing here parses HTML.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element. Attributes that are false or nothing are left out; `onclick` and the like are listeners.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | boolean | number | null | undefined | ((event: Event) => void)>} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  for (const child of children) {
    if (child) element.append(child);
  }
  return element;
}

/**
 * What must be there.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * Tell a screen reader, without moving the focus.
 *
 * @param {string} text
 */
export function announce(text) {
  const live = byId("live");
  live.textContent = "";
  // Emptied first, so that the same sentence is told again.
  setTimeout(() => (live.textContent = text), 50);
}

/**
 * A field with its label, hint and room for what is wrong with it.
 *
 * @param {string} id
 * @param {string} label
 * @param {Record<string, string | boolean | number>} attributes
 * @param {string} [hint]
 * @returns {{field: HTMLElement, input: HTMLInputElement, complain: (text: string) => void}}
 */
export function field(id, label, attributes, hint) {
  const described = [hint ? `${id}-hint` : "", `${id}-error`].join(" ").trim();
  const input = h("input", { id, "aria-describedby": described, ...attributes });
  const error = h("p", { id: `${id}-error`, class: "error", role: "alert" });
  const wrapped = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    hint ? h("p", { id: `${id}-hint`, class: "hint" }, hint) : null,
    input,
    error,
  );
  const complain = (/** @type {string} */ text) => {
    error.textContent = text;
    if (text) {
      input.setAttribute("aria-invalid", "true");
      input.focus();
    } else {
      input.removeAttribute("aria-invalid");
    }
  };
  return { field: wrapped, input, complain };
}

/** How every field for a PIN is set up: digits on a phone's keyboard, and no password manager that offers to keep it. */
export const PIN_FIELD = {
  type: "password",
  inputmode: "numeric",
  pattern: "[0-9]*",
  autocomplete: "off",
  maxlength: 12,
  required: true,
  "data-1p-ignore": true,
  "data-lpignore": "true",
};

/**
 * A term and what it is.
 *
 * @param {string} term
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function term(term, ...children) {
  return h("div", { class: "term" }, h("dt", {}, term), h("dd", {}, ...children));
}

/**
 * Digits or letters in groups, each read as one.
 *
 * @param {string} text
 * @param {number} size
 * @returns {string[]}
 */
export function groups(text, size) {
  return text.match(new RegExp(`.{1,${size}}`, "gu")) ?? [];
}
