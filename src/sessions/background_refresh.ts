/** Runs background refreshes of cached sessions, a limited number at a time. */
import type { Finding } from './types.ts'

export type RefreshOutcome = 'renewed' | 'ended' | 'failed' | 'skipped'

/** The returned function starts a refresh, or skips it if `maxConcurrent` are in progress. */
export function createBackgroundRefresh(
  maxConcurrent: number,
  onOutcome: (outcome: RefreshOutcome) => void,
): (load: () => Promise<Finding>) => void {
  let active = 0
  return load => {
    if (active >= maxConcurrent) {
      onOutcome('skipped')
      return
    }
    active++
    void load().then(({ kind }) => {
      active--
      const ended = kind === 'rejected' || kind === 'second factor'
      onOutcome(kind === 'verified' ? 'renewed' : ended ? 'ended' : 'failed')
    })
  }
}
