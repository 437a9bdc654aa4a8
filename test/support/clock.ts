/** test/fakes/clock — two clocks that move only when told, and the real ones. */
import type { Clock, Instant, Millis, WallTime } from '../../src/lib/time.ts'

export interface FakeClock extends Clock {
  /** Both clocks go on. */
  advance(span: number): void
  /** The wall clock alone is set. */
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
