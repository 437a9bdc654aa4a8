/**
 * Bounds the frames that cost the server work and carry no call: floods of PING, SETTINGS, RST_STREAM, empty DATA
 * and others (CVE-2019-9511 to CVE-2019-9518, CVE-2023-44487).
 */
import type { Instant } from '../lib/time.ts'

// Envoy sends the requests of many clients on one connection, and resets a Check when its client disconnects. A
// burst of resets must not end the Checks of its other clients.
const MAX_BURST = 100_000
const FRAMES_PER_MS = 20

export class ControlFrameLimit {
  #left = MAX_BURST
  #refilledAt: Instant

  constructor(now: Instant) {
    this.#refilledAt = now
  }

  /** Adds what the time since the last call has earned. Called once for each piece that a socket has read. */
  refill(now: Instant): void {
    this.#left = Math.min(MAX_BURST, this.#left + (now - this.#refilledAt) * FRAMES_PER_MS)
    this.#refilledAt = now
  }

  /** Counts one frame, which costs as much as `cost` resets. False where the limit is exceeded. */
  take(cost: number): boolean {
    this.#left -= cost
    return this.#left >= 0
  }
}
