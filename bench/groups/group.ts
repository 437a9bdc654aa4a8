/** A group of measurements that the command line can name. */
import type { Effort } from '../compare.ts'

export interface Group {
  readonly about: string
  run(effort: Effort): Promise<void>
}
