/** Preloaded into a measured server (`node --import`): it answers its parent's messages with the state of the process. */
import type { ProcessState, StateRequest } from './servers.ts'

process.on('message', ({ collect }: StateRequest) => {
  if (collect) globalThis.gc?.()
  const { heapUsed, heapTotal, external } = process.memoryUsage()
  const state: ProcessState = {
    heapUsedMb: heapUsed / 2 ** 20,
    heapTotalMb: heapTotal / 2 ** 20,
    externalMb: external / 2 ** 20,
    resources: process.getActiveResourcesInfo().length,
  }
  process.send?.(state)
})
// The channel must not keep a server alive that has stopped.
process.channel?.unref()
