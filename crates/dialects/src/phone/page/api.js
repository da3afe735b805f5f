// The device protocol (docs/device-protocol.md), as the page speaks it.

import { signedHeaders, signedStatement } from "./keys.js";

/**
 * @typedef {import("./keys.js").Device} Device
 * @typedef {{protocol: number, environment: string, now: string}} About
 * @typedef {{id: string, provider: string | null, state: "active" | "locked" | "destroyed"}} Asset
 * @typedef {{kind: "subject", id: string} | {kind: "approver", organization: string, id: string}} Link
 * @typedef {object} Known
 * @property {string} id
 * @property {string} name
 * @property {string} environment
 * @property {boolean} locked
 * @property {number} tries_left
 * @property {Asset[]} assets
 * @property {Link[]} links
 * @typedef {"pending" | "approved" | "rejected" | "expired" | "failed"} State
 * @typedef {{id: string, state: State, record: string, expires_at: string}} Waiting
 * @typedef {{version: number, requests: Waiting[]}} News
 * @typedef {{shown_by: string, purpose: "provider" | "registration" | "subject" | "approver", asset: string}} TypedIn
 */

/** What the server says no with (RFC 9457). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {{type?: string, detail?: string, tries_left?: number}} body
   */
  constructor(status, body) {
    super(body.detail ?? `status ${status}`);
    this.status = status;
    /** The last part of its type: `wrong-pin`. */
    this.kind = (body.type ?? "").replace("urn:countersign:problem:", "");
    this.triesLeft = body.tries_left;
  }
}

/** The server could not be reached. */
export class Unreachable extends Error {}

/** Longer than a request is held, so that a connection that died is noticed. */
const ANSWER_WITHIN_MS = 40_000;

export class Server {
  /** What the server's clock is ahead of ours, in milliseconds. */
  #ahead = 0;

  /** The server's time in milliseconds, as well as it is known here. */
  now() {
    return Date.now() + this.#ahead;
  }

  /** @returns {Promise<About>} */
  async about() {
    const asked = Date.now();
    const about = await read(await reach("/phone/v1/about", { cache: "no-store" }));
    const halfway = (asked + Date.now()) / 2;
    this.#ahead = Date.parse(about.now) - halfway;
    return about;
  }

  /**
   * @param {Device} device
   * @param {string} pin
   * @param {string} pinAgain
   * @returns {Promise<Known>}
   */
  enrol(device, pin, pinAgain) {
    const body = { key: device.publicKey, name: device.name, pin, pin_again: pinAgain };
    return this.#call(device, "POST", "/phone/v1/devices", body);
  }

  /**
   * @param {Device} device
   * @returns {Promise<Known>}
   */
  device(device) {
    return this.#call(device, "GET", "/phone/v1/device");
  }

  /**
   * What waits; with what was seen, the answer comes when there are news.
   *
   * @param {Device} device
   * @param {number | null} seen
   * @param {AbortSignal} signal
   * @returns {Promise<News>}
   */
  waiting(device, seen, signal) {
    const query = seen === null ? "" : `?seen=${seen}`;
    return this.#call(device, "GET", `/phone/v1/requests${query}`, undefined, signal);
  }

  /**
   * @param {Device} device
   * @param {string} id
   * @returns {Promise<Waiting>}
   */
  request(device, id) {
    return this.#call(device, "GET", `/phone/v1/requests/${encodeURIComponent(id)}`);
  }

  /**
   * @param {Device} device
   * @param {Waiting} request
   * @param {string} audience
   * @param {"approve" | "reject"} decision
   * @param {string} [pin]
   * @returns {Promise<Waiting>}
   */
  async answer(device, request, audience, decision, pin) {
    const now = this.now();
    const signed = await signedStatement(device, request.id, decision, request.record, audience, now);
    const body = { decision, ...(pin === undefined ? {} : { pin }), ...signed };
    return this.#call(device, "POST", `/phone/v1/requests/${encodeURIComponent(request.id)}/answer`, body);
  }

  /**
   * @param {Device} device
   * @param {string} nonce
   * @returns {Promise<TypedIn>}
   */
  typeIn(device, nonce) {
    return this.#call(device, "POST", "/phone/v1/identifications", { nonce });
  }

  /**
   * @param {Device} device
   * @param {"GET" | "POST"} method
   * @param {string} target
   * @param {unknown} [body]
   * @param {AbortSignal} [signal]
   */
  async #call(device, method, target, body, signal) {
    const text = body === undefined ? "" : JSON.stringify(body);
    const once = async () => {
      const headers = await signedHeaders(device, method, target, text, this.now());
      const type = body === undefined ? {} : { "Content-Type": "application/json" };
      /** @type {RequestInit} */
      const request = { method, headers: { ...headers, ...type }, cache: "no-store", credentials: "omit" };
      if (body !== undefined) request.body = text;
      if (signal) request.signal = signal;
      return reach(target, request);
    };
    const answer = await once();
    if (answer.status !== 401) return read(answer);
    // The clock may have been wrong, or been set since: what was refused so was not done.
    await this.about();
    return read(await once());
  }
}

/**
 * @param {string} target
 * @param {RequestInit} request
 */
async function reach(target, request) {
  const signals = [AbortSignal.timeout(ANSWER_WITHIN_MS)];
  if (request.signal) signals.push(request.signal);
  try {
    return await fetch(target, { ...request, signal: AbortSignal.any(signals) });
  } catch (error) {
    if (request.signal?.aborted) throw error;
    throw new Unreachable("the server could not be reached", { cause: error });
  }
}

/** @param {Response} answer */
async function read(answer) {
  let body;
  try {
    body = await answer.json();
  } catch (error) {
    // Not ours: a proxy whose server is away, or a page in between.
    throw new Unreachable(`status ${answer.status}`, { cause: error });
  }
  if (!answer.ok) throw new Problem(answer.status, body);
  return body;
}
