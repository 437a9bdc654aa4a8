/** bench/groups/headers — what header templates cost, from a constant to sprig. */
import { IDENTITY, rulesOf, sessionCheck, sessionConfig, USER_ID } from '../checks.ts'
import { compare, type Row } from '../compare.ts'
import { startCredence } from '../servers.ts'
import type { Group } from './group.ts'

const SPRIG = {
  ...USER_ID,
  'x-email': '{{ .Extra.identity.traits.email | lower | trimSuffix "@example.com" | quote }}',
  'x-claims': '{{ dict "sub" .Subject "aal" .Extra.authenticator_assurance_level | toJson | b64enc }}',
  'x-path': '{{ .MatchContext.URL.Path | splitList "/" | rest | join "." | upper | trunc 40 }}',
  'x-kind': '{{ if hasPrefix "9" .Subject }}person{{ else }}machine{{ end }}',
}

const withHeaders = (name: string, headers: object): Row => ({
  name,
  start: kratos => startCredence({ rules: rulesOf(10), config: sessionConfig(kratos.whoami, headers) }),
  kind: { bodies: [sessionCheck(10).toString('base64')], wanted: 'x-user-id' },
})

export const headers: Group = {
  about: 'header templates: a constant, the subject, five headers with sprig functions',
  run: effort =>
    compare(
      [
        withHeaders('a constant', { 'x-user-id': IDENTITY }),
        withHeaders('the subject', USER_ID),
        withHeaders('five headers with sprig', SPRIG),
      ],
      effort,
    ),
}
