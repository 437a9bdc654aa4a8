/** A group of measurements that the command line can name. */
import type { MeasurementOptions } from '../compare.ts'

export interface BenchmarkGroup {
  readonly description: string
  run(effort: MeasurementOptions): Promise<void>
}
