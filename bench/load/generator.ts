/** The process of a load generator: it runs the jobs that its parent sends, one after the other. */
import type { LoadJob } from './job.ts'
import { runJob } from './run_job.ts'

process.on('message', async (job: LoadJob) => {
  try {
    process.send?.(await runJob(job))
  } catch (error) {
    console.error(error)
    process.exit(1)
  }
})
