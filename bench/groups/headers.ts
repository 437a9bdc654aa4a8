/** Measures the cost of header templates, from a constant to sprig functions. */

import type { BenchmarkCase } from '../compare.ts'
import { IDENTITY_ID, sessionCheck, sessionConfig, sessionRules, USER_ID } from '../rules_and_checks.ts'
import { startCredenceServer } from '../servers.ts'
import { compare } from '../table.ts'
import type { BenchmarkGroup } from './group.ts'

const SPRIG = {
  ...USER_ID,
  'x-email': '{{ .Extra.identity.traits.email | lower | trimSuffix "@example.com" | quote }}',
  'x-claims': '{{ dict "sub" .Subject "aal" .Extra.authenticator_assurance_level | toJson | b64enc }}',
  'x-path': '{{ .MatchContext.URL.Path | splitList "/" | rest | join "." | upper | trunc 40 }}',
  'x-kind': '{{ if hasPrefix "9" .Subject }}person{{ else }}machine{{ end }}',
}

const headerCase = (name: string, headers: object): BenchmarkCase => ({
  name,
  start: kratos =>
    startCredenceServer({ rules: sessionRules(10), config: sessionConfig(kratos.whoami, headers) }),
  workload: { messages: [sessionCheck(10).toString('base64')], expected: 'x-user-id' },
})

export const headers: BenchmarkGroup = {
  description: 'header templates: a constant, the subject, five headers with sprig functions',
  run: options =>
    compare(
      {
        benchmarks: [
          headerCase('a constant', { 'x-user-id': IDENTITY_ID }),
          headerCase('the subject', USER_ID),
          headerCase('five headers with sprig', SPRIG),
        ],
      },
      options,
    ),
}
