// Hearing of requests: one held call after the other, while the page can be seen.

import { Problem } from "./api.js";

/**
 * @typedef {import("./api.js").News} News
 * @typedef {"connecting" | "live" | "offline" | "paused" | {again: number}} Connection
 */

const AGAIN_MS_MIN = 1_000;
const AGAIN_MS_MAX = 30_000;
/** An answer without news that came at once was not held: a proxy, or a server that drains. Ask no faster than this. */
const UNHELD_MS = 3_000;

export class Watch {
  #ask;
  #tell;
  /** @type {AbortController | null} */
  #held = null;
  /** @type {(() => void) | null} */
  #wake = null;
  #runs = false;

  /**
   * @param {(seen: number | null, signal: AbortSignal) => Promise<News>} ask
   * @param {{news: (news: News) => void, connection: (now: Connection) => void, refused: (problem: Problem) => void}} tell
   */
  constructor(ask, tell) {
    this.#ask = ask;
    this.#tell = tell;
    const changed = () => {
      if (document.hidden || !navigator.onLine) this.#held?.abort();
      this.#wake?.();
    };
    document.addEventListener("visibilitychange", changed);
    addEventListener("online", changed);
    addEventListener("offline", changed);
  }

  start() {
    if (this.#runs) return;
    this.#runs = true;
    void this.#run();
  }

  stop() {
    this.#runs = false;
    this.#held?.abort();
    this.#wake?.();
  }

  /** Ask anew at once: something was done that changes what waits. */
  refresh() {
    this.#held?.abort();
    this.#wake?.();
  }

  async #run() {
    /** @type {number | null} */
    let seen = null;
    let failures = 0;
    while (this.#runs) {
      if (document.hidden) {
        this.#tell.connection("paused");
        await this.#pause(null);
        continue;
      }
      if (!navigator.onLine) {
        this.#tell.connection("offline");
        await this.#pause(AGAIN_MS_MAX);
        if (!navigator.onLine) continue;
      }
      const held = new AbortController();
      this.#held = held;
      const asked = performance.now();
      try {
        const news = await this.#ask(seen, held.signal);
        failures = 0;
        this.#tell.connection("live");
        const isNew = news.version !== seen;
        seen = news.version;
        if (isNew) this.#tell.news(news);
        else if (performance.now() - asked < UNHELD_MS) await this.#pause(UNHELD_MS);
      } catch (error) {
        if (held.signal.aborted) {
          // Ourselves; what is asked next comes at once and whole.
          seen = null;
          continue;
        }
        if (error instanceof Problem && error.status < 500 && error.status !== 429) {
          this.#runs = false;
          this.#tell.refused(error);
          return;
        }
        failures += 1;
        const longest = Math.min(AGAIN_MS_MAX, AGAIN_MS_MIN * 2 ** Math.min(failures, 10));
        const wait = longest * (0.5 + Math.random() / 2);
        this.#tell.connection(navigator.onLine ? { again: Math.ceil(wait / 1000) } : "offline");
        await this.#pause(wait);
      }
    }
  }

  /**
   * So long, or until something is woken for.
   *
   * @param {number | null} ms
   */
  async #pause(ms) {
    await new Promise((/** @type {(done: void) => void} */ resolve) => {
      const timer = ms === null ? undefined : setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }
}
