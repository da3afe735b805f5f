// The device's key: made here, cannot be exported, kept in this browser's database. And what is signed with it.

const DATABASE = "countersign-phone";
const STORE = "device";
const KEY = { name: "ECDSA", namedCurve: "P-256" };
const SIGN = { name: "ECDSA", hash: "SHA-256" };

/**
 * @typedef {{kty: "EC", crv: "P-256", x: string, y: string}} PublicKey
 *
 * @typedef {object} Device
 * @property {string} id the thumbprint of its key (RFC 7638)
 * @property {CryptoKey} privateKey
 * @property {PublicKey} publicKey
 * @property {boolean} enrolled
 * @property {string} name
 */

/** Whether this page may have a key at all: browsers keep `crypto.subtle` from pages that came in plain text. */
export function isSecure() {
  return window.isSecureContext && typeof crypto !== "undefined" && crypto.subtle !== undefined;
}

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} step
 * @returns {Promise<T>}
 */
async function stored(mode, step) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = step(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** @returns {Promise<Device | undefined>} */
export function load() {
  return stored("readonly", (store) => store.get("this"));
}

/** @param {Device} device */
export async function save(device) {
  await stored("readwrite", (store) => store.put(device, "this"));
}

/** The key is gone with it. */
export async function forget() {
  await stored("readwrite", (store) => store.delete("this"));
}

/**
 * A new key. It is kept before the server hears of it, so that an answer that gets lost costs nothing.
 *
 * @param {string} name
 * @returns {Promise<Device>}
 */
export async function make(name) {
  const pair = await crypto.subtle.generateKey(KEY, false, ["sign", "verify"]);
  const { x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  if (!x || !y) throw new Error("the browser's key has no coordinates");
  /** @type {PublicKey} */
  const publicKey = { kty: "EC", crv: "P-256", x, y };
  // RFC 7638: the members that make the key, in the order of their names.
  const members = JSON.stringify({ crv: "P-256", kty: "EC", x, y });
  const id = base64url(await sha256(utf8(members)));
  /** @type {Device} */
  const device = { id, privateKey: pair.privateKey, publicKey, enrolled: false, name };
  await save(device);
  return device;
}

/**
 * The headers of a signed request (docs/device-protocol.md).
 *
 * @param {Device} device
 * @param {string} method
 * @param {string} target the path with its query
 * @param {string} body
 * @param {number} now the server's time in milliseconds
 * @returns {Promise<Record<string, string>>}
 */
export async function signedHeaders(device, method, target, body, now) {
  const digest = `sha-256=:${base64(await sha256(utf8(body)))}:`;
  const nonce = base64url(crypto.getRandomValues(new Uint8Array(16)));
  const parameters =
    '("@method" "@authority" "@request-target" "content-digest")' +
    `;created=${Math.floor(now / 1000)};nonce="${nonce}";keyid="${device.id}";alg="ecdsa-p256-sha256"`;
  const base = [
    `"@method": ${method}`,
    `"@authority": ${location.host.toLowerCase().replace(/:(443|80)$/, "")}`,
    `"@request-target": ${target}`,
    `"content-digest": ${digest}`,
    `"@signature-params": ${parameters}`,
  ].join("\n");
  return {
    "Content-Digest": digest,
    "Signature-Input": `countersign=${parameters}`,
    Signature: `countersign=:${base64(await sign(device, base))}:`,
  };
}

/**
 * What a device signs when it answers (docs/receipts.md#the-statement).
 *
 * @param {Device} device
 * @param {string} approval
 * @param {"approve" | "reject"} decision
 * @param {string} record as it came, byte for byte
 * @param {string} audience the record's issuer
 * @param {number} now the server's time in milliseconds
 * @returns {Promise<{statement: string, signature: string}>}
 */
export async function signedStatement(device, approval, decision, record, audience, now) {
  const statement = JSON.stringify({
    v: 1,
    approval,
    decision,
    record: base64url(await sha256(utf8(record))),
    device: device.id,
    audience,
    at: new Date(now).toISOString().replace(/\.\d+Z$/, "Z"),
  });
  return { statement, signature: base64url(await sign(device, statement)) };
}

/**
 * ES256: r and s, 64 bytes.
 *
 * @param {Device} device
 * @param {string} text
 */
async function sign(device, text) {
  return new Uint8Array(await crypto.subtle.sign(SIGN, device.privateKey, utf8(text)));
}

/** @param {string} text */
function utf8(text) {
  return new TextEncoder().encode(text);
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
