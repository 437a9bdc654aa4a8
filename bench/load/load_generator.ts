/** Starts load generators, each in a process of its own. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { LoadJob, LoadResult } from './job.ts'

export interface LoadGenerator {
  /** Rejects where the process ends, for example because a connection breaks. */
  run(job: LoadJob): Promise<LoadResult>
  close(): void
}

/**
 * The process runs several jobs, so that only the first one meets code that V8 has not compiled. It inherits the core
 * of this process, which servers.ts has chosen.
 */
export function startLoadGenerator(): LoadGenerator {
  const child = fork(new URL('./generator.ts', import.meta.url).pathname)
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the load generator exited with ${code}`)
  })
  ended.catch(() => {})
  return {
    async run(job) {
      const result = once(child, 'message')
      child.send(job)
      const [message] = (await Promise.race([result, ended])) as [LoadResult]
      return message
    },
    close: () => child.disconnect(),
  }
}

/** Runs one job in a new process. */
export async function runLoad(job: LoadJob): Promise<LoadResult> {
  const generator = startLoadGenerator()
  try {
    return await generator.run(job)
  } finally {
    generator.close()
  }
}
