// What a request says, read from its record and from nothing else (docs/receipts.md): the signature is over that.

/**
 * @typedef {object} Asker
 * @property {string} [organization]
 * @property {string} [organization_name]
 * @property {string} [client]
 * @property {string} [client_name]
 * @property {string} [subject]
 *
 * @typedef {object} Bound
 * @property {string} method
 * @property {string} host
 * @property {string} target
 * @property {string} body `none`, or its `Content-Digest`
 *
 * @typedef {"countersign" | "authenticate" | "sign" | "decrypt"} Kind
 *
 * @typedef {object} Asked
 * @property {string} approval
 * @property {string} environment
 * @property {string} issuer
 * @property {Kind} kind
 * @property {Asker} asked_by
 * @property {string} text
 * @property {string} code
 * @property {Bound} [bound]
 * @property {string} [fingerprint]
 * @property {string} [resource_uri]
 * @property {string} [asset]
 * @property {"subject" | {organization: string, group: string, needed: number}} [approvers]
 * @property {string} expires_at
 */

const KINDS = ["countersign", "authenticate", "sign", "decrypt"];

/**
 * Read a record; nothing when there is something in it that would not be shown.
 *
 * @param {string} text
 * @param {string} id the request that it came with
 * @returns {Asked | null}
 */
export function read(text, id) {
  let asked;
  try {
    asked = JSON.parse(text);
  } catch {
    return null;
  }
  const has = (/** @type {string} */ member) => typeof asked?.[member] === "string";
  const texts = ["approval", "environment", "issuer", "kind", "text", "code", "expires_at"];
  const isWhole =
    asked?.v === 1 &&
    texts.every(has) &&
    asked.approval === id &&
    KINDS.includes(asked.kind) &&
    typeof asked.asked_by === "object" &&
    asked.asked_by !== null &&
    (asked.kind !== "countersign" || typeof asked.bound?.target === "string") &&
    Object.keys(asked).every((member) => SHOWN.has(member));
  return isWhole ? asked : null;
}

/** Every member that has its place on the page, or names the request itself. */
const SHOWN = new Set([
  ...["v", "approval", "environment", "issuer", "kind", "asked_by", "text", "code", "bound", "fingerprint"],
  ...["resource_uri", "asset", "approvers", "created_at", "expires_at"],
]);

/**
 * Who asks, in one line.
 *
 * @param {Asked} asked
 */
export function asker(asked) {
  const { client_name, client, organization_name, organization } = asked.asked_by;
  const who = client_name ?? client;
  const whose = organization_name ?? organization;
  if (who && whose && who !== whose) return `${who}, ${whose}`;
  return who ?? whose ?? asked.issuer;
}

/**
 * A request target as its path and its parameters, decoded.
 *
 * @param {string} target
 * @returns {{path: string, parameters: {name: string, value: string}[]}}
 */
export function parts(target) {
  const cut = target.indexOf("?");
  const path = cut < 0 ? target : target.slice(0, cut);
  const query = cut < 0 ? "" : target.slice(cut + 1);
  const pairs = query.split("&").filter((pair) => pair !== "");
  const parameters = pairs.map((pair) => {
    const middle = pair.indexOf("=");
    const [name, value] = middle < 0 ? [pair, ""] : [pair.slice(0, middle), pair.slice(middle + 1)];
    return { name: decoded(name), value: decoded(value) };
  });
  return { path: plain(percent(path)), parameters };
}

/** @param {string} text */
function decoded(text) {
  return plain(percent(text.replaceAll("+", " ")));
}

/** @param {string} text */
function percent(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not UTF-8: as it was sent.
    return text;
  }
}

/**
 * A text with what cannot be seen, or turns the order of letters, made visible.
 *
 * @param {string} text
 */
export function plain(text) {
  const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;
  return text.replace(unseen, (c) => `⟨U+${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}
