/** Queue of calls in which networks take turns. */

/** Frees the slot of a call. Further calls have no effect. */
export type Release = () => void

export interface QueuedCall {
  /** `undefined` drops the call. */
  readonly resolve: (slot: Release | undefined) => void
  readonly isWanted: () => boolean
}

export interface FairQueue {
  add(network: string, call: QueuedCall): void
  /** Removes the oldest call of the network whose turn it is. */
  takeNext(): QueuedCall | undefined
  /** Drops all calls that no request waits for. */
  dropUnwanted(): void
  /**
   * Drops the newest call of the network with the most, if it has more than `network` would have. Default: if the queue has
   * any call.
   */
  dropFromLongest(network?: string): boolean
  readonly size: number
}

export function createFairQueue(): FairQueue {
  /** In the order of their turns. No list is empty. */
  const byNetwork = new Map<string, QueuedCall[]>()
  let size = 0

  return {
    add(network, call) {
      const calls = byNetwork.get(network)
      if (calls === undefined) byNetwork.set(network, [call])
      else calls.push(call)
      size++
    },
    takeNext() {
      const [turn] = byNetwork
      if (turn === undefined) return undefined
      const [network, calls] = turn
      const call = calls.shift()
      byNetwork.delete(network)
      if (calls.length > 0) byNetwork.set(network, calls)
      size--
      return call
    },
    dropUnwanted() {
      for (const [network, calls] of byNetwork) {
        const wanted: QueuedCall[] = []
        for (const call of calls) {
          if (call.isWanted()) wanted.push(call)
          else call.resolve(undefined)
        }
        if (wanted.length === calls.length) continue
        size -= calls.length - wanted.length
        if (wanted.length === 0) byNetwork.delete(network)
        else byNetwork.set(network, wanted)
      }
    },
    dropFromLongest(network) {
      let longest: QueuedCall[] = []
      let owner = ''
      for (const [one, calls] of byNetwork) {
        if (calls.length <= longest.length) continue
        longest = calls
        owner = one
      }
      const allowed = network === undefined ? 0 : (byNetwork.get(network)?.length ?? 0) + 1
      if (longest.length <= allowed) return false
      longest.pop()?.resolve(undefined)
      if (longest.length === 0) byNetwork.delete(owner)
      size--
      return true
    },
    get size() {
      return size
    },
  }
}
