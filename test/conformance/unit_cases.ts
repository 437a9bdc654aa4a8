/** test/conformance/unit — a case that no request can show: what Oathkeeper's own metrics say of paths. Runs the instruments themselves. */

import { createOathkeeperMetrics } from '../../src/telemetry/oathkeeper_metrics.ts'
import { openMetrics, scrape } from '../support/metrics.ts'
import type { Case } from './case.ts'
import { sameJson } from './judge.ts'
import type { Outcome } from './run.ts'

interface Prometheus {
  readonly hide_request_paths?: boolean
  readonly metric_name_prefix?: string
}

/** One decision for each path of the case; then what Prometheus reads. */
export async function runUnit(one: Case): Promise<Outcome> {
  const { prometheus } = (one.config?.serve ?? {}) as { readonly prometheus?: Prometheus }
  const prefix = prometheus?.metric_name_prefix ?? 'ory_oathkeeper_'
  const hidden = prometheus?.hide_request_paths ?? false
  const metrics = await openMetrics()
  const count = createOathkeeperMetrics(metrics, { prefix, hidden })
  const paths = [one.input ?? []].flat()
  for (const _ of paths) count('GET', 200, 1)
  const text = await scrape(metrics)
  const counts = Object.fromEntries(
    [...text.matchAll(new RegExp(`^${prefix}requests_total\\{.*request="([^"]*)".*\\} (\\d+)$`, 'gm'))].map(
      ([, label = '', count]) => [label, Number(count)],
    ),
  )
  const { request_label: label, by_request_label: many } = one.expect
  const want = many ?? { [label ?? 'nothing']: paths.length }
  const same = sameJson(want, counts)
  return {
    differences: same ? [] : [`labels: wanted ${JSON.stringify(want)}, got ${JSON.stringify(counts)}`],
    alternative: undefined,
  }
}
