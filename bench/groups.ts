/** The groups of measurements by name. */
import { envoy } from './groups/envoy.ts'
import { features } from './groups/features.ts'
import { flood } from './groups/flood.ts'
import type { BenchmarkGroup } from './groups/group.ts'
import { hanging } from './groups/hanging.ts'
import { headers } from './groups/headers.ts'
import { histograms } from './groups/histograms.ts'
import { inFlight } from './groups/in_flight.ts'
import { latency } from './groups/latency.ts'
import { main } from './groups/main.ts'
import { memory } from './groups/memory.ts'
import { reload } from './groups/reload.ts'
import { reloadCpu } from './groups/reload_cpu.ts'
import { replicas } from './groups/replicas.ts'
import { rules } from './groups/rules.ts'
import { sessions } from './groups/sessions.ts'
import { soak } from './groups/soak.ts'
import { stampede } from './groups/stampede.ts'
import { start } from './groups/start.ts'
import { tokens } from './groups/tokens.ts'

export const GROUPS: ReadonlyMap<string, BenchmarkGroup> = new Map(
  Object.entries({
    main,
    in_flight: inFlight,
    latency,
    features,
    envoy,
    rules,
    headers,
    tokens,
    sessions,
    stampede,
    start,
    memory,
    flood,
    hanging,
    reload,
    reload_cpu: reloadCpu,
    histograms,
    replicas,
    soak,
  }),
)
