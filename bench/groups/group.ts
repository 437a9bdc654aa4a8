/** The interface of a group of measurements. */
import type { MeasurementOptions } from '../compare.ts'

export interface BenchmarkGroup {
  /** What the group measures, for --help. */
  readonly description: string
  run(options: MeasurementOptions): Promise<void>
}
