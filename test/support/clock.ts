/** A clock that tests advance, and the real one. */
import type { Clock, Instant, Millis, WallTime } from '../../src/lib/time.ts'

export interface FakeClock extends Clock {
  /** Advances both clocks by `span` ms. */
  advance(span: number): void
  /** Moves only the wall clock, by `span` ms. */
  jumpWallClock(span: number): void
}

/** Starts at 2026-11-22T05:00:00Z. */
export function fakeClock(wall = Date.UTC(2026, 10, 22, 5), now = 1_000_000): FakeClock {
  let elapsed = 0
  let offset = 0
  return {
    now: () => (now + elapsed) as Instant,
    wall: () => (wall + elapsed + offset) as WallTime,
    advance(span) {
      elapsed += span
    },
    jumpWallClock(span) {
      offset += span
    },
  }
}

export const realClock: Clock = {
  now: () => performance.now() as Instant,
  wall: () => Date.now() as WallTime,
}

export const seconds = (n: number): Millis => (n * 1000) as Millis
