/** Runs cases about the labels of Oathkeeper's metrics, which no response shows, against the instruments themselves. */
import { createOathkeeperMetrics } from '../../src/telemetry/oathkeeper_metrics.ts'
import { openMetrics, scrape } from '../support/metrics.ts'
import type { Case } from './case.ts'
import { matchesJson } from './matches.ts'
import type { CaseResult } from './run_case.ts'

interface Prometheus {
  readonly hide_request_paths?: boolean
  readonly metric_name_prefix?: string
}

/** Records one decision for each path of the case, and compares what Prometheus scrapes. */
export async function runMetricsCase(testCase: Case): Promise<CaseResult> {
  const { prometheus } = (testCase.config?.serve ?? {}) as { readonly prometheus?: Prometheus }
  const prefix = prometheus?.metric_name_prefix ?? 'ory_oathkeeper_'
  const hidePaths = prometheus?.hide_request_paths ?? false
  const metrics = await openMetrics()
  const count = createOathkeeperMetrics(metrics, { prefix, hideRequestPaths: hidePaths })
  const paths = [testCase.input ?? []].flat()
  for (const _ of paths) count('GET', 200, 1)
  const text = await scrape(metrics)
  const counts = Object.fromEntries(
    [...text.matchAll(new RegExp(`^${prefix}requests_total\\{.*request="([^"]*)".*\\} (\\d+)$`, 'gm'))].map(
      ([, label = '', count]) => [label, Number(count)],
    ),
  )
  const { request_label: label, by_request_label: expectedCounts } = testCase.expect
  const expected = expectedCounts ?? { [label ?? 'nothing']: paths.length }
  const same = matchesJson(expected, counts)
  return {
    differences: same ? [] : [`labels: wanted ${JSON.stringify(expected)}, got ${JSON.stringify(counts)}`],
    alternative: undefined,
  }
}
